"""The steps of each run: the functions of a step, the steps before it, its login, what it reads and writes.

Data only, and standard library only: a DAG file reads it while Airflow parses it. The steps of Bronze and Silver follow
from the declarations in `medallion/entities`, which name their functions. `tests/dags` check the DAGs against this
module, and `tests/architecture/test_steps.py` the functions that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Literal, Protocol

from medallion.entities.entity import Entity, Table
from medallion.entities.membership.words import ZONE
from medallion.entities.registry import DELIVERED, ENTITIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

    from medallion.settings import Settings

Layer = Literal["bronze", "silver", "gold", "quality"]
# Airflow connections, each with a login of its own (sql/roles.sql).
INGESTION, TRANSFORMATION = "retail_ingestion", "retail_transformation"
BUSINESS_ZONE = ZONE  # whose clock the daily run of files goes by


class Outcome(Protocol):
    """The result of a step."""

    def summary(self) -> str:
        """One line for a person."""


class StepFunction(Protocol):
    """A function that `Step.work` names: called with the warehouse, the settings and the id of the run.

    It also takes the keyword `full_refresh` if its step `takes_full_refresh`, `now` if its step `takes_clock`, and
    `subject` if its step has one. Raises errors of `medallion.errors`.
    """

    def __call__(self, conn: connection, settings: Settings, *, run_id: str) -> Outcome:
        """Carry the step out."""


@dataclass(frozen=True)
class Step:
    """One task of a run.

    `work`: functions, as `module:function`, called one after the other. `needs`: ids of steps that end before it.
    `login`: the Airflow connection it works under. `reads` and `writes`: tables or sets of files, as `layer.dataset`.
    `entity`: the step is skipped when a run does not ask for this entity. `runs_after_skipped`: a step before it that
    had nothing to do does not skip it. `subject`: the entity or table that is passed by this name to a function which
    serves more than one. `takes_clock`: it is passed the moment at which the run was due, as `now`. `logs_as`: its rows
    in the ETL log, as `layer.dataset`; empty: it writes none.
    """

    id: str
    work: tuple[str, ...]
    layer: Layer
    login: str
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    entity: str | None = None
    subject: str | None = None
    takes_full_refresh: bool = False
    takes_clock: bool = False
    runs_after_skipped: bool = False
    logs_as: str = ""


CORE = (
    "gold.dim_customer",
    "gold.dim_product",
    "gold.dim_store",
    "gold.dim_customer_history",
    "gold.dim_product_history",
    "gold.dim_store_history",
    "gold.sales_item",
)
MARTS = (
    "gold.mart_daily_kpis",
    "gold.mart_sales_by_category",
    "gold.mart_sales_by_customer",
    "gold.mart_sales_by_hour",
    "gold.mart_sales_by_product",
    "gold.mart_sales_by_store",
)
# Built as a whole every night, as of a business date. The first hourly run builds them, too.
NIGHTLY_MARTS = (
    "gold.dim_date",
    "gold.dim_holiday",
    "gold.dim_location",
    "gold.fct_customer_behavior",
    "gold.lifetime_value_backtest",
    "gold.lifetime_value_totals",
    "gold.mart_basket_pairs",
    "gold.mart_customer_cohort_sales",
    "gold.mart_customer_cohorts",
    "gold.mart_customer_lifetime_value",
    "gold.mart_customer_rfm",
    "gold.mart_revenue_forecast",
    "gold.revenue_forecast_backtest",
    "gold.revenue_forecast_days",
    "gold.revenue_forecast_origins",
    "gold.revenue_forecast_totals",
    "gold.rfm_cut_points",
    "gold.rfm_segments",
)
# Built as a whole once a day, from the files that were delivered.
MEMBERSHIP = (
    "gold.dim_channels",
    "gold.dim_users",
    "gold.fct_topup",
    "gold.fct_user_activity",
    "gold.mart_channel_effectiveness",
    "gold.mart_deductions",
    "gold.mart_level_changes",
    "gold.mart_membership_retention",
    "gold.mart_topup_funnel",
)


def bronze_step(entity: Entity) -> Step:
    """The step that collects one entity."""
    return Step(
        f"bronze_{entity.name}",
        (entity.collect,),
        "bronze",
        INGESTION,
        writes=tuple(f"bronze.{dataset}" for dataset in entity.datasets),
        entity=entity.name,
        subject=entity.name if entity.collect == Entity.collect or entity.layout else None,
        takes_full_refresh=True,
        logs_as=f"bronze.{entity.name}",
    )


def silver_step(entity: Entity, table: Table) -> Step:
    """The step that loads one table. It also loads what an earlier run left, so a skipped pull does not skip it."""
    return Step(
        f"silver_load_{table.name}",
        (table.load,),
        "silver",
        INGESTION,
        needs=(f"bronze_{entity.name}",),
        reads=(f"bronze.{table.name}",),
        writes=tuple(f"silver.{name}" for name in (table.name, table.versions) if name),
        subject=table.name if table.load == Table.load else None,
        runs_after_skipped=True,
        logs_as=f"silver.{table.name}",
    )


PULLS = tuple(bronze_step(one) for one in ENTITIES.values())
LOADS = tuple(silver_step(one, table) for one in ENTITIES.values() for table in one.tables)
# Every day, the files that people have handed over.
FILE_PULLS = tuple(bronze_step(one) for one in DELIVERED.values())
FILE_LOADS = tuple(silver_step(one, table) for one in DELIVERED.values() for table in one.tables)
DELIVERIES = (
    *FILE_PULLS,
    *FILE_LOADS,
    Step(
        "dbt_run_membership",
        ("gold.membership:build_membership",),
        "gold",
        TRANSFORMATION,
        needs=tuple(load.id for load in FILE_LOADS),
        reads=tuple(f"silver.{table.name}" for one in DELIVERED.values() for table in one.tables),
        writes=MEMBERSHIP,
        runs_after_skipped=True,
        logs_as="gold.dbt_run_membership",
    ),
    Step(
        "return_files",
        ("quality.returned_files:return_files",),
        "quality",
        INGESTION,
        needs=tuple(load.id for load in FILE_LOADS),
        runs_after_skipped=True,
    ),
    # The last one, so that a file that is missing or refused keeps no other from being loaded.
    Step(
        "check_deliveries",
        ("quality.deliveries:check_deliveries",),
        "quality",
        INGESTION,
        needs=("return_files",),
        takes_clock=True,
        runs_after_skipped=True,
    ),
)
LOAD_SALES = tuple(step for step in LOADS if step.needs == ("bronze_sales",))

HOURLY = (
    *PULLS,
    *LOADS,
    Step(
        "dbt_deps",
        ("gold.build:prepare",),
        "gold",
        TRANSFORMATION,
        needs=tuple(load.id for load in LOADS),
        takes_full_refresh=True,
        runs_after_skipped=True,
        logs_as="gold.dbt_deps",
    ),
    Step(
        "dbt_run_core",
        ("gold.build:build_core",),
        "gold",
        TRANSFORMATION,
        needs=("dbt_deps",),
        reads=tuple(name for load in LOADS for name in load.writes),
        writes=CORE,
        takes_full_refresh=True,
        logs_as="gold.dbt_run_core",
    ),
    Step(
        "dbt_run_mart",
        ("gold.build:build_mart",),
        "gold",
        TRANSFORMATION,
        needs=("dbt_run_core",),
        reads=CORE,
        writes=MARTS,
        takes_full_refresh=True,
        takes_clock=True,
        logs_as="gold.dbt_run_mart",
    ),
    Step(
        "dbt_test",
        ("gold.build:check_gold", "quality.reconcile:reconcile_sales"),
        "gold",
        TRANSFORMATION,
        needs=("dbt_run_mart",),
        reads=(*CORE, *MARTS),
        logs_as="gold.dbt_test",
    ),
    # It also runs in an hour that brought nothing: no sale at all is the largest anomaly.
    Step(
        "judge_kpis",
        ("quality.anomalies.watch:watch_kpis",),
        "gold",
        TRANSFORMATION,
        needs=("dbt_test",),
        reads=("gold.mart_sales_by_category", "gold.mart_sales_by_hour"),
        takes_clock=True,
        runs_after_skipped=True,
    ),
)

NIGHTLY_GOLD = (
    Step(
        "dbt_run_nightly",
        ("gold.build:build_nightly",),
        "gold",
        TRANSFORMATION,
        reads=(*CORE, *MARTS),
        writes=NIGHTLY_MARTS,
        takes_clock=True,
        logs_as="gold.dbt_run_nightly",
    ),
)

# No check waits for another, so each failed check fails the run.
NIGHTLY = (
    Step("verify_bronze", ("medallion.bronze.verify:verify_receipts",), "quality", INGESTION),
    Step(
        "expire_bronze",
        ("medallion.bronze.retention:expire_bronze",),
        "quality",
        INGESTION,
        needs=("verify_bronze",),
    ),
    Step("reconcile_all", ("quality.reconcile:reconcile_all",), "quality", TRANSFORMATION),
    Step("dbt_test_all", ("gold.build:check_all_gold",), "quality", TRANSFORMATION, logs_as="gold.dbt_test_all"),
    Step(
        "second_opinion",
        ("quality.anomalies.second_opinion:give_second_opinion",),
        "quality",
        TRANSFORMATION,
        reads=("gold.mart_sales_by_hour",),
        takes_clock=True,
    ),
)

# The first step returns the arguments of the second, which runs once for each range.
PLAN_RANGES = Step("plan_ranges", ("ingestion.sales_backfill:plan_backfill",), "bronze", INGESTION)
PULL_RANGE = Step(
    "bronze_sales",
    ("ingestion.sales_backfill:pull_sales_range",),
    "bronze",
    INGESTION,
    needs=("plan_ranges",),
    writes=bronze_step(ENTITIES["sales"]).writes,
    logs_as="bronze.sales",
)
BACKFILL = (PLAN_RANGES, PULL_RANGE, *LOAD_SALES)


def tables(layer: Layer) -> tuple[str, ...]:
    """Tables of Silver or Gold, in the order in which an hourly, a nightly and a daily run of files write them."""
    names = (name for step in (*HOURLY, *NIGHTLY_GOLD, *DELIVERIES) if step.layer == layer for name in step.writes)
    return tuple(name.removeprefix(f"{layer}.") for name in names)


def logged_as(task_id: str) -> tuple[str | None, str]:
    """Layer and dataset under which a task writes into the ETL log; for a task that writes none, None and its id."""
    steps = (*HOURLY, *NIGHTLY_GOLD, *NIGHTLY, *BACKFILL, *DELIVERIES)
    layer, _, dataset = next((one.logs_as for one in steps if one.id == task_id), "").partition(".")
    return (layer, dataset) if layer else (None, task_id)


def functions_of(step: Step) -> list[Callable[..., Outcome]]:
    """The functions that a step names, imported now, each with the step's subject if it has one."""
    names = [one.split(":") for one in step.work]
    functions = [getattr(import_module(module), function) for module, function in names]
    return functions if step.subject is None else [partial(one, subject=step.subject) for one in functions]


def entities(steps: tuple[Step, ...] = HOURLY) -> list[str]:
    """Source entities that a run may be asked for, in the order of their steps."""
    return [step.entity for step in steps if step.entity]
