"""The `./retail` command line: arguments in, exit code out."""
