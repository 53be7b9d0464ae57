"""The nightly check: what the hourly run checks for new rows, checked for all history.

It changes no table of sales: a failed check means that data was changed, lost or damaged since the hourly run checked
it. Old Bronze files are removed only if a retention is set and Bronze was found complete. The second opinion on
anomalies is written here, too, as it takes seconds that no hour needs to spend.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG
from retail_callbacks import run_failed, run_succeeded, task_succeeded
from retail_steps import DEFAULTS, MORE_RETRIES, RUN_TYPES, connect_tasks, notes_of, task_of

from medallion.process.steps import NIGHTLY

NOTES = notes_of(__file__)
# Tasks that may have nothing to do, which resolves their incidents.
MAY_BE_IDLE = {"expire_bronze", "dbt_test_all", "second_opinion"}

with DAG(
    dag_id="retail_quality_nightly",
    description="Checks of all history, every night",
    doc_md=NOTES["retail_quality_nightly"],
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    allowed_run_types=RUN_TYPES,
    max_active_runs=1,
    max_active_tasks=1,
    dagrun_timeout=timedelta(hours=6),
    tags=["retail", "quality", "dbt"],
    default_args=DEFAULTS | MORE_RETRIES | {"execution_timeout": timedelta(hours=5)},
    on_failure_callback=run_failed,
    on_success_callback=run_succeeded,
):
    tasks = {
        step.id: task_of(step, NOTES, on_skipped_callback=task_succeeded if step.id in MAY_BE_IDLE else None)
        for step in NIGHTLY
    }
    connect_tasks(NIGHTLY, tasks)
