"""Progress of a pull: a live line on a terminal, elsewhere a plain line from time to time."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Report = Callable[[int, str | None], None]

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def pull_progress(entity: str, position: Callable[[str | None], str]) -> Iterator[Report]:
    """Yields a function to call after each page, with its number of records and the cursor after it.

    `position` turns the cursor into words.
    """
    if sys.stderr.isatty():
        with _live(entity, position) as report:
            yield report
    else:
        yield _lines(entity, position)


@contextmanager
def _live(entity: str, position: Callable[[str | None], str]) -> Iterator[Report]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.completed:,.0f} records"),
        TextColumn("up to {task.fields[cursor]}", markup=False),  # text from the source
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(entity, total=None, cursor="")

        def report(records: int, cursor: str | None) -> None:
            progress.update(task, advance=records, cursor=position(cursor))

        yield report


def _lines(entity: str, position: Callable[[str | None], str]) -> Report:
    total, due = 0, time.monotonic() + SECONDS_BETWEEN_LINES

    def report(records: int, cursor: str | None) -> None:
        nonlocal total, due
        total += records
        if time.monotonic() >= due:
            log.info("%s: %s records so far, up to %s", entity, f"{total:,}", position(cursor))
            due = time.monotonic() + SECONDS_BETWEEN_LINES

    return report
