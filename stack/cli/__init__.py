"""The `./retail` command line: words in, exit code out."""
