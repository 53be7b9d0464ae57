"""The daily run: what people have put into the inbox → Bronze → Silver → Gold, and a check that all of it came.

The steps are those of `medallion.process.steps`. Nothing here touches a database, reads a Variable or imports the
pipeline while the file is parsed. The notes in the web UI are in `retail_spreadsheets_daily.md`, one section per task.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from airflow.sdk import DAG, Param
from retail_callbacks import run_failed, run_succeeded, task_succeeded
from retail_steps import DEFAULTS, RUN_TYPES, connect_tasks, notes_of, task_of

from medallion.process.steps import BUSINESS_ZONE, DELIVERIES, entities

NOTES = notes_of(__file__)
BY_FILE = entities(DELIVERIES)

with DAG(
    dag_id="retail_spreadsheets_daily",
    description="Files that people hand over → Bronze → Silver → Gold, every day",
    doc_md=NOTES["retail_spreadsheets_daily"],
    schedule="0 10 * * *",  # business time, also on the days on which the clocks change
    start_date=datetime(2026, 1, 1, tzinfo=ZoneInfo(BUSINESS_ZONE)),
    catchup=False,
    allowed_run_types=RUN_TYPES,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["retail", "bronze", "silver", "gold", "membership"],
    default_args=DEFAULTS,
    on_failure_callback=run_failed,
    on_success_callback=run_succeeded,
    params={
        "entities": Param(
            BY_FILE,
            type="array",
            items={"type": "string", "enum": BY_FILE},
            description="Entities whose folders are looked at. Silver takes whatever else has landed, too.",
        ),
        "full_refresh": Param(
            default=False, type="boolean", description="No different: every file of the inbox is looked at anyway."
        ),
    },
):
    # Where no file has come yet there is nothing to do, which resolves the incident of an earlier day.
    tasks = {step.id: task_of(step, NOTES, on_skipped_callback=task_succeeded) for step in DELIVERIES}
    connect_tasks(DELIVERIES, tasks)
