"""The name of a task's session in Postgres is one that Postgres takes without a notice."""

from __future__ import annotations

import pytest
from psycopg2.extensions import connection

from medallion.database import connect
from medallion.process.steps import BACKFILL, HOURLY, NIGHTLY, NIGHTLY_GOLD

BY_HAND = "manual__2026-11-29T20:21:39.552968+00:00"
TASKS = sorted({step.id for step in (*HOURLY, *NIGHTLY_GOLD, *NIGHTLY, *BACKFILL)})


@pytest.mark.parametrize("task_id", TASKS)
def test_a_run_by_hand_keeps_its_day_and_minute_and_the_task_its_id(task_id: str) -> None:
    from retail_connections import session_name

    name = session_name(BY_HAND, task_id)
    assert len(name) <= 63
    assert name.startswith("manual__2026-11-29T20:21")
    assert name.endswith(f" {task_id}")


@pytest.mark.parametrize(
    ("run_id", "task_id"), [(BY_HAND, "x" * 70), ("", "bronze_sales"), ("ä" * 70, "bronze_sales"), (BY_HAND, "ü")]
)
def test_postgres_keeps_any_name_as_it_is(
    conn: connection, database_url: str, capfd: pytest.CaptureFixture[str], run_id: str, task_id: str
) -> None:
    from retail_connections import session_name

    name = session_name(run_id, task_id)
    with connect(database_url, application_name=name) as named, named.cursor() as cursor:
        cursor.execute("select current_setting('application_name')")
        assert cursor.fetchone() == (name,)
    assert "NOTICE" not in capfd.readouterr().err
