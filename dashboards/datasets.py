"""The data sets of Superset: relations of Gold with their columns and figures, none of them written twice.

Columns and descriptions come from dbt's manifest, metrics from dbt/models/metrics.yml. superset/datasets.yaml says
which metrics a relation can show: the sum of a mart's column is the measure over any of its rows only if the measure
adds up over them. An amount is summed in one currency only: over several the figure is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dashboards.identity import MARK, asset_id
from medallion.errors import DashboardInvalid
from medallion.metrics import formula, measures, metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from dashboards.declared import Dataset
    from dashboards.relations import Relation, RelationColumn

FILE = "datasets.yaml"
# One format per unit.
FORMATS = {
    "money": ",.0f",
    "count": ",d",
    "share": ".1%",
    "ratio": ",.2f",
    "seconds": ",.1f",
    "percent": "+,d",
    "moment": "%Y-%m-%d %H:%M",
    "day": "%Y-%m-%d",
}
_AGGREGATES = {"count_distinct": "count(distinct {})", "count": "count({})", "sum": "sum({})"}
_NAMES = {"sum": "total_{}", "avg": "average_{}", "max": "latest_{}"}
_UNITS = {"amount": "money", "_count": "count", "_share": "share", "_seconds": "seconds", "_percent": "percent"}


@dataclass(frozen=True)
class Figure:
    """A figure of a data set: its SQL over the rows of the relation, and the unit that decides its format."""

    name: str
    label: str
    description: str
    sql: str
    unit: str


def figures_of(name: str, declared: Dataset, relation: Relation) -> dict[str, Figure]:
    """The figures that a data set offers, by name. Raises DashboardInvalid for one that the relation cannot give."""
    return {figure: make() for figure, make in _makers(name, declared, relation)}


def _makers(name: str, declared: Dataset, relation: Relation) -> Iterator[tuple[str, Callable[[], Figure]]]:
    """The names of the figures that a data set declares, each with what makes it."""
    for metric in declared.metrics:
        yield metric, partial(_metric, name, metric, relation)
    for how, columns in (("sum", declared.sums), ("avg", declared.averages), ("max", declared.latest)):
        for column in columns:
            yield _NAMES[how].format(column), partial(_aggregated, name, column, how, relation)
    for share, parts in declared.shares.items():
        yield share, partial(_share, name, share, parts, relation)


def dataset_asset(name: str, declared: Dataset, relation: Relation) -> dict[str, Any]:
    """A data set in the form of Superset's bundles."""
    shown = figures_of(name, declared, relation).values()
    return {
        "table_name": relation.name,
        "main_dttm_col": declared.time,
        "currency_code_column": "currency" if "currency" in relation.columns else None,
        "description": relation.description,
        "schema": relation.schema,
        "catalog": None,
        "sql": None,
        "extra": {"certification": {"certified_by": MARK, "details": f"superset/{FILE}"}},
        "normalize_columns": False,
        "columns": [_column(one) for one in relation.columns.values()],
        "metrics": [_figure(one) for one in shown],
        "uuid": asset_id("dataset", name),
        "database_uuid": asset_id("database", "warehouse"),
        "version": "1.0.0",
    }


def label_of(name: str) -> str:
    """The name of a column or figure for a reader: `sold_date` is `Sold date`."""
    words = name.strip("_").replace("_", " ")
    return f"RFM{words[3:]}" if words.startswith("rfm ") else words[:1].upper() + words[1:]


def unit_of_name(column: str) -> str | None:
    """The unit that the name of a column says: `net_amount` is money, `rows_read` a count; None if it says none."""
    if column.startswith("rows_"):
        return "count"
    return next((unit for end, unit in _UNITS.items() if column.endswith(end)), None)


def _metric(dataset: str, name: str, relation: Relation) -> Figure:
    if name not in metrics():
        raise _invalid(dataset, f"{name} isn't a metric of dbt/models/metrics.yml")
    metric = metrics()[name]
    try:
        text = formula(name)
    except ValueError as error:
        raise _invalid(dataset, str(error)) from error
    sql = re.sub(r"\b[a-z_]+\b", lambda found: _measure(dataset, found[0], relation), text)
    return Figure(name, metric.label, metric.description, _in_one_currency(sql, metric.unit, relation), metric.unit)


def _measure(dataset: str, word: str, relation: Relation) -> str:
    """The SQL of a measure over the rows of the relation; other words of a formula stay."""
    if word not in measures():
        return word
    measure = measures()[word]
    if measure.model == relation.name:
        return _AGGREGATES[measure.aggregation].format(measure.expression)
    if word not in relation.columns:
        raise _invalid(dataset, f"{relation.name} has no column {word}")
    if not measure.is_in_every_mart:
        raise _invalid(dataset, f"{word} does not add up over the rows of {relation.name}")
    return f"sum({word})"


def _aggregated(dataset: str, column: str, how: str, relation: Relation) -> Figure:
    known = _known(dataset, column, relation)
    unit = _unit_of(known)
    label = "Average {}" if how == "avg" else "{}"
    sql = f"coalesce({how}({column}), 0)" if how == "sum" and unit != "money" else f"{how}({column})"
    text = label_of(column)
    return Figure(
        _NAMES[how].format(column),
        label.format(text if how != "avg" else text.lower()),
        known.description,
        _in_one_currency(sql, unit, relation),
        unit,
    )


def _unit_of(column: RelationColumn) -> str:
    """The unit that type and name of a column say."""
    if column.is_moment:
        return "day" if column.type == "date" else "moment"
    return unit_of_name(column.name) or "ratio"


def _share(dataset: str, name: str, parts: tuple[str, str], relation: Relation) -> Figure:
    part, whole = (_known(dataset, one, relation) for one in parts)
    text = f"{part.description} As a share of: {whole.description}"
    return Figure(name, label_of(name), text, f"sum({part.name})::numeric / nullif(sum({whole.name}), 0)", "share")


def _in_one_currency(sql: str, unit: str, relation: Relation) -> str:
    """The figure, empty where the rows are in several currencies."""
    if unit != "money" or "currency" not in relation.columns:
        return sql
    return f"case when min(currency) = max(currency) then {sql} end"


def _known(dataset: str, column: str, relation: Relation) -> RelationColumn:
    if column not in relation.columns:
        raise _invalid(dataset, f"{relation.name} has no column {column}")
    return relation.columns[column]


def _column(one: RelationColumn) -> dict[str, Any]:
    return {
        "column_name": one.name,
        "verbose_name": label_of(one.name),
        "is_dttm": one.is_moment,
        "is_active": True,
        "type": one.type.upper(),
        "groupby": True,
        "filterable": True,
        "expression": None,
        "description": one.description,
    }


def _figure(one: Figure) -> dict[str, Any]:
    return {
        "metric_name": one.name,
        "verbose_name": one.label,
        "expression": one.sql,
        "description": one.description,
        "d3format": FORMATS[one.unit],
    }


def _invalid(dataset: str, problem: str) -> DashboardInvalid:
    return DashboardInvalid(file=FILE, problems=[f"{dataset}: {problem}"])


def all_figures(
    declared: Mapping[str, Dataset], relations: Mapping[str, Relation]
) -> tuple[dict[str, dict[str, Figure]], dict[str, dict[str, str]]]:
    """The figures of each declared data set, and by data set and figure what is wrong with those that it cannot give.

    What is wrong with a data set as a whole is under the name of the data set.
    """
    found: dict[str, dict[str, Figure]] = {}
    wrong: dict[str, dict[str, str]] = {}
    for name, dataset in declared.items():
        found[name], wrong[name] = {}, {}
        if name not in relations:
            wrong[name][name] = "dbt's manifest has no such model"
            continue
        if dataset.time and dataset.time not in relations[name].columns:
            wrong[name][name] = f"{name} has no column {dataset.time}"
        for figure, make in _makers(name, dataset, relations[name]):
            try:
                found[name][figure] = make()
            except DashboardInvalid as error:
                wrong[name][figure] = error.problems[0].removeprefix(f"{name}: ")
    return found, {name: problems for name, problems in wrong.items() if problems}
