"""The nightly check: its shape, and a real run that finds what an hour would not look at any more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.settings import PROJECT_ROOT, Settings
from tests.airflow_run import Hour
from tests.pipeline import build, hour
from tests.queries import rows

DAGS = PROJECT_ROOT / "airflow" / "dags"


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS)).dags["retail_quality_nightly"]


def test_each_check_runs_by_itself_so_that_any_failure_turns_the_run_red(dag: Any) -> None:
    """Behind a check that passes, a failed one would not count: a run is as green as its last tasks."""
    waits_for = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    nothing: set[str] = set()
    assert waits_for == {
        "verify_bronze": nothing,
        "reconcile_all": nothing,
        "dbt_test_all": nothing,
        "second_opinion": nothing,
        "expire_bronze": {"verify_bronze"},  # the only one that removes anything
    }
    assert all(task.trigger_rule == "all_success" for task in dag.tasks)
    assert dag.max_active_tasks == 1


def test_every_task_has_notes_owner_and_a_time_limit(dag: Any) -> None:
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert (task.owner, task.retries) == ("data-engineering", 8)
        assert task.execution_timeout
    assert "When a run is red" in dag.doc_md


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_a_night_finds_what_changed_behind_the_pipelines_back(runs: Hour, conn: connection, settings: Settings) -> None:
    hour(conn, settings)
    build(conn, settings)
    assert runs.run("retail_quality_nightly") == 0
    checks = "select count(*) from meta.reconciliation where after_id = 0 and status = 'BALANCED'"
    assert rows(conn, checks) == [(5,)]
    # Without its environment, the second opinion is skipped and the night is green.
    assert rows(conn, "select status, says from meta.second_opinion") == [
        ("skipped", "skipped: ./retail env make outliers")
    ]
    with conn, conn.cursor() as cursor:
        cursor.execute("delete from silver.sales_product where sale_id = 5")
    next(iter(Path(settings.bronze_location).rglob("*.ndjson"))).write_bytes(b"{}\n")
    hour(conn, settings)
    assert runs.run("retail_quality_nightly") != 0
    said = runs.log.read_text()
    assert "1 of " in said
    assert "files are damaged" in said
    assert "sales with other lines or amounts: 5" in said
