"""`./retail logs`: which logs there are, the end of one, or one as it grows."""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer

from stack.cli.context import open_home
from stack.host.console import Talk, print_data
from stack.host.interrupts import Interrupted

Name = Annotated[str | None, typer.Argument(metavar="SERVICE|TASK", help="Without it: list the logs.")]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print new lines as they come, until Ctrl-C.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines to print.")]


def logs(name: Name = None, *, follow: Follow = False, lines: Lines = 50) -> None:
    """Print the end of a service's log, or of the last attempt of a task. Without a name, list the logs there are."""
    from stack.commands.logs import find_log, find_logs, last_lines, list_lines

    home, _ = open_home()
    if name is None:
        found = find_logs(home)
        if found:
            print_data("\n".join(list_lines(found, time.time())))
        else:
            Talk().say("no logs yet: ./retail run makes the first")
    elif follow:
        _follow(name, lines)
    else:
        log = find_log(home, name)
        Talk().say(f"==> {log.file}")
        for line in last_lines(log, lines):
            print_data(line)


def _follow(name: str, lines: int) -> None:
    from stack.commands.logs import follow

    try:
        for line in follow(open_home()[0], name, lines):
            print_data(line)
            sys.stdout.flush()
    except Interrupted as stop:  # the way to end it
        raise typer.Exit(stop.exit_code) from None
