"""A warning of an audit is reported whether the task of its model succeeds or fails: its rows are published."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2.extensions import connection

from medallion.errors import GoldTestsFailed
from tests.queries import rows


@pytest.mark.parametrize("outcome", ["task_failed", "task_succeeded"])
def test_a_warning_is_reported_however_its_task_ends(
    conn: connection, database_url: str, monkeypatch: pytest.MonkeyPatch, outcome: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RETAIL", database_url.replace("postgresql://", "postgres://"))
    import retail_callbacks

    with conn, conn.cursor() as cursor:
        cursor.execute(
            "select meta.record_audit('the run', 'sales_item', 'nulls_of_cost_amount', 'warn', 60, 100, 0.6, null)"
        )
    context: dict[str, Any] = {
        "ti": SimpleNamespace(task_id="dbt_run_core", try_number=1),
        "dag": SimpleNamespace(dag_id="retail_etl_hourly"),
        "task": SimpleNamespace(task_id="dbt_run_core", doc_md=""),
        "run_id": "the run",
    }
    if outcome == "task_failed":
        context["exception"] = GoldTestsFailed(tests="unique_sales_item", reason="Got 1 result")
    getattr(retail_callbacks, outcome)(context)
    found = [row[0] for row in rows(conn, "select task_id from meta.incident where status = 'OPEN' order by 1")]
    assert found == ["audit_sales_item_nulls_of_cost_amount", *(["dbt_run_core"] if outcome == "task_failed" else [])]
