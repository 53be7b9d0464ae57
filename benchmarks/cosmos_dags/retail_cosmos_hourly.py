"""The hour with a task for each dbt node: what `benchmarks.orchestration --cosmos` compares ours with.

Bronze and Silver are the very tasks of retail_etl_hourly. Gold is astronomer-cosmos in local mode by its own advice for
speed: the graph from a manifest, dbt called in the task's process, packages installed beforehand, tests behind the
model they belong to.
"""

from __future__ import annotations

import os
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from airflow.sdk import DAG
from cosmos import DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from cosmos.constants import ExecutionMode, InvocationMode, LoadMode, TestBehavior
from retail_wiring import DEFAULTS, INGESTION, notes_of, step

PROJECT = Path(os.environ["RETAIL_PROJECT"])
NOTES = notes_of(str(PROJECT / "airflow" / "dags" / "retail_etl_hourly.py"))
load = partial(step, notes=NOTES, connection=INGESTION)
silver = partial(load, trigger_rule="none_failed")

with DAG(
    dag_id="retail_cosmos_hourly",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={name: value for name, value in DEFAULTS.items() if not name.startswith("on_")},
    params={"entities": ["customers", "products", "sales"], "full_refresh": False},
):
    customers, products, sales = (
        load(f"bronze_{entity}", f"ingestion.{entity}:collect_{entity}", entity=entity, refreshes=True)
        for entity in ("customers", "products", "sales")
    )
    tables = [
        customers >> silver("silver_load_customers", "loaders.load_customers:load_customers"),
        products >> silver("silver_load_products", "loaders.load_products:load_products"),
        sales >> silver("silver_load_sales_customer", "loaders.load_sales_customers:load_sales_customer"),
        sales >> silver("silver_load_sales_product", "loaders.load_sales_products:load_sales_product"),
    ]
    gold = DbtTaskGroup(
        group_id="gold",
        project_config=ProjectConfig(
            dbt_project_path=PROJECT / "dbt",
            manifest_path=Path(os.environ["RETAIL_MANIFEST"]),
            install_dbt_deps=False,
        ),
        profile_config=ProfileConfig(
            profile_name="retail", target_name="warehouse", profiles_yml_filepath=PROJECT / "dbt" / "profiles.yml"
        ),
        execution_config=ExecutionConfig(execution_mode=ExecutionMode.LOCAL, invocation_mode=InvocationMode.DBT_RUNNER),
        render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, test_behavior=TestBehavior.AFTER_EACH),
        operator_args={"install_deps": False},
    )
    tables >> gold
