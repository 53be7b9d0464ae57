"""`./retail backfill`: the first load of a long history, in ranges, by BACKFILL_JOBS processes.

The pipeline does the work and keeps its state (`ingestion.backfill`): this module has only the processes and the
display. If it is killed, the next `backfill` or the next hourly run resumes each range.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ingestion.sales import SALES
from ingestion.sales_backfill import plan_backfill
from medallion.database import connect, transaction
from medallion.errors import EntityLocked, NothingToDo, RetailError, StepFailed
from medallion.process.failure_file import VARIABLE, read_failure
from medallion.process.step import hand_run_id
from medallion.process.steps import LOAD_SALES, PULL_RANGE
from medallion.schema import prepare_schema
from medallion.state.backfill_ranges import read_progress
from medallion.state.receipts import files_waiting
from medallion.wording import counted
from stack.host.interrupts import raise_if_told
from stack.services.airflow.service import pipeline_environment
from stack.services.processes import Service, ended, start, stop
from stack.services.warehouse import platform, with_source

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from psycopg2.extensions import connection

    from medallion.state.id_range import IdRange
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.endpoints import Endpoints

_POLL_SECONDS = 0.5
_LINE_SECONDS = 10.0
_PULL = PULL_RANGE.work[0].partition(":")[0]
_LOADERS = tuple(step.work[0].partition(":")[0] for step in LOAD_SALES)


@dataclass(frozen=True)
class Backfilled:
    """A finished backfill, with the seconds of both steps; without ranges, it only loaded what an earlier one left."""

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


@dataclass(frozen=True)
class _Amount:
    """The progress of a step: `words` for a person, `done` of `total`."""

    words: str
    done: int
    total: int


def run_backfill(home: Home, settings: StackSettings, talk: Talk) -> Backfilled:
    """Plan or resume a backfill, pull it and load it. Raises NothingToDo when nothing is left and too little is new."""
    with home.try_locked("backfill") as mine:
        if not mine:
            raise RetailError(
                f"another ./retail backfill is under way (process {home.holder('backfill')})",
                remedy="wait for it to end, or stop it with ./retail down; ./retail status shows its progress",
                why="one command of its kind at a time may work in a RETAIL_HOME",
            )
        with platform(home, settings, talk) as endpoints, connect(endpoints.database_url) as conn:
            prepare_schema(conn)
            steps = _Steps(home, _environment(settings, endpoints), talk, conn)
            ranges = _planned(conn, with_source(settings, endpoints), talk)
            pull_seconds = steps.pull(settings.backfill_jobs) if ranges else 0.0
            load_seconds = steps.load()
    first, last = (ranges[0].first, ranges[-1].last) if ranges else (None, None)
    return Backfilled(len(ranges), first, last, pull_seconds, load_seconds)


def _planned(conn: connection, settings: StackSettings, talk: Talk) -> tuple[IdRange, ...]:
    """The ranges to pull; empty when an earlier backfill pulled all of them and its files still wait for Silver."""
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
    """The environment of the steps: each uses the login of its layer."""
    return {**os.environ, **pipeline_environment(settings, endpoints)}


class _Steps:
    """The steps as parallel processes."""

    def __init__(self, home: Home, environment: Mapping[str, str], talk: Talk, conn: connection) -> None:
        self._home, self._environment, self._talk, self._conn = home, environment, talk, conn

    def pull(self, jobs: int) -> float:
        """Pull with `jobs` processes; returns seconds. Raises StepFailed, or EntityLocked if others hold ranges."""
        names = {f"backfill-{number}": _PULL for number in range(jobs)}
        seconds = self._run("source → Bronze", names, lambda: _pulled(self._conn))
        with transaction(self._conn):
            left = read_progress(self._conn, SALES.name)
        if left is not None:
            raise EntityLocked(
                f"another run holds the rest of the backfill: {left.words()}",
                remedy="wait for it to end (./retail status), then run ./retail backfill again",
            )
        return seconds

    def load(self) -> float:
        """Load Bronze into Silver, one process per table; returns seconds. Raises StepFailed."""
        total = _waiting(self._conn)

        def loaded() -> _Amount:
            done = max(0, total - _waiting(self._conn))
            return _Amount(f"{done} of {counted(total, 'file')} in Silver", done, total)

        return self._run("Bronze → Silver", {one.replace("loaders.", "backfill-"): one for one in _LOADERS}, loaded)

    def _run(self, title: str, steps: Mapping[str, str], amount: Callable[[], _Amount | None]) -> float:
        """Run `python -m` for each step until all have ended. The first failure ends the others."""
        began = time.monotonic()
        stop(self._home, steps)  # processes that a killed command has left running
        try:
            processes = {name: self._start(name, module) for name, module in steps.items()}
            with _shown(self._talk, amount) as show:
                codes: list[int | None] = [None]
                while None in codes:
                    raise_if_told()
                    show()
                    codes = [process.poll() for process in processes.values()]
                    for name, process in processes.items():
                        if process.poll():
                            raise self._failed(name, process.returncode)
                    time.sleep(_POLL_SECONDS if None in codes else 0)
        finally:
            stop(self._home, steps)
        self._talk.done(title, time.monotonic() - began)
        return time.monotonic() - began

    def _start(self, name: str, module: str) -> subprocess.Popen[bytes]:
        """Start `python -m module`, which writes its error, if any, to a file."""
        file = self._failure_file(name)
        file.unlink(missing_ok=True)
        environment = {**self._environment, VARIABLE: str(file)}
        return start(self._home, Service(name, (sys.executable, "-m", module), environment))

    def _failed(self, name: str, code: int) -> RetailError:
        """The step's own error, or the end of its log."""
        error = read_failure(self._failure_file(name))
        if error is None or error.remedy is None:
            return ended(self._home, name, code)
        return StepFailed(error.error_message, remedy=error.remedy, exit_code=error.exit_code)

    def _failure_file(self, name: str) -> Path:
        return self._home.run / f"{name}.failure"


def _pulled(conn: connection) -> _Amount | None:
    with transaction(conn):
        progress = read_progress(conn, SALES.name)
    return _Amount(progress.words(), progress.ids_done, progress.ids) if progress else None


def _waiting(conn: connection) -> int:
    with transaction(conn):
        return files_waiting(conn, SALES.datasets)


@contextmanager
def _shown(talk: Talk, amount: Callable[[], _Amount | None]) -> Iterator[Callable[[], None]]:
    """Yields a function that shows the progress: a bar on a terminal, elsewhere a line from time to time."""
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
