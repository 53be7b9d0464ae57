"""One module per `./retail` command: what it does, without the words that call it."""
