"""The SQL by which a person sees an anomaly in Gold: the same hours of the weeks before, next to those that are odd."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from medallion.metrics import formula, measures

if TYPE_CHECKING:
    from quality.anomalies.store import Anomaly

_WEEKS = 4


def reproduce(anomaly: Anomaly) -> str:
    """A statement with a row for each week: the KPI of the anomaly's time, and of the same time in the weeks before."""
    is_category = anomaly.level == "category"
    table, time = ("mart_sales_by_category", "sold_date") if is_category else ("mart_sales_by_hour", "sold_hour")
    column = {"total": "", "store": "store_id::text", "channel": "channel", "category": "category"}[anomaly.level]
    where = f"\n    and sales.{column} = {_text(anomaly.member)}" if column else ""
    return f"""\
select
    week.begins,
    {_formula(anomaly.metric)} as {anomaly.metric}
from generate_series(
    timestamptz '{anomaly.started_at - _WEEKS * timedelta(days=7):%Y-%m-%d %H:%M}+00',
    timestamptz '{anomaly.started_at:%Y-%m-%d %H:%M}+00', interval '7 days'
) as week (begins)
left join gold.{table} as sales
    on sales.{time} >= week.begins
    and sales.{time} < week.begins + interval '{_length(anomaly)}'
    and sales.currency = {_text(anomaly.currency)}{where}
group by week.begins
order by week.begins;"""  # noqa: S608 - a text for a person: it is not sent


def _formula(metric: str) -> str:
    """The metric over sums of a mart's columns."""
    names = "|".join(sorted(measures(), key=len, reverse=True))
    return re.sub(rf"\b({names})\b", r"sum(sales.\1)", formula(metric))


def _length(anomaly: Anomaly) -> str:
    return f"{(anomaly.ended_at - anomaly.started_at) // timedelta(hours=1)} hours"


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
