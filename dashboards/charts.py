"""A chart in the forms that Superset wants: what its editor shows (`params`), and the query that it sends.

Superset makes the query in the browser, and not at all for a chart that was imported. So a bundle carries both, and
a client of the API gets what a person sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboards.forms import FORMS, MOST_ROWS
from dashboards.kinds import Ranking, Table, condition
from dashboards.periods import NO_PERIOD, superset_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dashboards.datasets import Figure
    from dashboards.declared import Dataset
    from dashboards.kinds import Chart

_OPERATORS = {"=": ("==", "EQUALS"), "!=": ("!=", "NOT_EQUALS"), ">": (">", "GREATER_THAN"), "<": ("<", "LESS_THAN")}
_OPERATORS |= {">=": (">=", "GREATER_THAN_OR_EQUAL"), "<=": ("<=", "LESS_THAN_OR_EQUAL")}


@dataclass(frozen=True)
class CompiledChart:
    """What Superset keeps of a chart: its kind, the settings of its editor, and its query without the data set."""

    viz_type: str
    params: dict[str, Any]
    query: dict[str, Any]


def compile_chart(chart: Chart, dataset: Dataset, figures: Mapping[str, Figure], default_period: str) -> CompiledChart:
    """The chart over its data set. `default_period`: of the dashboard's filter, where it has one."""
    period = superset_range(chart.period or default_period) if dataset.time else NO_PERIOD
    viz_type, params, query = FORMS[type(chart)](chart, dataset, figures)
    filters = [_simple(*condition(one)) for one in chart.where]
    having = _without_nothing(chart, figures)
    if dataset.time:
        filters.insert(0, _temporal(dataset.time, period))
    query = {
        "filters": [{"col": one["subject"], "op": one["operator"], "val": one["comparator"]} for one in filters],
        "extras": {"having": having, "where": ""},
        "applied_time_extras": {},
        "columns": [],
        "metrics": list(chart.figures),
        "orderby": [],
        "annotation_layers": [],
        "row_limit": MOST_ROWS,
        "series_limit": 0,
        "order_desc": True,
        "url_params": {},
        "custom_params": {},
        "custom_form_data": {},
        "post_processing": [],
        "time_offsets": [],
    } | query
    settings = [*filters, _having(having)] if having else filters
    return CompiledChart(viz_type, {"viz_type": viz_type, "adhoc_filters": settings, **params}, query)


def _without_nothing(chart: Chart, figures: Mapping[str, Figure]) -> str:
    """The condition of a chart that is sorted by a rate: Postgres has an empty one first, as if it were the largest."""
    if not isinstance(chart, (Ranking, Table)) or figures[chart.figures[0]].unit not in ("share", "ratio"):
        return ""
    return f"{figures[chart.figures[0]].sql} is not null"


def _having(sql: str) -> dict[str, Any]:
    return {"clause": "HAVING", "expressionType": "SQL", "sqlExpression": sql}


def _temporal(column: str, period: str) -> dict[str, Any]:
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": "TEMPORAL_RANGE",
        "comparator": period,
    }


def _simple(column: str, sign: str, value: str) -> dict[str, Any]:
    operator, identity = _OPERATORS[sign]
    typed: Any = {"true": True, "false": False}.get(value, int(value) if value.lstrip("-").isdigit() else value)
    return {
        "clause": "WHERE",
        "expressionType": "SIMPLE",
        "subject": column,
        "operator": operator,
        "operatorId": identity,
        "comparator": typed,
    }
