"""The table of steps: each names functions that are there, and that can be called as a step is."""

from __future__ import annotations

import inspect
import sys
from importlib import import_module
from typing import Any

import pytest

from medallion.entities.entity import Entity, Table
from medallion.entities.registry import DELIVERED, ENTITIES, TABLES
from medallion.process.steps import (
    BACKFILL,
    DELIVERIES,
    FILE_LOADS,
    FILE_PULLS,
    HOURLY,
    LOADS,
    NIGHTLY,
    NIGHTLY_GOLD,
    PULL_RANGE,
    PULLS,
    Step,
    bronze_step,
    logged_as,
    silver_step,
)
from medallion.settings import PROJECT_ROOT

STAGES = {"medallion", "ingestion", "loaders", "gold", "quality"}
RUNS = {
    "hourly": HOURLY,
    "nightly Gold": NIGHTLY_GOLD,
    "nightly": NIGHTLY,
    "backfill": BACKFILL,
    "deliveries": DELIVERIES,
}
STEPS = {(name, step.id): step for name, steps in RUNS.items() for step in steps}
# Of an entity that needs no function of its own.
PLAIN = Table("plain", "one", "Plain.", key=("plain_id",), columns=())
OTHER = Entity("plain", "plain_id", ENTITIES["products"].order, (PLAIN,))
STEPS |= {("OTHER", step.id): step for step in (bronze_step(OTHER), silver_step(OTHER, PLAIN))}
WORK = sorted({(work, step) for step in STEPS.values() for work in step.work}, key=lambda one: (one[0], one[1].id))


def function(work: str) -> Any:
    module, name = work.split(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(("work", "step"), WORK, ids=[f"{step.id}-{work}" for work, step in WORK])
def test_a_step_names_a_function_that_is_called_as_a_step_is(work: str, step: Step) -> None:
    parameters = inspect.signature(function(work)).parameters
    assert list(parameters)[:2] == ["conn", "settings"]
    assert parameters["run_id"].kind is inspect.Parameter.KEYWORD_ONLY
    assert ("full_refresh" in parameters) == step.takes_full_refresh
    assert ("now" in parameters) == step.takes_clock
    needed = {name for name, one in parameters.items() if one.default is inspect.Parameter.empty}
    handed = {"first", "last"} if step is PULL_RANGE else {"subject"} if step.subject else set()
    assert needed <= {"conn", "settings", "run_id", *handed} | ({"now"} if step.takes_clock else set())
    assert ("subject" in parameters) == (step.subject is not None)


@pytest.mark.parametrize("work", sorted({work for work, _ in WORK}))
def test_a_step_returns_something_that_sums_it_up(work: str) -> None:
    returned = function(work).__annotations__["return"]
    ours = [module for name, module in list(sys.modules.items()) if name.split(".")[0] in STAGES]
    kinds = {vars(module)[returned] for module in ours if returned in vars(module)}
    assert kinds, f"{work} returns {returned}, which no module defines"
    assert all(callable(kind.summary) for kind in kinds)


@pytest.mark.parametrize("steps", RUNS.values(), ids=list(RUNS))
def test_a_step_needs_steps_of_its_run_that_stand_before_it(steps: tuple[Step, ...]) -> None:
    for number, step in enumerate(steps):
        assert {*step.needs} <= {one.id for one in steps[:number]}
    assert len({step.id for step in steps}) == len(steps)


def test_the_steps_of_bronze_and_silver_are_those_of_the_declared_entities_in_their_order() -> None:
    assert [step.entity for step in PULLS] == list(ENTITIES)
    assert [step.id for step in (*LOADS, *FILE_LOADS)] == [f"silver_load_{name}" for name in TABLES]
    assert [step.entity for step in FILE_PULLS] == list(DELIVERED)
    assert HOURLY[: len(PULLS) + len(LOADS)] == (*PULLS, *LOADS)


@pytest.mark.parametrize("work", sorted({work for work, _ in WORK}))
def test_a_search_for_the_function_of_a_step_finds_who_names_it(work: str) -> None:
    files = [*(PROJECT_ROOT / "medallion" / "entities").rglob("*.py"), PROJECT_ROOT / "medallion/process/steps.py"]
    assert [file.name for file in files if f'"{work}"' in file.read_text(encoding="utf-8")]


def test_every_step_says_under_which_name_it_writes_into_the_etl_log_or_that_it_does_not() -> None:
    """A name left out would lose the error of a killed task, and the exit code of `./retail run`."""
    silent = {step.id for step in STEPS.values() if not step.logs_as}
    checks = {"verify_bronze", "reconcile_all", "judge_kpis", "second_opinion", "check_deliveries"}
    assert silent == {*checks, "expire_bronze", "plan_ranges", "return_files"}
    for step in STEPS.values():
        layer, _, dataset = step.logs_as.partition(".")
        assert step.id in silent or (layer in {"bronze", "silver", "gold"} and dataset)
    assert logged_as("bronze_sales") == ("bronze", "sales")
    assert logged_as("silver_load_products") == ("silver", "products")
    assert logged_as("dbt_run_nightly") == ("gold", "dbt_run_nightly")
    assert logged_as("dbt_run_membership") == ("gold", "dbt_run_membership")
    assert logged_as("dbt_test_all") == ("gold", "dbt_test_all")
    assert logged_as("verify_bronze") == (None, "verify_bronze")
