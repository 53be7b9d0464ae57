"""Days of stores as rows of features: each figure compared with the store's own last eight same weekdays.

So the season of the week and the size of the store are out. What is left is divided by how much that figure of that
store usually varies, so that a small store, whose figures are noisy, is not unusual every day.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from psycopg2 import sql

from medallion.metrics import formula, metrics
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from quality.anomalies.panel import Flags, Floats

WEEKS = 8  # a day is compared with the same weekday of so many weeks
LEAST_WEEKS = 4
SCORED = 90  # days that are compared with each other
READ = SCORED + WEEKS * 7
_PARTS = ("sold_revenue", "orders", "returned_revenue", "discounts", "gross_revenue")
_FLOOR = 0.05  # of the usual level: a day without sales is that far down, and not endlessly
_MAD_TO_DEVIATION = 1.4826
_SQL = Statements(__file__)


@dataclass(frozen=True)
class Feature:
    """A figure of a day. A *level* is compared by ratio, a *share* by difference. `least`: variation below is noise."""

    name: str
    kind: Literal["level", "share"]
    part: str
    whole: str = ""
    least: float = 0.05

    @property
    def label(self) -> str:
        """Its name for a person."""
        return metrics()[self.name].label if self.name in metrics() else "Share of the day's hours with sales"


FEATURES = (
    Feature("sold_revenue", "level", "sold_revenue"),
    Feature("orders", "level", "orders"),
    Feature("average_order_value", "level", "sold_revenue", "orders"),
    Feature("return_rate", "share", "returned_revenue", "sold_revenue", 0.02),
    Feature("discount_share", "share", "discounts", "gross_revenue", 0.01),
    Feature("hours_with_sales", "share", "hours", "day", 1 / 24),
)


@dataclass(frozen=True)
class StoreDays:
    """Sums by series and day; a series is a store in one currency. `begins`: the first day."""

    series: Sequence[tuple[int, str]]
    begins: date
    parts: Mapping[str, Floats]

    @cached_property
    def seen(self) -> dict[str, Floats]:
        """Each feature by series and day; not a number where there is nothing to divide by."""
        return {one.name: _quotient(self.parts, one) for one in FEATURES}

    @cached_property
    def usual(self) -> dict[str, Floats]:
        """The median of each feature on the last same weekdays; not a number where too few of them are known."""
        is_open = np.cumsum(self.parts["orders"], axis=1) > 0
        return {name: _medians(np.where(is_open, values, np.nan)) for name, values in self.seen.items()}

    @cached_property
    def departures(self) -> dict[str, Floats]:
        """How far each feature is from what is usual, in deviations of that feature of that store; 0: unknown."""
        return {one.name: _departure(self.seen[one.name], self.usual[one.name], one) for one in FEATURES}

    @cached_property
    def is_scored(self) -> Flags:
        """The days that are scored: recent, with enough weeks before them, and not as closed as always."""
        seen, usual = self.seen["orders"], self.usual["orders"]
        recent = np.arange(seen.shape[1]) >= seen.shape[1] - SCORED
        found: Flags = recent[None, :] & ~np.isnan(usual) & ((seen > 0) | (usual > 0))
        return found

    def day(self, point: int) -> date:
        """The date of a day."""
        return self.begins + timedelta(days=point)


def read_store_days(conn: connection, until: date) -> StoreDays:
    """The last days before `until`, as many as are of use."""
    begins = until - timedelta(days=READ)
    parts = sql.SQL(", ").join(
        sql.SQL("sum({})::float8 as {}").format(sql.SQL(formula(name)), sql.Identifier(name)) for name in _PARTS
    )
    rows = _SQL.rows(conn, "store_days", {"begins": begins, "until": until}, {"parts": parts})
    series = list(dict.fromkeys((row[0], row[1]) for row in rows))
    places = {one: number for number, one in enumerate(series)}
    names = ("hours", *_PARTS)
    sums = {name: np.zeros((len(series), READ)) for name in names}
    for row in rows:
        at = places[row[0], row[1]], (row[2] - begins).days
        for name, value in zip(names, row[3:], strict=True):
            sums[name][at] = value
    return StoreDays(series, begins, sums | {"day": np.full((len(series), READ), 24.0)})


def _quotient(parts: Mapping[str, Floats], feature: Feature) -> Floats:
    if not feature.whole:
        return parts[feature.part]
    part, whole = parts[feature.part], parts[feature.whole]
    found: Floats = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return found


def _medians(values: Floats) -> Floats:
    """For each day, the median of the same weekday of the weeks before it."""
    earlier = np.full((WEEKS, *values.shape), np.nan)
    for week in range(1, WEEKS + 1):
        earlier[week - 1, :, 7 * week :] = values[:, : -7 * week]
    found = _quiet_median(earlier, axis=0)
    found[np.count_nonzero(~np.isnan(earlier), axis=0) < LEAST_WEEKS] = np.nan
    return found


def _departure(seen: Floats, usual: Floats, feature: Feature) -> Floats:
    if feature.kind == "share":
        found = seen - usual
    else:
        level = np.nan_to_num(_quiet_median(usual, axis=1), nan=1.0)[:, None]
        floor = _FLOOR * np.where(level > 0, level, 1.0)
        found = np.log((np.maximum(seen, 0) + floor) / (np.maximum(usual, 0) + floor))
    recent = found[:, -SCORED:]
    spread = np.nan_to_num(_MAD_TO_DEVIATION * _quiet_median(np.abs(recent), axis=1))
    scaled: Floats = np.nan_to_num(found / np.maximum(spread, feature.least)[:, None])
    return scaled


def _quiet_median(values: Floats, axis: int) -> Floats:
    """The median of what is known; not a number where nothing is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numpy warns where nothing is known
        found: Floats = np.nanmedian(values, axis=axis)
    return found
