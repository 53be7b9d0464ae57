"""SIGKILL at each named step of landing and of loading a file that people handed over: one clean run mends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timezone

import pytest
from psycopg2.extensions import connection

from medallion.process.fail_points import VARIABLE
from medallion.settings import PROJECT_ROOT, Settings
from quality.deliveries import check_deliveries
from tests.deliveries import HEADER, put, require_every_cell, sheet, top_up
from tests.queries import rows

PULL, LOAD = "ingestion.deliveries.collector", "loaders.load_table"
LANDING = ("part.durable", "part.receipted", "part.advanced", "part.acknowledged")
LOADING = ("silver.copied", "silver.merged", "versions.appended", "silver.marked", "silver.loaded")
NOW = datetime(2026, 10, 3, 8, tzinfo=timezone.utc)
# By key: the correction of the first day counts, with the row that it takes back; the bad row is in quarantine.
LOADED = [("1", 11), ("3", 10), ("4", 10)]


def run(settings: Settings, module: str, point: str = "") -> int:
    url = settings.require_database_url()
    told = {"DATABASE_URL": url, "RETAIL_HOME": str(settings.retail_home), "INBOX_SETTLE_SECONDS": "0", VARIABLE: point}
    command = [sys.executable, "-m", module, "top_up"]
    return subprocess.run(command, cwd=PROJECT_ROOT, env=os.environ | told, check=False, capture_output=True).returncode


def hand_over(settings: Settings) -> None:
    """Files of two days, and then a correction of the first day next to them."""
    inbox = settings.retail_home / "inbox"
    put(inbox, "top_up_2026-10-01.xlsx", sheet(HEADER, top_up("1"), top_up("2")))
    put(inbox, "top_up_2026-10-02.xlsx", sheet(HEADER, top_up("3"), top_up("5", "?")))
    put(inbox, "top_up_2026-10-01 (2).xlsx", sheet(HEADER, top_up("1", 11), top_up("4")))


def require_all(conn: connection, settings: Settings) -> None:
    found = rows(conn, "select top_up_id, amount::integer from silver.top_up order by top_up_id")
    assert found == LOADED
    require_every_cell(conn)
    landed = "select count(*) from meta.delivery where status in ('LOADED', 'SUPERSEDED')"
    assert rows(conn, landed) == [(3,)]
    files = "select count(*), count(distinct path), count(silver_load_id) from meta.bronze_file"
    assert rows(conn, files) == [(3, 3, 3)]
    check_deliveries(conn, settings, run_id="day", now=NOW)


@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("point", LANDING)
def test_a_pull_killed_at_a_point_loses_and_doubles_nothing(
    conn: connection, settings: Settings, point: str, times: int
) -> None:
    hand_over(settings)
    assert run(settings, PULL, f"{point}:{times}") == -signal.SIGKILL
    assert run(settings, LOAD) == 0  # what had landed
    assert (run(settings, PULL), run(settings, LOAD)) == (0, 0)
    require_all(conn, settings)


# three small files are copied and merged once each
AGAIN = [pytest.param(one, 2, marks=pytest.mark.slow) for one in LOADING[2:]]


@pytest.mark.parametrize(("point", "times"), [*((one, 1) for one in LOADING), *AGAIN])
def test_a_load_killed_at_a_point_loses_and_doubles_nothing(
    conn: connection, settings: Settings, point: str, times: int
) -> None:
    hand_over(settings)
    assert run(settings, PULL) == 0
    assert run(settings, LOAD, f"{point}:{times}") == -signal.SIGKILL
    assert (run(settings, PULL), run(settings, LOAD)) == (0, 0)
    require_all(conn, settings)
