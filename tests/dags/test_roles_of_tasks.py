"""As which role each task works: read from the DAGs, and proved by real runs that have no other login."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medallion.settings import PROJECT_ROOT
from stack.services.postgres.roles import INGESTION, READER, TRANSFORMATION
from tests.airflow_run import Hour
from tests.figures import expected_mart, mart
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.roles import Platform, platform

CONNECTIONS = {
    "bronze": INGESTION,
    "silver": INGESTION,
    "plan": INGESTION,
    "verify": INGESTION,
    "expire": INGESTION,
    "dbt": TRANSFORMATION,
    "reconcile": TRANSFORMATION,
    "judge": TRANSFORMATION,
    "second": TRANSFORMATION,
    "return": INGESTION,
    "check": INGESTION,
}


def test_every_task_has_the_login_of_its_layer() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag: dict[str, Any] = DagBag(dag_folder=str(PROJECT_ROOT / "airflow" / "dags")).dags
    tasks = [task for dag in bag.values() for task in dag.tasks if task.task_type != "TriggerDagRunOperator"]
    assert len(tasks) > len(CONNECTIONS)
    for task in tasks:
        given = task.partial_kwargs["op_kwargs"] if task.is_mapped else task.op_kwargs
        assert given["login"] == CONNECTIONS[task.task_id.split("_")[0]], task.task_id


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        yield one


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_an_hour_and_a_night_need_no_login_but_the_narrow_ones(made: Platform, runs: Hour) -> None:
    logins = {
        "AIRFLOW_CONN_RETAIL": "postgresql://nobody:nothing@127.0.0.1:9/nowhere",
        "AIRFLOW_CONN_RETAIL_INGESTION": made.url(INGESTION),
        "AIRFLOW_CONN_RETAIL_TRANSFORMATION": made.url(TRANSFORMATION),
        "SOURCE_API_URL": made.source.url,
        "BRONZE_RETENTION_DAYS": "1",
    }
    hour = Hour(runs.environment | logins, runs.log)
    assert hour.run() == 0, hour.log.read_text()[-4000:]
    assert hour.run("retail_gold_nightly") == 0, hour.log.read_text()[-4000:]
    assert hour.run("retail_quality_nightly") == 0, hour.log.read_text()[-4000:]
    assert "0 old Bronze files removed" in hour.log.read_text()
    assert "did not finish" not in hour.log.read_text()
    assert Hour(hour.environment | {"SOURCE_API_KEY": "not-a-key"}, hour.log).run() != 0
    assert "did not finish" not in hour.log.read_text()
    with made.login(READER) as conn:
        incidents = "select task_id from meta.incident where status = 'OPEN' order by 1"
        assert rows(conn, incidents) == [
            ("bronze_customers",),
            ("bronze_products",),
            ("bronze_sales",),
            ("bronze_stores",),
        ]
    with made.login(TRANSFORMATION) as conn:
        assert mart(conn) == expected_mart(made.source)
        assert rows(conn, "select distinct tableowner from pg_tables where schemaname = 'gold'") == [(TRANSFORMATION,)]
        assert rows(conn, "select count(*) from meta.reconciliation where status = 'BALANCED'") == [(10,)]


def test_a_connection_that_is_not_configured_is_stood_in_for_by_the_owners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from retail_connections import log, warehouse_address

    said: list[str] = []
    monkeypatch.setattr(log, "info", lambda words, *values: said.append(words % values))
    monkeypatch.setenv("AIRFLOW_CONN_RETAIL", "postgresql://retail:long-enough@here/db?sslmode=require")
    monkeypatch.setenv("AIRFLOW_CONN_RETAIL_TRANSFORMATION", "postgresql://retail_transformation:long-enough@here/db")
    assert warehouse_address(TRANSFORMATION) == "postgres://retail_transformation:long-enough@here/db"
    assert said == []
    assert warehouse_address(INGESTION) == "postgres://retail:long-enough@here/db?sslmode=require"
    assert said == ["connection retail_ingestion is not configured: working as the owner, by connection retail"]
