"""`python -m stack`: what the launcher hands over to."""

from stack.app import main

main()
