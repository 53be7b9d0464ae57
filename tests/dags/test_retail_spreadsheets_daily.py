"""The daily run of files: its shape, and a real run that loads what came and names what did not."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.process.steps import DELIVERIES
from medallion.settings import PROJECT_ROOT, Settings
from tests.airflow_run import Hour
from tests.deliveries import HEADER, put, sheet, top_up
from tests.queries import rows

DAGS = PROJECT_ROOT / "airflow" / "dags"


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS)).dags["retail_spreadsheets_daily"]


def test_it_has_one_task_for_each_step_each_after_those_it_needs(dag: Any) -> None:
    waits_for = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert waits_for == {step.id: {*step.needs} for step in DELIVERIES}
    assert waits_for["return_files"] == {one.id for one in DELIVERIES if one.layer == "silver"}
    assert waits_for["check_deliveries"] == {"return_files"}


def test_it_runs_at_ten_by_the_clock_of_the_business_one_at_a_time(dag: Any) -> None:
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 10 * * *", "Europe/Paris")


def test_every_task_has_notes_owner_and_a_time_limit(dag: Any) -> None:
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert task.owner == "data-engineering"
        assert task.execution_timeout
    assert "When a run is red" in dag.doc_md


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_a_day_is_skipped_before_the_first_file_then_loads_and_names_what_is_missing(
    runs: Hour, conn: connection, settings: Settings
) -> None:
    assert runs.run("retail_spreadsheets_daily") == 0
    assert "no file has come yet" in runs.log.read_text()
    put(settings.retail_home / "inbox", "top_up_2026-01-01.xlsx", sheet(HEADER, top_up("1"), top_up("2", "?")))
    assert runs.run("retail_spreadsheets_daily") != 0
    assert "top_up: no file for 2026-01-02" in runs.log.read_text()
    assert rows(conn, "select top_up_id from silver.top_up") == [("1",)]
    assert rows(conn, "select task_id, status from meta.incident") == [("check_deliveries", "OPEN")]
