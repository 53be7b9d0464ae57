"""The nightly build: its shape, and a real run whose business date is the last complete day of the run's own clock."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.database import connect
from medallion.process.steps import NIGHTLY_GOLD, NIGHTLY_MARTS
from medallion.settings import PROJECT_ROOT, Settings
from tests.airflow_run import METADATA, Hour
from tests.pipeline import build, hour
from tests.queries import rows

BUILT = """
    select model, status, business_date
    from meta.nightly_build inner join meta.load using (load_id)
    order by model
"""
DUE = "select run_after from dag_run where dag_id = 'retail_gold_nightly' order by id desc limit 1"
DAGS = PROJECT_ROOT / "airflow" / "dags"


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS)).dags["retail_gold_nightly"]


def test_it_has_one_task_for_each_step_which_writes_the_nightly_tables(dag: Any) -> None:
    assert [task.task_id for task in dag.tasks] == [step.id for step in NIGHTLY_GOLD] == ["dbt_run_nightly"]
    (task,) = dag.tasks
    assert {asset.name for asset in task.outlets} == {*NIGHTLY_MARTS}


def test_it_runs_between_the_hour_and_the_checks_one_at_a_time(dag: Any) -> None:
    assert (dag.schedule, dag.catchup, dag.max_active_runs) == ("15 2 * * *", False, 1)


def test_every_task_has_notes_owner_and_a_time_limit(dag: Any) -> None:
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert (task.owner, task.retries) == ("data-engineering", 8)
        assert task.execution_timeout
    assert "When a run is red" in dag.doc_md


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_a_night_is_skipped_before_the_first_hour_and_then_builds_as_of_yesterday(
    runs: Hour, conn: connection, settings: Settings
) -> None:
    assert runs.run("retail_gold_nightly") == 0
    assert "Gold was not built yet" in runs.log.read_text()
    hour(conn, settings)
    build(conn, settings)
    assert runs.run("retail_gold_nightly") == 0, runs.log.read_text()[-4000:]
    found = rows(conn, BUILT)
    assert [f"gold.{model}" for model, _, _ in found] == sorted(NIGHTLY_MARTS)
    with connect(runs.environment[METADATA].replace("+psycopg2", "")) as metadata:
        ((due,),) = rows(metadata, DUE)
    yesterday = due.astimezone(timezone.utc).date() - timedelta(days=1)
    assert {(status, day) for _, status, day in found} == {("SUCCESS", yesterday)}
