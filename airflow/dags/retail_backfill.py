"""The first load of a long history: sales in ranges, pulled in parallel. It ends by triggering one hourly run.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The notes in the web
UI are in `retail_backfill.md`, one section per task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG
from retail_callbacks import run_failed, run_succeeded, task_succeeded
from retail_steps import DEFAULTS, RUN_TYPES, connect_tasks, notes_of, plan_of, task_for_each, task_of

from medallion.process.steps import BACKFILL, LOAD_SALES, PLAN_RANGES, PULL_RANGE

NOTES = notes_of(__file__)
POOL = "retail_backfill"  # has BACKFILL_JOBS slots; ./retail up and airflow-init create it

with DAG(
    dag_id="retail_backfill",
    description="First load of years of sales, started by hand",
    doc_md=NOTES["retail_backfill"],
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    allowed_run_types=RUN_TYPES,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=48),
    tags=["retail", "by hand"],
    default_args=DEFAULTS | {"execution_timeout": timedelta(hours=12)},
    on_failure_callback=run_failed,
    on_success_callback=run_succeeded,
):
    ranges = plan_of(PLAN_RANGES, NOTES, on_skipped_callback=task_succeeded)
    pulled = task_for_each(
        ranges,
        PULL_RANGE,
        NOTES,
        pool=POOL,
        map_index_template="from {{ task.op_kwargs['arguments']['first'] }}",
    )
    loaded = {step.id: task_of(step, NOTES) for step in LOAD_SALES}
    retail_etl_hourly = TriggerDagRunOperator(
        task_id="retail_etl_hourly",
        trigger_dag_id="retail_etl_hourly",
        trigger_rule="none_failed",
        doc_md=NOTES["retail_etl_hourly"],
    )
    connect_tasks(BACKFILL, {PLAN_RANGES.id: ranges, PULL_RANGE.id: pulled, **loaded})
    list(loaded.values()) >> retail_etl_hourly
