"""What is open is kept when the warehouse is stopped: the status after it starts nothing to ask."""

from __future__ import annotations

import stat
from datetime import datetime, timezone
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.alerting.failure import failure_of
from medallion.alerting.incidents import record_failure
from stack.host.home import Home
from stack.services.open_incidents import keep_incidents, kept_incidents, read_incidents
from tests.ports import free_port

NOW = datetime(2026, 11, 6, 12, 30, tzinfo=timezone.utc)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


def test_what_was_kept_is_what_was_open(conn: connection, database_url: str, home: Home) -> None:
    error = ValueError("no <b>room</b> \u2028 é")
    record_failure(
        conn,
        failure_of(error, dag_id="d", task_id="bronze_sales", run_id="r", try_number=1, command="./retail run"),
        None,
        {},
    )
    keep_incidents(home, database_url, NOW)
    kept = kept_incidents(home)
    assert kept is not None
    assert (kept.stopped_at, kept.incidents) == (NOW, read_incidents(database_url))
    assert len(kept.incidents) == 1
    assert stat.S_IMODE((home.path / "incidents.json").stat().st_mode) == 0o600


def test_a_warehouse_that_does_not_answer_keeps_nothing_and_stops_nobody(home: Home) -> None:
    keep_incidents(home, f"postgresql://nobody@127.0.0.1:{free_port()}/retail", NOW)
    assert kept_incidents(home) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"stopped_at": 1, "incidents": [{}]}', '{"incidents": 1'])
def test_a_file_that_is_not_whole_is_no_incident(home: Home, content: str) -> None:
    (home.path / "incidents.json").write_text(content)
    assert kept_incidents(home) is None
