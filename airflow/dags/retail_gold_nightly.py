"""The nightly build: the tables of Gold that are built as a whole, as of the last complete day.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The notes in the web
UI are in `retail_gold_nightly.md`, one section per task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG
from retail_callbacks import run_failed, run_succeeded, task_succeeded
from retail_steps import DEFAULTS, MORE_RETRIES, RUN_TYPES, connect_tasks, notes_of, task_of

from medallion.process.steps import NIGHTLY_GOLD

NOTES = notes_of(__file__)

with DAG(
    dag_id="retail_gold_nightly",
    description="Tables of Gold that are built as a whole, every night",
    doc_md=NOTES["retail_gold_nightly"],
    schedule="15 2 * * *",  # between the hourly run and the nightly checks
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    allowed_run_types=RUN_TYPES,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["retail", "gold", "dbt"],
    default_args=DEFAULTS | MORE_RETRIES,
    on_failure_callback=run_failed,
    on_success_callback=run_succeeded,
):
    # Before Gold was built there is nothing to do, which resolves the incident of an earlier night.
    tasks = {step.id: task_of(step, NOTES, on_skipped_callback=task_succeeded) for step in NIGHTLY_GOLD}
    connect_tasks(NIGHTLY_GOLD, tasks)
