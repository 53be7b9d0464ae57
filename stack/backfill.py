"""`./retail backfill`: the first load of a long history, in ranges, by as many processes as BACKFILL_JOBS says.

The work and its memory are the pipeline's (`ingestion.backfill`): here are only its processes, and what a person sees.
Killed at any moment, the next `backfill`, or the next hour, goes on where each range stood.
"""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ingestion.sales_backfill import plan_backfill
from loaders.backfill import read_progress
from loaders.command import hand_run_id
from loaders.database import connect, transaction
from loaders.errors import EntityLocked, NothingToDo, RetailError
from loaders.schema import prepare_schema
from loaders.state_store import sales_waiting
from stack.airflow import pipeline_environment
from stack.interrupts import raise_if_told
from stack.processes import Service, ended, start, stop
from stack.warehouse import platform, pointed_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from psycopg2.extensions import connection

    from loaders.state_store import IdRange
    from stack.home import Home
    from stack.settings import StackSettings
    from stack.talk import Talk
    from stack.warehouse import Endpoints

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0
_PULL = "ingestion.sales_backfill"
_LOADERS = ("loaders.load_sales_customers", "loaders.load_sales_products")


@dataclass(frozen=True)
class Backfilled:
    """A backfill that is through; without ranges, what an earlier one had left to load. Seconds of both steps."""

    ranges: int
    first_id: int | None
    last_id: int | None
    pull_seconds: float
    load_seconds: float

    def summary(self) -> str:
        """One line for a person."""
        what = f"sales {self.first_id:,} to {self.last_id:,} are" if self.ranges else "all sales of Bronze are"
        return (
            f"{what} in Silver ({self.pull_seconds:.0f} s to Bronze, {self.load_seconds:.0f} s to Silver); "
            "./retail run builds Gold"
        )


class StepFailed(RetailError):
    """A process of the backfill ended in its own words, with its own exit code."""

    def __init__(self, message: str, *, remedy: str, exit_code: int) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


@dataclass(frozen=True)
class _Amount:
    """How far a step is: `words` for a person, `done` of `total`."""

    words: str
    done: int
    total: int


def run_backfill(home: Home, settings: StackSettings, talk: Talk) -> Backfilled:
    """Plan or resume, pull, load. Raises NothingToDo when nothing is left and too little is new."""
    with home.try_locked("backfill") as mine:
        if not mine:
            raise RetailError(
                f"another ./retail backfill is under way (process {home.holder('backfill')})",
                remedy="wait for it to end, or stop it with ./retail down; ./retail status tells how far it is",
            )
        with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
            prepare_schema(conn)
            steps = _Steps(home, _environment(settings, endpoints), talk, conn)
            ranges = _planned(conn, pointed_to(settings, endpoints), talk)
            pull_seconds = steps.pull(settings.backfill_jobs) if ranges else 0.0
            load_seconds = steps.load()
    first, last = (ranges[0].first, ranges[-1].last) if ranges else (None, None)
    return Backfilled(len(ranges), first, last, pull_seconds, load_seconds)


def _planned(conn: connection, settings: StackSettings, talk: Talk) -> tuple[IdRange, ...]:
    """The ranges to pull. None, when all are pulled and files wait for Silver: an earlier one ended between the two."""
    try:
        with talk.step("plan"):
            planned = plan_backfill(conn, settings, run_id=hand_run_id())
    except NothingToDo:
        if not _waiting(conn):
            raise
        return ()
    talk.say(planned.summary())
    return planned.ranges


def _environment(settings: StackSettings, endpoints: Endpoints) -> dict[str, str]:
    """Of the steps: they work by the login of their layer."""
    login = {"DATABASE_URL": endpoints.ingestion_url or endpoints.database_url}
    return {**os.environ, **pipeline_environment(settings, endpoints), **login}


class _Steps:
    """The steps as processes, side by side."""

    def __init__(self, home: Home, environment: Mapping[str, str], talk: Talk, conn: connection) -> None:
        self._home, self._environment, self._talk, self._conn = home, environment, talk, conn

    def pull(self, jobs: int) -> float:
        """Source → Bronze, by so many processes; seconds. Raises StepFailed, or EntityLocked if others hold ranges."""
        names = {f"backfill-{number}": _PULL for number in range(jobs)}
        seconds = self._run("source → Bronze", names, lambda: _pulled(self._conn))
        with transaction(self._conn):
            left = read_progress(self._conn)
        if left is not None:
            raise EntityLocked(
                f"another run holds the rest of the backfill: {left.words()}",
                remedy="wait for it to end (./retail status), then run ./retail backfill again",
            )
        return seconds

    def load(self) -> float:
        """Bronze → Silver, a process a table; seconds. Raises StepFailed."""
        total = _waiting(self._conn)

        def loaded() -> _Amount:
            done = max(0, total - _waiting(self._conn))
            return _Amount(f"{done} of {total} files in Silver", done, total)

        return self._run("Bronze → Silver", {one.replace("loaders.", "backfill-"): one for one in _LOADERS}, loaded)

    def _run(self, title: str, steps: Mapping[str, str], amount: Callable[[], _Amount | None]) -> float:
        """Run `python -m` for each until all have ended. The first that fails ends the others."""
        began = time.monotonic()
        stop(self._home, steps)  # what a command that was killed has left at work
        logs = {name: self._home.logs / f"{name}.log" for name in steps}
        offsets = {name: log.stat().st_size if log.exists() else 0 for name, log in logs.items()}
        try:
            processes = {
                name: start(self._home, Service(name, (sys.executable, "-m", module), self._environment))
                for name, module in steps.items()
            }
            with _shown(self._talk, amount) as show:
                codes: list[int | None] = [None]
                while None in codes:
                    raise_if_told()
                    show()
                    codes = [process.poll() for process in processes.values()]
                    for name, process in processes.items():
                        if process.poll():
                            raise _failed(self._home, name, process.returncode, logs[name], offsets[name])
                    time.sleep(_POLL_SECONDS if None in codes else 0)
        finally:
            stop(self._home, steps)
        self._talk.done(title, time.monotonic() - began)
        return time.monotonic() - began


def _failed(home: Home, name: str, code: int, log: Path, offset: int) -> RetailError:
    """What the step itself said, or the end of its log."""
    with log.open("rb") as stream:
        stream.seek(offset if offset <= log.stat().st_size else 0)  # it began anew when it was full
        said = stream.read().decode("utf-8", errors="replace")
    found = re.search(r"^error: (?P<what>.*)\n +do: (?P<remedy>.*)$", said, re.MULTILINE)
    return StepFailed(found["what"], remedy=found["remedy"], exit_code=code) if found else ended(home, name, code)


def _pulled(conn: connection) -> _Amount | None:
    with transaction(conn):
        progress = read_progress(conn)
    return _Amount(progress.words(), progress.ids_done, progress.ids) if progress else None


def _waiting(conn: connection) -> int:
    with transaction(conn):
        return sales_waiting(conn)


@contextmanager
def _shown(talk: Talk, amount: Callable[[], _Amount | None]) -> Iterator[Callable[[], None]]:
    """Yields what shows how far it is: a bar on a terminal, a line now and then elsewhere."""
    if not talk.console.is_terminal:
        yield _lines(talk, amount)
        return
    columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=talk.console, transient=True) as bar:
        task = bar.add_task("", total=None)

        def show() -> None:
            if found := amount():
                bar.update(task, total=found.total, completed=found.done, description=found.words)

        yield show


def _lines(talk: Talk, amount: Callable[[], _Amount | None]) -> Callable[[], None]:
    due = time.monotonic() + _LINE_SECONDS

    def show() -> None:
        nonlocal due
        if time.monotonic() >= due:
            if found := amount():
                talk.say(found.words)
            due = time.monotonic() + _LINE_SECONDS

    return show
