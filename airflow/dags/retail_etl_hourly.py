"""The hourly run: source API → Bronze → Silver → Gold. This file wires; the work is in the pipeline.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The
notes people read in the web UI stand in `retail_etl_hourly.md`, one section a task.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, Param, TaskGroup, get_current_context, task

NOTES = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
DOCS = dict(section.split("\n", 1) for section in NOTES.removeprefix("# ").split("\n## "))
ENTITIES = ["customers", "products", "sales"]


def asset(name: str) -> Asset:
    """A table or a set of files, so that the web UI shows what comes from what."""
    return Asset(name=name, uri=f"retail://{name.replace('.', '/')}")


SILVER = [asset(f"silver.{name}") for name in ("customers", "products", "sales_customer", "sales_product")]
CORE = [asset(f"gold.{name}") for name in ("dim_customer", "dim_product", "sales_item")]
MART = [asset("gold.mart_sales_by_customer")]


def step(task_id: str, *work: str, entity: str | None = None, refreshes: bool = False, **wiring: Any) -> Any:
    """A task that calls each `work` (`module:function`) with the warehouse, the settings and the run's id.

    `entity` skips the task unless the run's params name it; `refreshes` hands the param full_refresh on. An
    error that a retry cannot mend fails the task at once.
    """

    @task(task_id=task_id, doc_md=DOCS[task_id], **wiring)
    def call() -> str:
        from importlib import import_module

        from airflow.providers.postgres.hooks.postgres import PostgresHook
        from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

        from loaders.config import load_settings
        from loaders.database import connect
        from loaders.errors import NothingToDo, RetailError

        context = get_current_context()
        params = context["params"]
        if entity and entity not in params["entities"]:
            raise AirflowSkipException(f"{entity} is not among the run's entities")
        options = {"full_refresh": params["full_refresh"]} if refreshes else {}
        warehouse = PostgresHook(postgres_conn_id="retail", sqlalchemy_scheme="postgresql").get_uri()
        try:
            with connect(warehouse, application_name=f"{context['run_id']} {task_id}") as conn:
                parts = (name.split(":") for name in work)
                functions = [getattr(import_module(module), function) for module, function in parts]
                done = [call(conn, load_settings(), run_id=context["run_id"], **options) for call in functions]
                return "; ".join(str(one.summary()) for one in done)
        except NothingToDo as nothing:
            raise AirflowSkipException(str(nothing)) from nothing
        except RetailError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error

    return call()


def bronze(entity: str, *datasets: str) -> Any:
    """The task that collects one entity."""
    outlets = [asset(f"bronze.{dataset}") for dataset in datasets]
    work = f"ingestion.{entity}:collect_{entity}"
    return step(f"bronze_{entity}", work, entity=entity, refreshes=True, outlets=outlets)


def silver(dataset: str, module: str) -> Any:
    """The task that loads one table: also what an earlier run left, so a skipped pull does not skip it."""
    ports = {"inlets": [asset(f"bronze.{dataset}")], "outlets": [asset(f"silver.{dataset}")]}
    return step(f"silver_load_{dataset}", f"{module}:load_{dataset}", trigger_rule="none_failed", **ports)


with DAG(
    dag_id="retail_etl_hourly",
    description="Source API → Bronze → Silver → Gold, every hour",
    doc_md=DOCS["retail_etl_hourly"],
    schedule="@hourly",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["retail", "bronze", "silver", "gold", "dbt"],
    default_args={
        "owner": "data-engineering",
        "retries": int(os.environ.get("RETAIL_TASK_RETRIES", "2")),
        "retry_delay": timedelta(seconds=30),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "execution_timeout": timedelta(hours=1),
    },
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
        deps = step("dbt_deps", "loaders.gold:prepare", refreshes=True, trigger_rule="none_failed")
        core = step("dbt_run_core", "loaders.gold:build_core", refreshes=True, inlets=SILVER, outlets=CORE)
        mart = step("dbt_run_mart", "loaders.gold:build_mart", refreshes=True, inlets=CORE, outlets=MART)
        checks = ("loaders.gold:check_gold", "ingestion.reconciliation:reconcile_sales")
        tables >> deps >> core >> mart >> step("dbt_test", *checks, inlets=[*CORE, *MART])
