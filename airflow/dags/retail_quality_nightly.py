"""The nightly check: everything that the hourly run holds for the new rows, held for all history.

Changes nothing in the tables: a red task means that something was changed, lost or damaged since its hour checked it.
Only if a retention is set, and Bronze was found whole, old files of Bronze are removed.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial

from airflow.sdk import DAG
from retail_alerts import RUN_CALLBACKS, task_succeeded
from retail_wiring import DEFAULTS, INGESTION, TRANSFORMATION, notes_of, step

NOTES = notes_of(__file__)
load = partial(step, notes=NOTES, connection=INGESTION)
transform = partial(step, notes=NOTES, connection=TRANSFORMATION)

with DAG(
    dag_id="retail_quality_nightly",
    description="Bronze receipts, control totals and Gold's tests, over all history",
    doc_md=NOTES["retail_quality_nightly"],
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["retail", "quality", "dbt"],
    default_args=DEFAULTS | {"execution_timeout": timedelta(hours=5)},
    **RUN_CALLBACKS,
):
    # No check waits for another, so each that fails turns the run red; max_active_tasks keeps them apart.
    verified = load("verify_bronze", "loaders.verify:verify_receipts")
    verified >> load("expire_bronze", "loaders.retention:expire_bronze", on_skipped_callback=task_succeeded)
    transform("reconcile_all", "ingestion.reconciliation:reconcile_all")
    transform("dbt_test_all", "loaders.gold:check_all_gold", on_skipped_callback=task_succeeded)
