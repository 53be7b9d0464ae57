"""The figures as `dbt/models/metrics.yml` defines them, as SQL, and amounts and shares in words.

The environment of the notebooks has none of the platform's packages, so the few rules by which a metric follows from
measures stand here a second time. `tests/unit/stack/test_notebook_texts.py` compares every formula with
`medallion/metrics.py`.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

PROJECT = Path(__file__).resolve().parents[1]
DEFINITIONS = PROJECT / "dbt" / "models" / "metrics.yml"
_SIGNS = {ast.Add: "+", ast.Sub: "-"}
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
_UNITS = ((1_000_000, "M"), (1_000, "k"), (1, ""))


@lru_cache(maxsize=1)
def _defined() -> dict[str, Any]:
    return dict(yaml.safe_load(DEFINITIONS.read_text(encoding="utf-8")))


def metric(name: str) -> dict[str, Any]:
    """The definition of a metric: label, description, how it is worked out. KeyError for one that is not there."""
    return {one["name"]: one for one in _defined()["metrics"]}[name]


def label(name: str) -> str:
    """What people call the metric."""
    return str(metric(name)["label"])


def measures() -> str:
    """The measures that every mart of sales has, summed, as a list of columns."""
    found = (one for model in _defined()["semantic_models"] for one in model["measures"])
    kept = [one["name"] for one in found if one["config"]["meta"].get("in_every_mart", True)]
    return ", ".join(f"sum({name}) as {name}" for name in kept)


def formula(name: str) -> str:
    """A metric as SQL over columns that are named like measures. Null where it divides by zero."""
    one = metric(name)
    how = one["type_params"]
    if one.get("filter"):
        raise ValueError(f"{name} is counted under a condition: it does not follow from measures")
    if one["type"] == "simple":
        return str(how["measure"])
    if one["type"] == "ratio":
        return f"{formula(how['numerator'])}::numeric / nullif({formula(how['denominator'])}, 0)"
    return _written(ast.parse(how["expr"], mode="eval").body)


def with_figures(statement: str) -> str:
    """A statement in which `{measures}` and `{name_of_a_metric}` stand for their SQL."""

    def written(found: re.Match[str]) -> str:
        name = found[1]
        return measures() if name == "measures" else f"{formula(name)} as {name}"

    return re.sub(r"\{(\w+)\}", written, statement)


def money(amount: Decimal | float, currency: str) -> str:
    """An amount in whole units: `€366,870`, `CHF 12`."""
    return _with_currency(f"{abs(amount):,.0f}", amount, currency)


def short_money(amount: Decimal | float, currency: str) -> str:
    """An amount for an axis or a table: `€367k`, `CHF 1.2M`."""
    size = abs(float(amount))
    unit, sign = next((one for one in _UNITS if size >= one[0]), _UNITS[-1])
    digits = f"{size / unit:.1f}".removesuffix(".0") if size / unit < 10 else f"{size / unit:.0f}"
    return _with_currency(f"{digits}{sign}", amount, currency)


def tick_money(amount: float, currency: str) -> str:
    """An amount at a line of an axis, never rounded to one that is not there: `€50k`, `€17.5k`."""
    unit, sign = next((one for one in _UNITS if abs(amount) >= one[0]), _UNITS[-1])
    return _with_currency(f"{abs(amount) / unit:g}{sign}", amount, currency)


def in_words(name: str, value: Decimal | float | None, currency: str) -> str:
    """A metric in the form of its unit: an amount, a share or a count."""
    if value is None or value != value:  # noqa: PLR0124 - not a number is not equal to itself
        return "–"
    unit = metric(name)["config"]["meta"]["unit"]
    if unit == "money":
        return money(value, currency)
    if unit == "share":
        return share(value)
    return f"{value:,.0f}" if unit == "count" else f"{value:,.1f}"


def share(part: Decimal | float | None) -> str:
    """A share of one in percent: `9.1%`; a dash where there is none."""
    return "–" if part is None else f"{float(part):.1%}".replace("-", "−")


def change(now: Decimal | float | None, before: Decimal | float | None) -> str:
    """How much `now` is above or below `before`: `+12.0%`; a dash where there is nothing to compare with."""
    return effect(float(now) / float(before) - 1) if now is not None and before and before > 0 else "–"


def effect(part: Decimal | float) -> str:
    """A change as a share of one: `+12.0%`, `−3.1%`."""
    return f"{float(part):+.1%}".replace("-", "−")


def day(moment: date) -> str:
    """A day: `Saturday, November 28, 2026`."""
    return f"{moment:%A, %B} {moment.day}, {moment.year}"


def minute(moment: datetime) -> str:
    """A moment in UTC: `November 28, 2026, 09:30 UTC`."""
    return f"{moment:%B} {moment.day}, {moment:%Y, %H:%M} UTC"


def month(moment: date) -> str:
    """The month of a day: `Nov 2026`."""
    return f"{moment:%b %Y}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _with_currency(digits: str, amount: Decimal | float, currency: str) -> str:
    sign = "−" if amount < 0 and digits.strip("0.,kM") else ""
    return f"{sign}{_SYMBOLS[currency]}{digits}" if currency in _SYMBOLS else f"{sign}{currency} {digits}"


def _written(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return formula(node.id)
    if isinstance(node, ast.BinOp) and type(node.op) in _SIGNS:
        return f"({_written(node.left)} {_SIGNS[type(node.op)]} {_written(node.right)})"
    raise ValueError(f"a derived metric adds and subtracts metrics, not: {ast.unparse(node)}")
