"""Messages of a command while it works: to stderr, so that stdout stays data.

On a terminal a step shows a spinner and is redrawn as one line when it is done; elsewhere each line is printed once.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from medallion.foreign_text import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME_WIDTH = 30

MOST_WIDTH = 240  # of a table whose names must not be cut; a terminal breaks longer lines


class Talk:
    """Prints messages for a person."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Show that `name` is under way, then how long it took."""
        began = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"{name} …"):
                yield
        else:
            yield
        self.done(name, time.monotonic() - began)

    def done(self, name: str, seconds: float, note: str = "") -> None:
        """Print a step that is done."""
        self.console.print(f"[green]✓[/] {name:<{_NAME_WIDTH}} {seconds:6.1f} s  {note}".rstrip())

    def skipped(self, name: str, note: str = "") -> None:
        """Print a step that had nothing to do."""
        self.console.print(f"[dim]- {name:<{_NAME_WIDTH}} skipped   {note}[/]".rstrip())

    def not_started(self, name: str) -> None:
        """Print a step that a failure before it has kept from starting."""
        self.console.print(f"[dim]- {name:<{_NAME_WIDTH}} not started[/]")

    def failed(self, name: str, seconds: float, note: str = "") -> None:
        """Print a step that failed."""
        self.console.print(f"[red]✗[/] {name:<{_NAME_WIDTH}} {seconds:6.1f} s  {note}".rstrip())

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(_safe(text), markup=False)

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.console.print(_safe(f"warning: {text}"), style="yellow", markup=False)

    def error(self, what: str, why: str, remedy: str) -> None:
        """Print the three lines of an error."""
        self.console.print(_safe(f"error: {what}"), style="red", markup=False)
        self.console.print(_safe(f"  why: {why}"), markup=False)
        self.console.print(_safe(f"   do: {remedy}"), markup=False)


def _safe(text: str) -> str:
    """The text, which may quote foreign text, without control codes for the terminal."""
    return escaped(text, keep="\n")


def print_data(text: str) -> None:
    """Write a command's result to stdout."""
    sys.stdout.write(text + "\n")
