"""The figures as `dbt/models/metrics.yml` defines them: name, label, unit, and how each is worked out.

A *measure* is aggregated from the rows of a fact; marts hold it as a column of that name. A *metric* is what people
read: a measure by its business name, or arithmetic of other metrics. The definition is dbt's, and `gold/figures.py`
writes the models' SQL from it. A report has the values of a mart's columns and asks `value` for the rest.
"""

from __future__ import annotations

import ast
import operator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from medallion.settings import PROJECT_ROOT
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFINITIONS = PROJECT_ROOT / "dbt" / "models" / "metrics.yml"
Unit = Literal["money", "count", "share", "ratio"]
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub}
_SIGNS = {ast.Add: "+", ast.Sub: "-"}


@dataclass(frozen=True)
class Measure:
    """What is aggregated from the rows of `model`. `is_in_every_mart`: each mart of sales has a column of this name."""

    model: str
    name: str
    description: str
    unit: Unit
    aggregation: str
    expression: str
    is_in_every_mart: bool


@dataclass(frozen=True)
class Metric:
    """A figure that people read.

    `type` is dbt's: *simple* is a `measure`, *ratio* divides two metrics, *derived* is an `expression` of metrics. With
    a `filter`, a simple metric counts only what fulfills it; then it follows from no column of a mart.
    """

    name: str
    label: str
    description: str
    unit: Unit
    type: str
    measure: str = ""
    numerator: str = ""
    denominator: str = ""
    expression: str = ""
    filter: str = ""


@lru_cache(maxsize=1)
def measures() -> dict[str, Measure]:
    """Every measure by its name, in the order in which marts hold them."""
    return {
        one["name"]: Measure(
            model["model"].split("'")[1],
            one["name"],
            one["description"],
            one["config"]["meta"]["unit"],
            one["agg"],
            one["expr"],
            one["config"]["meta"].get("in_every_mart", True),
        )
        for model in read_yaml(DEFINITIONS)["semantic_models"]
        for one in model["measures"]
    }


@lru_cache(maxsize=1)
def metrics() -> dict[str, Metric]:
    """Every metric by its name, in the order of the definitions."""
    return {one["name"]: _metric(one) for one in read_yaml(DEFINITIONS)["metrics"]}


def value(name: str, figures: Mapping[str, Decimal | int]) -> Decimal | None:
    """A metric, worked out from the measures in `figures`. None where it divides by zero: there is nothing to share.

    Raises KeyError for a metric or a measure that is not there, ValueError for one that needs more than measures.
    """
    metric = metrics()[name]
    if metric.filter:
        raise ValueError(f"{name} is counted under a condition: it does not follow from measures")
    if metric.type == "simple":
        return Decimal(figures[metric.measure])
    if metric.type == "ratio":
        part, whole = value(metric.numerator, figures), value(metric.denominator, figures)
        return part / whole if part is not None and whole else None
    return _evaluated(ast.parse(metric.expression, mode="eval").body, figures)


def formula(name: str) -> str:
    """A metric as SQL over columns that are named like measures. Null where it divides by zero."""
    metric = metrics()[name]
    if metric.filter:
        raise ValueError(f"{name} is counted under a condition: it does not follow from measures")
    if metric.type == "simple":
        return metric.measure
    if metric.type == "ratio":
        return f"{formula(metric.numerator)}::numeric / nullif({formula(metric.denominator)}, 0)"
    return _written(ast.parse(metric.expression, mode="eval").body)


def _metric(one: dict[str, Any]) -> Metric:
    how = one["type_params"]
    return Metric(
        one["name"],
        one["label"],
        one["description"],
        one["config"]["meta"]["unit"],
        one["type"],
        how.get("measure", ""),
        how.get("numerator", ""),
        how.get("denominator", ""),
        how.get("expr", ""),
        one.get("filter", ""),
    )


def _evaluated(node: ast.expr, figures: Mapping[str, Decimal | int]) -> Decimal | None:
    if isinstance(node, ast.Name):
        return value(node.id, figures)
    left, kind, right = _sides(node)
    one, other = _evaluated(left, figures), _evaluated(right, figures)
    return None if one is None or other is None else Decimal(_OPERATORS[kind](one, other))


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return formula(node.id)
    left, kind, right = _sides(node)
    return f"({_written(left)} {_SIGNS[kind]} {_written(right)})"


def _sides(node: ast.expr) -> tuple[ast.expr, type[ast.operator], ast.expr]:
    """The two sides of an operation. Raises ValueError for what a derived metric may not be made of."""
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return node.left, type(node.op), node.right
    raise ValueError(f"a derived metric adds and subtracts metrics, not: {ast.unparse(node)}")
