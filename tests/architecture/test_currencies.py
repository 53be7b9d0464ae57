"""Which currency an amount is in: each table of Gold that has money says it, and none adds up two currencies."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gold.dashboards import declared_views
from gold.dbt_runner import PROJECT_DIR
from medallion.process.steps import CORE, MARTS, MEMBERSHIP, NIGHTLY_MARTS
from medallion.yaml_files import read_yaml

FILES = sorted(file for file in (PROJECT_DIR / "models" / "gold").rglob("*.yml") if file.parent.name != "staging")
MODELS = {model["name"]: model for file in FILES for model in read_yaml(file).get("models", [])}
VIEWS = {name: MODELS.pop(name) for name in declared_views()}  # without keys: their rows are those of tables
CONTROL_SUMS = {"dashboard_reconciliation"}  # they compare layers
# A row is one product, one line, one event of one sale, one top-up or one row of a report: it adds up nothing of
# another currency.
SINGLE = {"dim_product", "dim_product_history", "sales_item", "fct_customer_behavior", "fct_topup", "fct_user_activity"}


def has_money(model: dict[str, Any]) -> bool:
    """Whether a column has two decimals; shares and rates have six."""
    return any(re.fullmatch(r"numeric\(\d+, ?2\)", column["data_type"]) for column in model["columns"])


def key(model: dict[str, Any]) -> list[str]:
    """The columns of the primary key, which the contract has for the table or at one of its columns."""
    for constraint in model.get("constraints", []):
        if constraint["type"] == "primary_key":
            return list(constraint["columns"])
    return [
        column["name"]
        for column in model["columns"]
        if any(one["type"] == "primary_key" for one in column.get("constraints", []))
    ]


def grain(model: dict[str, Any]) -> str:
    """What the description says a row is."""
    return str(model["description"]).split("Grain: one row per ")[1].split(".")[0]


WITH_MONEY = sorted(name for name, model in MODELS.items() if has_money(model))
ADDED_UP = sorted({*WITH_MONEY} - SINGLE)


def test_every_table_of_gold_has_a_contract_and_a_key() -> None:
    assert {f"gold.{name}" for name in MODELS} == {*CORE, *MARTS, *NIGHTLY_MARTS, *MEMBERSHIP}
    assert [name for name, model in MODELS.items() if not key(model)] == []
    assert {*WITH_MONEY} > SINGLE


@pytest.mark.parametrize("view", sorted({name for name, model in VIEWS.items() if has_money(model)} - CONTROL_SUMS))
def test_a_view_with_money_has_a_row_for_each_currency(view: str) -> None:
    assert "currency" in [column["name"] for column in VIEWS[view]["columns"]]
    assert re.search(r"\bcurrency\b", grain(VIEWS[view]))


@pytest.mark.parametrize("table", WITH_MONEY)
def test_a_table_with_money_has_the_currency_of_each_row(table: str) -> None:
    assert "currency" in [column["name"] for column in MODELS[table]["columns"]]


@pytest.mark.parametrize("table", ADDED_UP)
def test_a_table_that_adds_up_money_has_a_row_for_each_currency(table: str) -> None:
    assert "currency" in key(MODELS[table])
    assert re.search(r"\bcurrency\b", grain(MODELS[table]))
