"""`python -m stack`: what the launcher hands over to."""

from stack.cli.app import main

main()
