"""The hourly run: source API → Bronze → Silver → Gold. This file wires; the work is in the pipeline.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The
notes people read in the web UI stand in `retail_etl_hourly.md`, one section a task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from airflow.sdk import DAG, Param, TaskGroup
from retail_alerts import RUN_CALLBACKS, nothing_left
from retail_wiring import DEFAULTS, INGESTION, TRANSFORMATION, asset, notes_of
from retail_wiring import step as wired_step

NOTES = notes_of(__file__)
load = partial(wired_step, notes=NOTES, connection=INGESTION)
transform = partial(wired_step, notes=NOTES, connection=TRANSFORMATION)
ENTITIES = ["customers", "products", "sales"]


SILVER = [asset(f"silver.{name}") for name in ("customers", "products", "sales_customer", "sales_product")]
CORE = [asset(f"gold.{name}") for name in ("dim_customer", "dim_product", "sales_item")]
MART = [asset("gold.mart_sales_by_customer")]


def bronze(entity: str, *datasets: str) -> Any:
    """The task that collects one entity."""
    outlets = [asset(f"bronze.{dataset}") for dataset in datasets]
    work = f"ingestion.{entity}:collect_{entity}"
    return load(f"bronze_{entity}", work, entity=entity, refreshes=True, outlets=outlets)


def silver(dataset: str, module: str) -> Any:
    """The task that loads one table: also what an earlier run left, so a skipped pull does not skip it."""
    ports = {"inlets": [asset(f"bronze.{dataset}")], "outlets": [asset(f"silver.{dataset}")]}
    return load(f"silver_load_{dataset}", f"{module}:load_{dataset}", trigger_rule="none_failed", **ports)


with DAG(
    dag_id="retail_etl_hourly",
    description="Source API → Bronze → Silver → Gold, every hour",
    doc_md=NOTES["retail_etl_hourly"],
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["retail", "bronze", "silver", "gold", "dbt"],
    default_args=DEFAULTS,
    **RUN_CALLBACKS,
    params={
        "entities": Param(
            ENTITIES,
            type="array",
            items={"type": "string", "enum": ENTITIES},
            description="Source entities to pull. Silver and Gold take whatever else is new too.",
        ),
        "full_refresh": Param(
            default=False,
            type="boolean",
            description="Pull from the source's beginning and build Gold anew. Nothing is doubled.",
        ),
    },
):
    with TaskGroup("bronze", prefix_group_id=False, tooltip="Source API → NDJSON files"):
        customers = bronze("customers", "customers")
        products = bronze("products", "products")
        sales = bronze("sales", "sales_customer", "sales_product")
    with TaskGroup("silver", prefix_group_id=False, tooltip="NDJSON files → typed tables") as tables:
        customers >> silver("customers", "loaders.load_customers")
        products >> silver("products", "loaders.load_products")
        sales >> silver("sales_customer", "loaders.load_sales_customers")
        sales >> silver("sales_product", "loaders.load_sales_products")
    with TaskGroup("gold", prefix_group_id=False, tooltip="Typed tables → dimensions, fact, mart"):
        due: dict[str, Any] = {"trigger_rule": "none_failed", "on_skipped_callback": nothing_left}
        deps = transform("dbt_deps", "loaders.gold:prepare", refreshes=True, **due)
        core = transform("dbt_run_core", "loaders.gold:build_core", refreshes=True, inlets=SILVER, outlets=CORE)
        mart = transform("dbt_run_mart", "loaders.gold:build_mart", refreshes=True, inlets=CORE, outlets=MART)
        checks = ("loaders.gold:check_gold", "ingestion.reconciliation:reconcile_sales")
        tables >> deps >> core >> mart >> transform("dbt_test", *checks, inlets=[*CORE, *MART])
