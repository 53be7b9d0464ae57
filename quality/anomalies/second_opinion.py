"""The nightly step that asks two general detectors which days of stores are unusual, next to the judgement of the KPIs.

It shares nothing with that judgement but the mart: other figures, other mathematics, another environment. So what both
find is certain, and what only this one finds is worth a look. It reports no incident of what it finds.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from medallion.database import transaction
from medallion.errors import NothingToDo
from medallion.tool_environments import find_python
from quality.anomalies.circumstances import read_circumstances
from quality.anomalies.detectors import DETECTORS, ENVIRONMENT, Scores, score_rows
from quality.anomalies.opinion import COMMAND, NAMES, Opinion, UnusualDay, note_night, write_opinion
from quality.anomalies.store_days import FEATURES, LEAST_WEEKS, StoreDays, read_store_days

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from medallion.settings import Settings
    from quality.anomalies.panel import Points
    from quality.anomalies.store_days import Feature

SHARE = 0.01  # of all store-days: how many each detector calls unusual
REPORTED = 7  # days back from the last one
MOST = 10  # days that are reported
LEARNS = LEAST_WEEKS * 7 + 28  # days of history: some to compare with, and some to compare
SECONDS = 120.0
_MOST_REASONS = 3
_LEAST_DEPARTURE = 1.0  # a figure that is nearer to what is usual is no reason, unless it is the strongest one
_DIGITS = Decimal("0.0001")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """The store-days that are scored, as rows: the series and the day of each, and its features."""

    days: StoreDays
    series: Points
    points: Points

    @classmethod
    def of(cls, days: StoreDays) -> Table:
        """The rows of all days that are scored."""
        return cls(days, *np.nonzero(days.is_scored))

    def rows(self) -> list[list[float]]:
        """The features of each row."""
        columns = [self.days.departures[one.name][self.series, self.points] for one in FEATURES]
        found: list[list[float]] = np.stack(columns, axis=1).round(6).tolist()
        return found


def give_second_opinion(
    conn: connection, settings: Settings, *, run_id: str, now: datetime, seconds: float = SECONDS
) -> Opinion:
    """Replace the second opinion by that on the days that have closed by `now`.

    `seconds`: the most that a detector may take. Raises NothingToDo without its environment, and SecondOpinionFailed.
    """
    python = find_python(settings.retail_home, ENVIRONMENT)
    if python is None:
        with transaction(conn):
            note_night(conn, "skipped", f"skipped: {COMMAND}", run_id)
        raise NothingToDo(
            f"the second opinion ({NAMES}) is skipped: the environment {ENVIRONMENT} is not made, or out of date",
            remedy=COMMAND,
        )
    until, known = _history(conn, now)
    if known < LEARNS:
        with transaction(conn):
            return note_night(conn, "learning", f"learning: {known} of {LEARNS} days", run_id)
    with transaction(conn):
        table = Table.of(read_store_days(conn, until))
    rows, names = table.rows(), [one.name for one in FEATURES]
    scores = {one: score_rows(python, one, names, rows, share=SHARE, seconds=seconds) for one in DETECTORS if rows}
    with transaction(conn):
        opinion = write_opinion(conn, until - timedelta(days=1), unusual_days(table, scores), run_id)
    _log.info("%s", opinion.summary())
    return opinion


def unusual_days(table: Table, scores: Mapping[str, Scores]) -> list[UnusualDay]:
    """The days among the last ones that are at the top of every detector, most unusual first."""
    if not scores:
        return []
    last = table.days.departures["orders"].shape[1]
    both = set.intersection(*(set(one.top) for one in scores.values()))
    recent = [row for row in both if table.points[row] >= last - REPORTED]
    share = np.mean([_share_below(one.scores) for one in scores.values()], axis=0)
    ranked = sorted(recent, key=lambda row: (-share[row], row))[:MOST]
    return [_day(table, row, rank, float(share[row]), scores) for rank, row in enumerate(ranked, 1)]


def _history(conn: connection, now: datetime) -> tuple[date, int]:
    """The day after the last one that has closed, and how many days with sales there have been."""
    circumstances = read_circumstances(conn, now, now)
    if circumstances is None or circumstances.pulled_until is None or circumstances.first_sale is None:
        return now.date(), 0
    until = min(now, circumstances.pulled_until).date()
    return until, max(0, (until - circumstances.first_sale.date()).days)


def _share_below(scores: Sequence[float]) -> list[float]:
    """For each score, the share of all that are lower."""
    found = np.searchsorted(np.sort(scores), scores, side="left") / len(scores)
    return list(found)


def _day(table: Table, row: int, rank: int, share: float, scores: Mapping[str, Scores]) -> UnusualDay:
    series, point = int(table.series[row]), int(table.points[row])
    store, currency = table.days.series[series]
    why = [one.why[one.top.index(row)] for one in scores.values()]
    return UnusualDay(
        table.days.day(point).isoformat(),
        store,
        currency,
        rank,
        Decimal(share).quantize(_DIGITS),
        NAMES,
        "; ".join(_words(table.days, one, series, point) for one in _reasons(table.days, why, series, point)),
    )


def _reasons(days: StoreDays, why: Sequence[Sequence[str]], series: int, point: int) -> list[Feature]:
    """The features that the detectors name, strongest first: by the sum of their places."""
    places = {
        one: sum(named.index(one.name) if one.name in named else len(FEATURES) for named in why) for one in FEATURES
    }
    strongest, *others = sorted(FEATURES, key=lambda one: places[one])[:_MOST_REASONS]
    far = [one for one in others if abs(days.departures[one.name][series, point]) >= _LEAST_DEPARTURE]
    return [strongest, *far]


def _words(days: StoreDays, feature: Feature, series: int, point: int) -> str:
    """A figure next to what is usual: `Orders 45, usually 118 (-62 %)`."""
    seen, usual = days.seen[feature.name][series, point], days.usual[feature.name][series, point]
    if feature.kind == "share":
        return f"{feature.label} {_or_none(seen, '{:.1%}')}, usually {_or_none(usual, '{:.1%}')}"
    effect = f" ({seen / usual - 1:+.0%})" if usual > 0 and not np.isnan(seen) else ""
    return f"{feature.label} {_or_none(seen, '{:,.0f}')}, usually {_or_none(usual, '{:,.0f}')}{effect}"


def _or_none(value: float, form: str) -> str:
    return "none" if np.isnan(value) else form.format(value)
