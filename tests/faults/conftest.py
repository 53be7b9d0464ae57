"""Faults are injected into real processes on a real warehouse; what came of each is written to one report."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.settings import Settings
from tests.conftest import KEY, serving
from tests.faults.world import SMALL, HoldingSource, World

INJECTED = pytest.StashKey[bool]()


class Injection:
    """A test calls it once the fault has really happened: a fault that never came proves nothing."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __call__(self, *, happened: bool = True) -> None:
        assert happened, "the fault was not injected: the test would check nothing"
        self._item.stash[INJECTED] = True


@pytest.fixture
def injected(request: pytest.FixtureRequest) -> Injection:
    return Injection(request.node)


@pytest.fixture
def world(database_url: str, conn: connection, retail_home: Path) -> Iterator[World]:
    with made_world(database_url, conn, retail_home) as made:
        yield made


@contextmanager
def made_world(database_url: str, conn: connection, home: Path) -> Iterator[World]:
    """An hour is behind it, the next one waits at the source."""
    ledger = HoldingSource()
    with serving(ledger.app) as url:
        settings = Settings(
            database_url=database_url,
            source_api_url=url,
            source_api_key=KEY,
            retail_home=home,
            **SMALL,
        )
        made = World(ledger, settings, conn)
        made.commit_first_hour()
        made.commit_second_hour()
        try:
            yield made
        finally:
            ledger.release()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report: pytest.TestReport = yield
    if "injected" in getattr(item, "fixturenames", ()) and (report.when == "call" or report.skipped):
        _add_to_report(
            {
                "fault": item.nodeid.split("tests/faults/")[-1],
                "injected": item.stash.get(INJECTED, False),
                "survived": None if report.skipped else report.passed,
                "seconds": round(call.duration, 2),
            }
        )
    return report


def _add_to_report(row: dict[str, Any]) -> None:
    """Workers share the file; rows of another session are dropped."""
    default = Path(tempfile.gettempdir()) / "retail-fault-sweep.json"
    path = Path(os.environ.get("RETAIL_SWEEP_REPORT", default))
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with path.open("a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        found = _read(file.read())
        kept = found["faults"] if found.get("session") == session else []
        file.truncate(0)
        json.dump({"session": session, "faults": [*kept, row]}, file, indent=1)


def _read(text: str) -> dict[str, Any]:
    """A report that cannot be read is begun anew."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
