"""The hourly run: source API → Bronze → Silver → Gold. This file wires; the work is in the pipeline.

Nothing here touches a database, reads a Variable or imports the pipeline while the file is parsed. The
notes people read in the web UI stand in `retail_etl_hourly.md`, one section a task.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, Param, TaskGroup, get_current_context, task

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = dict(
    section.split("\n", 1)
    for section in Path(__file__).with_suffix(".md").read_text(encoding="utf-8").split("\n## ")
)
DATASETS = ("customers", "products", "sales_customer", "sales_product")
BRONZE, SILVER, GOLD = (
    {name: Asset(name=f"{layer}.{name}", uri=f"retail://{layer}/{name}") for name in names}
    for layer, names in (
        ("bronze", DATASETS),
        ("silver", DATASETS),
        ("gold", ("dim_customer", "dim_product", "sales_item", "mart_sales_by_customer")),
    )
)
CORE = [GOLD["dim_customer"], GOLD["dim_product"], GOLD["sales_item"]]
MART = [GOLD["mart_sales_by_customer"]]


@contextmanager
def pipeline() -> Iterator[tuple[Any, Any, str]]:
    """Warehouse connection, settings and run id. An error that a retry cannot mend fails the task at once."""
    from airflow.sdk.exceptions import AirflowFailException
    from airflow.providers.postgres.hooks.postgres import PostgresHook

    from loaders.config import load_settings
    from loaders.database import connect
    from loaders.errors import RetailError

    address = PostgresHook(postgres_conn_id="retail", sqlalchemy_scheme="postgresql").get_uri()
    try:
        with connect(address, application_name="retail_etl_hourly") as conn:
            yield conn, load_settings(), get_current_context()["run_id"]
    except RetailError as error:
        if error.retryable:
            raise
        raise AirflowFailException(str(error)) from error


def wanted(entity: str) -> dict[str, bool]:
    """What the run's params say of an entity; skips the task when it is not among them."""
    from airflow.sdk.exceptions import AirflowSkipException

    params = get_current_context()["params"]
    if entity not in params["entities"]:
        raise AirflowSkipException(f"{entity} is not among the run's entities")
    return {"full_refresh": params["full_refresh"]}


def bronze(entity: str, *datasets: str) -> Any:
    """The task that collects one entity."""

    @task(task_id=f"bronze_{entity}", doc_md=DOCS[f"bronze_{entity}"], outlets=[BRONZE[d] for d in datasets])
    def collect() -> str:
        from importlib import import_module

        module, options = import_module(f"ingestion.{entity}"), wanted(entity)
        with pipeline() as (conn, settings, run_id):
            return getattr(module, f"collect_{entity}")(conn, settings, run_id=run_id, **options).summary()

    return collect()


def silver(dataset: str, module_name: str) -> Any:
    """The task that loads one Silver table."""
    task_id = f"silver_load_{dataset}"

    @task(
        task_id=task_id,
        doc_md=DOCS[task_id],
        inlets=[BRONZE[dataset]],
        outlets=[SILVER[dataset]],
        trigger_rule="none_failed",
    )
    def load() -> str:
        from importlib import import_module

        module = import_module(f"loaders.{module_name}")
        with pipeline() as (conn, settings, run_id):
            return getattr(module, f"load_{dataset}")(conn, settings, run_id=run_id).summary()

    return load()


@task(doc_md=DOCS["dbt_deps"], inlets=list(SILVER.values()), trigger_rule="none_failed")
def dbt_deps() -> str:
    from airflow.sdk.exceptions import AirflowSkipException

    from loaders.gold import gold_due, install_packages

    full_refresh = get_current_context()["params"]["full_refresh"]
    with pipeline() as (conn, settings, run_id):
        due = gold_due(conn)
        if not due and not full_refresh:
            raise AirflowSkipException("Gold has taken and tested all of Silver: nothing to do")
        install_packages(conn, settings, run_id=run_id)
    return "gold takes " + ", ".join(sorted({f"{one.model} ← {one.source_table}" for one in due}))


@task(doc_md=DOCS["dbt_run_core"], inlets=list(SILVER.values()), outlets=CORE)
def dbt_run_core() -> str:
    from loaders.gold import build_core

    full_refresh = get_current_context()["params"]["full_refresh"]
    with pipeline() as (conn, settings, run_id):
        return build_core(conn, settings, run_id=run_id, full_refresh=full_refresh).summary()


@task(doc_md=DOCS["dbt_run_mart"], inlets=CORE, outlets=MART)
def dbt_run_mart() -> str:
    from loaders.gold import build_mart

    full_refresh = get_current_context()["params"]["full_refresh"]
    with pipeline() as (conn, settings, run_id):
        return build_mart(conn, settings, run_id=run_id, full_refresh=full_refresh).summary()


@task(doc_md=DOCS["dbt_test"], inlets=[*CORE, *MART])
def dbt_test() -> str:
    from loaders.gold import check_gold

    with pipeline() as (conn, settings, run_id):
        return check_gold(conn, settings, run_id=run_id).summary()


with DAG(
    dag_id="retail_etl_hourly",
    description="Source API → Bronze → Silver → Gold, every hour",
    doc_md=DOCS["# retail_etl_hourly"],
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
            ["customers", "products", "sales"],
            type="array",
            items={"type": "string", "enum": ["customers", "products", "sales"]},
            uniqueItems=True,
            description="Source entities to pull. Silver and Gold take whatever is new of the others too.",
        ),
        "full_refresh": Param(
            False,  # noqa: FBT003 - the default of a form field
            type="boolean",
            description="Pull from the source's beginning and build Gold anew. Nothing is doubled.",
        ),
    },
):
    with TaskGroup("bronze", prefix_group_id=False, tooltip="Source API → NDJSON files"):
        customers = bronze("customers", "customers")
        products = bronze("products", "products")
        sales = bronze("sales", "sales_customer", "sales_product")
    with TaskGroup("silver", prefix_group_id=False, tooltip="NDJSON files → typed tables") as silver_group:
        customers >> silver("customers", "load_customers")
        products >> silver("products", "load_products")
        sales >> silver("sales_customer", "load_sales_customers")
        sales >> silver("sales_product", "load_sales_products")
    with TaskGroup(
        "gold", prefix_group_id=False, tooltip="Typed tables → dimensions, fact, mart"
    ) as gold_group:
        dbt_deps() >> dbt_run_core() >> dbt_run_mart() >> dbt_test()
    silver_group >> gold_group
