"""`./retail backfill`: the first load of a long history, in ranges, by as many processes as BACKFILL_JOBS says.

The work and its memory are the pipeline's (`ingestion.backfill`): here are only its processes, and what a person sees.
Killed at any moment, the next `backfill`, or the next hour, goes on where each range stood.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from ingestion.sales_backfill import plan_backfill
from loaders.backfill import read_progress
from loaders.command import hand_run_id
from loaders.database import connect, transaction
from loaders.errors import EntityLocked, RetailError
from loaders.schema import prepare_schema
from stack.airflow import pipeline_environment
from stack.interrupts import raise_if_told
from stack.processes import Service, ended, start, stop
from stack.warehouse import platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from psycopg2.extensions import connection

    from stack.home import Home
    from stack.settings import StackSettings
    from stack.talk import Talk
    from stack.warehouse import Endpoints

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0
_LOADERS = ("loaders.load_sales_customers", "loaders.load_sales_products")


@dataclass(frozen=True)
class Backfilled:
    """A backfill that is through. Seconds of the source → Bronze and of Bronze → Silver."""

    ranges: int
    first_id: int
    last_id: int
    pull_seconds: float
    load_seconds: float

    def summary(self) -> str:
        """One line for a person."""
        return (
            f"sales {self.first_id:,} to {self.last_id:,} are in Silver "
            f"({self.pull_seconds:.0f} s to Bronze, {self.load_seconds:.0f} s to Silver); ./retail run builds Gold"
        )


def run_backfill(home: Home, settings: StackSettings, talk: Talk) -> Backfilled:
    """Plan or resume, pull, load. Raises NothingToDo when there is too little to cut, else a RetailError."""
    with home.try_locked("backfill") as mine:
        if not mine:
            raise RetailError(
                f"another ./retail backfill is under way (process {home.holder('backfill')})",
                remedy="wait for it to end, or stop it with ./retail down; ./retail status tells how far it is",
            )
        with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
            prepare_schema(conn)
            with talk.step("plan"):
                planned = plan_backfill(conn, _pointed_to(settings, endpoints), run_id=hand_run_id())
            talk.say(planned.summary())
            environment = _environment(settings, endpoints)
            workers = {f"backfill-{number}": "ingestion.sales_backfill" for number in range(settings.backfill_jobs)}
            pull_seconds = _run(home, environment, workers, talk, "source → Bronze", conn)
            _require_whole(conn)
            loaders = {module.replace("loaders.", "backfill-"): module for module in _LOADERS}
            load_seconds = _run(home, environment, loaders, talk, "Bronze → Silver", None)
    ranges = planned.ranges
    return Backfilled(len(ranges), ranges[0].first, ranges[-1].last, pull_seconds, load_seconds)


def _pointed_to(settings: StackSettings, endpoints: Endpoints) -> StackSettings:
    """The settings with the source that answers."""
    found = {"source_api_url": endpoints.source_api_url, "source_api_key": endpoints.source_api_key}
    return settings.model_validate(settings.model_dump() | found)


def _environment(settings: StackSettings, endpoints: Endpoints) -> dict[str, str]:
    """Of the steps: they work by the login of their layer."""
    login = {"DATABASE_URL": endpoints.ingestion_url or endpoints.database_url}
    return {**os.environ, **pipeline_environment(settings, endpoints), **login}


def _run(
    home: Home,
    environment: Mapping[str, str],
    steps: Mapping[str, str],
    talk: Talk,
    title: str,
    conn: connection | None,
) -> float:
    """Run `python -m` for each, side by side, until all have ended; seconds. The first that fails ends the others."""
    began = time.monotonic()
    try:
        processes = {
            name: start(home, Service(name, (sys.executable, "-m", module), environment))
            for name, module in steps.items()
        }
        with _shown(talk, conn) as show:
            while any(process.poll() is None for process in processes.values()):
                raise_if_told()
                show()
                _check_codes(home, {name: process.poll() for name, process in processes.items()})
                time.sleep(_POLL_SECONDS)
        _check_codes(home, {name: process.poll() for name, process in processes.items()})
    finally:
        stop(home, steps)
    seconds = time.monotonic() - began
    talk.done(title, seconds)
    return seconds


def _check_codes(home: Home, codes: Mapping[str, int | None]) -> None:
    for name, code in codes.items():
        if code:
            raise ended(home, name, code)


@contextmanager
def _shown(talk: Talk, conn: connection | None) -> Iterator[Callable[[], None]]:
    """Yields what shows how far the backfill is: a bar on a terminal, a line now and then elsewhere."""
    if conn is None:
        yield lambda: None
    elif talk.console.is_terminal:
        with _bar(talk, conn) as show:
            yield show
    else:
        yield _lines(talk, conn)


@contextmanager
def _bar(talk: Talk, conn: connection) -> Iterator[Callable[[], None]]:
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=talk.console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show() -> None:
            with transaction(conn):
                progress = read_progress(conn)
            if progress:
                bar.update(task, total=progress.ids, completed=progress.ids_done, description=progress.words())

        yield show


def _lines(talk: Talk, conn: connection) -> Callable[[], None]:
    due = time.monotonic() + _LINE_SECONDS

    def show() -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        with transaction(conn):
            progress = read_progress(conn)
        if progress:
            talk.say(progress.words())
        due = time.monotonic() + _LINE_SECONDS

    return show


def _require_whole(conn: connection) -> None:
    """The processes are through: what is left, somebody else holds."""
    with transaction(conn):
        progress = read_progress(conn)
    if progress is not None:
        raise EntityLocked(
            f"another run holds the rest of the backfill: {progress.words()}",
            remedy="wait for it to end (./retail status), then run ./retail backfill again",
        )
