"""One module per `./retail` command: its work, without the command line."""
