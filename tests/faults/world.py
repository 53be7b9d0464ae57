"""A platform of its own for a test that breaks it: source, warehouse, Bronze folder, and the steps as processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from psycopg2.extensions import connection
from starlette.middleware.base import RequestResponseEndpoint

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.bronze.writer import bronze_path
from medallion.database import connect
from medallion.settings import PROJECT_ROOT, Settings
from medallion.state.backfill_ranges import add_ranges
from medallion.state.id_range import IdRange
from tests.conftest import KEY
from tests.ledger_source import LedgerSource, sale
from tests.queries import rows

COLLECT = "ingestion.sales"
BACKFILL = "ingestion.sales_backfill"
LOAD = "loaders.load_all_silver"
SMALL: dict[str, Any] = {
    "source_page_size": 10,
    "source_retry_attempts": 1,
    "bronze_part_bytes": 1,  # a part after each page
    "load_chunk_bytes": 700,  # several blocks to a file
}
LONGEST_WAIT_SECONDS = 20.0
OTHERS = "datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"


@dataclass(frozen=True)
class Ended:
    """How a process ended. `code` is negative for the signal that ended it."""

    code: int
    said: str


class HoldingSource(LedgerSource):
    """Answers until it is told to hold: then a request waits, for a test that must catch a step while it pulls."""

    def __init__(self) -> None:
        super().__init__()
        self._held_from: int | None = None
        self.holds = False
        self.app.middleware("http")(self._hold)

    def hold(self, *, after: int) -> None:
        """Hold every request behind the first `after` ones from now on."""
        self._held_from = after

    def release(self) -> None:
        self._held_from = None

    async def _hold(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        if self._held_from is not None:
            self._held_from -= 1
        while self._held_from is not None and self._held_from < 0:
            self.holds = True
            await asyncio.sleep(0.01)
        return await answer(request)


@dataclass
class World:
    """`ledger` is what the source committed; `conn` is the test's own eye on the warehouse."""

    ledger: HoldingSource
    settings: Settings
    conn: connection

    @property
    def bronze(self) -> Path:
        return Path(self.settings.bronze_location)

    def commit_first_hour(self) -> None:
        """Sales with holes among their ids, collected and loaded in peace."""
        self._commit(one for one in range(1, 41) if one not in {7, 8, 23})
        self.collect_in_peace()
        self.load_in_peace()

    def commit_second_hour(self) -> None:
        """What the step under test meets: two late sales, and new ones enough for several parts."""
        self._commit([7, 23, *(one for one in range(41, 76) if one != 60)])

    def cut_second_hour(self) -> None:
        """Have what is new pulled in ranges, as a backfill would; one id at the end of a range never comes."""
        with self.conn:
            add_ranges(self.conn, "sales", [IdRange(41, 50), IdRange(51, 60), IdRange(61, 75)])

    def start(self, module: str, *wrapper: str, **environment: str) -> subprocess.Popen[str]:
        """A step as a process of its own. `wrapper` is a command in front of it."""
        return subprocess.Popen(
            [*wrapper, sys.executable, "-m", module],
            cwd=PROJECT_ROOT,
            env=self._environment() | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, module: str, *wrapper: str, **environment: str) -> Ended:
        """A step as a process of its own, until its end."""
        with ended_at_last(self.start(module, *wrapper, **environment)) as process:
            return ending(process)

    def run_clean(self) -> None:
        """The one clean hour after the fault."""
        self.wait_until(self.is_alone)
        self.collect_in_peace()
        self.load_in_peace()

    def collect_in_peace(self, *, full_refresh: bool = False) -> None:
        """Without a process of its own, which would only cost time."""
        with connect(self.settings.require_database_url()) as conn:
            collect_sales(conn, self.settings, run_id="in peace", full_refresh=full_refresh)

    def load_in_peace(self) -> None:
        with connect(self.settings.require_database_url()) as conn:
            load_all_silver(conn, self.settings, run_id="in peace")

    def next_files(self, dataset: str) -> list[Path]:
        """Names, temporary and final, of the file that the next load will write first."""
        ((last,),) = self.ask("select max(load_id) from meta.load")
        final = self.bronze / bronze_path(dataset, datetime.now(timezone.utc), last + 1, 0)
        return [final, final.with_name(f".{final.name}.tmp")]

    def wait_until(self, holds: Callable[[], object]) -> None:
        """Poll, since what is waited for happens in another process."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{holds} did not come true")
            time.sleep(0.02)

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        return rows(self.conn, query)

    def waits_for_a_lock(self) -> bool:
        """Whether a step is held up in the warehouse."""
        found = self.ask("select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'")
        return bool(found)

    def is_alone(self) -> bool:
        """Whether the server has noticed that the dead process is gone, and given its locks back."""
        return not self.ask(f"select from pg_stat_activity where {OTHERS}")

    def end_other_connections(self, which: str = "true") -> int:
        """As a restart of the server or a cut network would; how many there were."""
        ended = self.ask(f"select pg_terminate_backend(pid, 5000) from pg_stat_activity where {OTHERS} and {which}")
        assert all(done for (done,) in ended)
        return len(ended)

    def _commit(self, ids: Any) -> None:
        self.ledger.sales |= {one: sale(one, lines=1 + one % 3) for one in ids}

    def _environment(self) -> dict[str, str]:
        assert self.settings.source_api_url is not None
        return (
            os.environ
            | {
                "DATABASE_URL": self.settings.require_database_url(),
                "SOURCE_API_URL": self.settings.source_api_url,
                "SOURCE_API_KEY": KEY,
                "RETAIL_HOME": str(self.settings.retail_home),
            }
            | {name.upper(): str(value) for name, value in SMALL.items()}
        )


def ending(process: subprocess.Popen[str]) -> Ended:
    said, _ = process.communicate(timeout=LONGEST_WAIT_SECONDS)
    return Ended(process.returncode, said)


@contextmanager
def ended_at_last(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """However the test goes, the process does not outlive it."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate()
