"""`python -m stack`: the entry point that the launcher calls."""

from stack.cli.app import main

main()
