"""The backfill's DAG: its shape, and a real run that is interrupted by nothing but starts in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.settings import PROJECT_ROOT, Settings
from medallion.state.backfill_ranges import add_ranges
from medallion.state.id_range import IdRange
from stack.services.airflow.pools import BACKFILL
from tests.airflow_run import Hour
from tests.conftest import Source
from tests.queries import rows

DAGS = PROJECT_ROOT / "airflow" / "dags"


@pytest.fixture(scope="module")
def dag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(dag_folder=str(DAGS)).dags["retail_backfill"]


def test_a_task_for_each_range_bounded_by_a_pool_then_silver_then_the_hour(dag: Any) -> None:
    upstream = {task.task_id: task.upstream_task_ids for task in dag.tasks}
    assert upstream == {
        "plan_ranges": set(),
        "bronze_sales": {"plan_ranges"},
        "silver_load_sales_customer": {"bronze_sales"},
        "silver_load_sales_product": {"bronze_sales"},
        "retail_etl_hourly": {"silver_load_sales_customer", "silver_load_sales_product"},
    }
    assert dag.get_task("bronze_sales").is_mapped
    assert dag.get_task("bronze_sales").pool == BACKFILL
    assert (dag.schedule, dag.max_active_runs) == (None, 1)


def test_every_task_has_notes_owner_and_a_time_limit(dag: Any) -> None:
    for task in dag.tasks:
        assert len(task.doc_md) > 40
        assert (task.owner, task.retries) == ("data-engineering", 2)
        assert task.execution_timeout


def test_the_pool_of_the_dag_is_the_one_that_is_made_for_it() -> None:
    assert f"airflow pools set {BACKFILL} " in (PROJECT_ROOT / "docker" / "airflow-init.sh").read_text()


def test_a_range_that_is_well_does_not_close_the_incident_of_another(dag: Any) -> None:
    assert not dag.get_task("bronze_sales").partial_kwargs.get("on_success_callback")
    assert dag.get_task("bronze_sales").partial_kwargs["on_failure_callback"]


def test_the_states_of_mapped_tasks_are_those_of_the_task() -> None:
    from retail_callbacks import _by_task

    found = {
        "plan_ranges": "success",
        "bronze_sales_0": "success",
        "bronze_sales_1": "failed",
        "bronze_sales_2": "success",
    }
    assert _by_task(found, ["bronze_sales"]) == {"plan_ranges": "success", "bronze_sales": "failed"}
    assert _by_task({"gold.task_1": "failed"}, []) == {"task_1": "failed"}


def test_an_incident_of_every_dag_names_what_to_do() -> None:
    from airflow.dag_processing.dagbag import DagBag
    from retail_callbacks import COMMANDS

    assert set(DagBag(dag_folder=str(DAGS)).dags) == set(COMMANDS)


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_ranges_that_fail_are_one_incident_which_ends_when_all_are_well(
    runs: Hour, conn: connection, source: Source
) -> None:
    last = source.data.last_sale_id()
    with conn:
        add_ranges(conn, "sales", [IdRange(1, 500), IdRange(501, 1000), IdRange(1001, last)])
    nowhere = Hour(runs.environment | {"SOURCE_API_KEY": "wrong"}, runs.log)
    assert nowhere.run("retail_backfill") != 0
    told = "select dag_id, task_id, entity, status, times from meta.incident"
    assert rows(conn, told) == [("retail_backfill", "bronze_sales", "sales", "OPEN", 1)], runs.log.read_text()[-3000:]
    ((remedy,),) = rows(conn, "select remedy from meta.incident")
    assert "./retail backfill" in remedy
    assert runs.run("retail_backfill") == 0
    assert [row[3] for row in rows(conn, told)] == ["CLOSED"]


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_a_run_pulls_what_is_left_of_each_range_loads_it_and_has_the_hour_follow(
    runs: Hour, conn: connection, settings: Settings, source: Source
) -> None:
    last = source.data.last_sale_id()
    with conn:
        add_ranges(conn, "sales", [IdRange(1, 500), IdRange(501, 1000), IdRange(1001, last)])
    assert runs.run("retail_backfill") == 0, runs.log.read_text()[-5000:]
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [(str(last),)]
    assert rows(conn, "select count(*), min(sale_id), max(sale_id) from silver.sales_customer") == [(last, 1, last)]
    assert rows(conn, "select from_id from meta.sales_backfill") == []
    loads = "select count(*) from meta.load where dataset = 'sales' and layer = 'bronze' and status = 'SUCCESS'"
    assert rows(conn, loads) == [(3,)]
    assert len(list(Path(settings.bronze_location).rglob("*.ndjson"))) == 6
    with conn_of_metadata(runs) as metadata:
        assert rows(metadata, "select dag_id, state from dag_run order by 1") == [
            ("retail_backfill", "success"),
            ("retail_etl_hourly", "queued"),
        ]


def conn_of_metadata(runs: Hour) -> Any:
    from medallion.database import connect

    return connect(runs.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", ""))
