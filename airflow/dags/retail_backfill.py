"""The first load of a long history: its sales in ranges, pulled side by side. Triggered by hand; then the hour follows.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The notes people
read in the web UI stand in `retail_backfill.md`, one section a task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG
from retail_alerts import RUN_CALLBACKS, task_succeeded
from retail_wiring import DEFAULTS, INGESTION, asset, notes_of, plan, step, step_for_each

NOTES = notes_of(__file__)
POOL = "retail_backfill"  # as many slots as BACKFILL_JOBS says; ./retail up and airflow-init make it

with DAG(
    dag_id="retail_backfill",
    description="Years of sales, pulled in ranges side by side",
    doc_md=NOTES["retail_backfill"],
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=48),
    tags=["retail", "bronze", "silver"],
    default_args=DEFAULTS | {"execution_timeout": timedelta(hours=12)},
    **RUN_CALLBACKS,
):
    load = partial(step, notes=NOTES, connection=INGESTION, trigger_rule="none_failed")
    ranges = plan(
        "plan_ranges",
        "ingestion.sales_backfill:plan_backfill",
        notes=NOTES,
        connection=INGESTION,
        on_skipped_callback=task_succeeded,
    )
    pulled = step_for_each(
        ranges,
        "bronze_sales",
        "ingestion.sales_backfill:pull_sales_range",
        notes=NOTES,
        connection=INGESTION,
        pool=POOL,
        map_index_template="from {{ task.op_kwargs['arguments']['first'] }}",
        outlets=[asset("bronze.sales_customer"), asset("bronze.sales_product")],
    )
    loaded = [
        load(f"silver_load_{dataset}", f"{module}:load_{dataset}", outlets=[asset(f"silver.{dataset}")])
        for dataset, module in (
            ("sales_customer", "loaders.load_sales_customers"),
            ("sales_product", "loaders.load_sales_products"),
        )
    ]
    retail_etl_hourly = TriggerDagRunOperator(
        task_id="retail_etl_hourly",
        trigger_dag_id="retail_etl_hourly",
        trigger_rule="none_failed",
        doc_md=NOTES["retail_etl_hourly"],
    )
    pulled >> loaded >> retail_etl_hourly
