"""Figures from their definitions: values and SQL."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from medallion import metrics as module
from medallion.metrics import formula, measures, metrics, value

DAY = {
    "sale_count": 4,
    "return_count": 1,
    "line_count": 9,
    "quantity": 10,
    "returned_quantity": 2,
    "gross_amount": Decimal("50.00"),
    "discount_amount": Decimal("10.00"),
    "net_amount": Decimal("40.00"),
    "returned_amount": Decimal("8.00"),
    "cost_amount": Decimal("15.00"),
    "costed_net_amount": Decimal("20.00"),
    "margin_amount": Decimal("5.00"),
}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("net_revenue", "40.00"),
        ("sold_revenue", "48.00"),
        ("average_order_value", "12"),
        ("items_per_order", "3"),
        ("discount_share", "0.2"),
        ("margin_rate", "0.25"),
    ],
)
def test_a_metric_follows_from_measures(metric: str, expected: str) -> None:
    assert value(metric, DAY) == Decimal(expected)


def test_a_share_of_nothing_is_none() -> None:
    assert value("return_rate", dict.fromkeys(DAY, 0)) is None
    assert value("average_order_value", DAY | {"sale_count": 0}) is None


def test_the_sql_of_a_ratio_divides_no_integers_and_not_by_zero() -> None:
    assert formula("items_per_order") == "(quantity + returned_quantity)::numeric / nullif(sale_count, 0)"


def test_a_metric_under_a_condition_does_not_follow_from_measures() -> None:
    for ask in (lambda: value("repeat_rate", DAY), lambda: formula("repeat_rate")):
        with pytest.raises(ValueError, match="counted under a condition"):
            ask()


def test_every_figure_says_what_it_is_and_in_which_unit() -> None:
    units = {"money", "count", "share", "ratio"}
    for one in [*measures().values(), *metrics().values()]:
        assert one.description.endswith(".")
        assert one.unit in units
    assert len({one.label for one in metrics().values()}) == len(metrics())


DEFINITIONS = """
semantic_models:
  - name: sales
    model: ref('sales_item')
    measures:
      - {name: a, description: A., agg: sum, expr: a, config: {meta: {unit: count}}}
      - {name: b, description: B., agg: sum, expr: b, config: {meta: {unit: count}}}
metrics:
  - {name: a, label: A, description: A., type: simple, type_params: {measure: a}, config: {meta: {unit: count}}}
  - {name: b, label: B, description: B., type: simple, type_params: {measure: b}, config: {meta: {unit: count}}}
  - {name: c, label: C, description: C., type: derived, type_params: {expr: EXPRESSION}, config: {meta: {unit: count}}}
"""


def define(expression: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "metrics.yml"
    file.write_text(DEFINITIONS.replace("EXPRESSION", expression), encoding="utf-8")
    monkeypatch.setattr(module, "DEFINITIONS", file)
    for cached in (measures, metrics):
        monkeypatch.setattr(module, cached.__name__, cached.__wrapped__)


def test_a_derived_metric_keeps_its_parentheses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    define("a - (b - a)", tmp_path, monkeypatch)
    assert formula("c") == "(a - (b - a))"
    assert value("c", {"a": 5, "b": 3}) == 7


def test_a_derived_metric_is_a_sum_or_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    define("a ** b", tmp_path, monkeypatch)
    for ask in (lambda: value("c", {"a": 5, "b": 3}), lambda: formula("c")):
        with pytest.raises(ValueError, match="adds and subtracts metrics, not: a \\*\\* b"):
            ask()
