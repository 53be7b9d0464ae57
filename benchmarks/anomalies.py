"""How well anomalies are found: planted ones, by the platform's detector and by three others.

    python -m benchmarks.anomalies                 five seeds, half a year each, about twenty minutes
    python -m benchmarks.anomalies --seeds 1,2     seeds of your own

Each seed makes sales with planted anomalies (`SOURCE_ANOMALIES`) and unrest (`SOURCE_NOISE`). The detectors know
nothing of what was planted. What counts is the *event*: it is found if an alert
about its sales, or about their total, overlaps it. An alert that overlaps no event is false; one that begins within two
days of an event's end is its echo, as the sales come back.

*Promised* are events that take or add 30 % or more, of sales of which a point expects 100 or more, for three hours or
longer (a day of them for one that lasts days), and not on a special day of `quality/anomalies/calendar.yml`. Of the
others, the share that is found is printed and nothing is promised.
"""

from __future__ import annotations

import argparse
import sys
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np

from backend.dataset.store_catalog import STORES
from backend.settings import SourceSettings
from benchmarks.anomaly_rivals import rivals
from benchmarks.anomaly_scores import Alert, Event, Score, matches, scored
from benchmarks.planted_sales import PlantedSeries, planted_series
from gold.public_holidays import public_holidays
from quality.anomalies.calendar import Calendar, read_specials
from quality.anomalies.episodes import Episode, judge_span
from quality.anomalies.findings import AGAIN
from quality.anomalies.kpis import watched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.anomalies.plan import Planted

SEEDS = (201, 202, 203, 204, 205)  # none of them was looked at while the detector was made
PLANTED = "spike:4,drop:4,level,slow_leak,missing_store:2,dup_hour,price_x100:2"
NOISE = 0.04
SALES_PER_HOUR = 1_000
START = datetime(2024, 9, 2, tzinfo=timezone.utc)
WEEKS, WARM_WEEKS, LEARN_WEEKS = 26, 6, 18
_DAY_HOURS = 24
_HOUR_REACH, _DAY_REACH = 105, 230  # days
_LEAST_SALES, _LEAST_EFFECT, _LEAST_HOURS = 100, 0.3, 3


def main() -> None:
    """Print a line for each detector and seed, and one for all seeds."""
    options = argparse.ArgumentParser(prog="benchmarks.anomalies")
    options.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    options.add_argument("--misses", action="store_true", help="print what was missed, and the false alerts")
    chosen = options.parse_args()
    seeds = [int(one) for one in chosen.seeds.split(",")]
    totals: dict[str, Score] = {}
    for seed in seeds:
        series = planted_series(settings(seed))
        since = series.hours.at(series.hours.points) - timedelta(weeks=WEEKS)
        events = events_of(series, since)
        for name, detector in {"ours": ours, **rivals()}.items():
            alerts = [one for one in detector(series, since - timedelta(weeks=WARM_WEEKS)) if one.since >= since]
            score = scored(events, alerts, since)
            print(f"seed {seed}: {score.line(name, WEEKS)}", flush=True)
            totals[name] = totals[name] + score if name in totals else score
            if chosen.misses and name == "ours":
                _print_misses(events, alerts)
    print(f"\n{len(seeds)} seeds of {WEEKS} weeks:")
    for name, score in totals.items():
        print(score.line(name, WEEKS * len(seeds)))
    sys.stdout.flush()


def settings(seed: int) -> SourceSettings:
    """The data set of a seed: weeks to learn from, to warm up in, and to be judged."""
    return SourceSettings(
        seed=seed,
        start=START,
        now=START + timedelta(weeks=LEARN_WEEKS + WARM_WEEKS + WEEKS),
        sales_per_hour=SALES_PER_HOUR,
        customers=20_000,
        anomalies=PLANTED,
        noise=NOISE,
    )


def calendar() -> Calendar:
    """The special days that the step knows, with the holidays of the sample's stores."""
    countries = {str(number): one.country for number, one in enumerate(STORES, 1)}
    found, _ = public_holidays(sorted(set(countries.values())), range(START.year, START.year + 3))
    days: dict[date, set[str]] = {}
    for country, day, _ in found:
        days.setdefault(day, set()).add(country)
    closed = {
        str(number): (START + timedelta(days=one.closes)).date()
        for number, one in enumerate(STORES, 1)
        if one.closes is not None
    }
    return Calendar(read_specials(), {day: frozenset(some) for day, some in days.items()}, countries, closed)


def ours(series: PlantedSeries, since: datetime) -> list[Alert]:
    """The alerts of the platform's detector, as many days at a time as the step judges in every hour."""
    known: list[Episode] = []
    special = calendar()
    first = (since - series.hours.begins).days
    kpis = watched()
    for day in range(first, series.days.points, AGAIN):
        days = min(AGAIN, series.days.points - day)
        hours = series.hours.until((day + days) * _DAY_HOURS).last((_HOUR_REACH + days) * _DAY_HOURS)
        known = judge_span(hours, kpis["hour"], special, known, hours.points - days * _DAY_HOURS)
        some = series.days.until(day + days).last(_DAY_REACH + days)
        known = judge_span(some, kpis["day"], special, known, some.points - days)
    return [Alert(one.of, one.since, one.until, one.found_at) for one in known]


def events_of(series: PlantedSeries, since: datetime) -> list[Event]:
    """The planted anomalies. Those that began before `since` explain alerts, and none of them has to be found."""
    special = calendar()
    return [_event(one, series, since, special) for one in series.planted]


def _event(one: Planted, series: PlantedSeries, since: datetime, special: Calendar) -> Event:
    begins, ends = (datetime.fromtimestamp(hour * 3_600, timezone.utc) for hour in (one.first_hour, one.until_hour))
    sales = _expected_sales(one, series)
    effect = 1.0 if one.copies > 1 or one.price > 1 else abs(1 - one.per_mille / 1_000)
    strong = sales >= _LEAST_SALES and effect >= _LEAST_EFFECT and ends - begins >= timedelta(hours=_LEAST_HOURS)
    inside = since <= begins and ends <= series.hours.at(series.hours.points)
    promised = strong and inside and not _is_special(one, begins, special)
    return Event(one.kind, one.level, one.member, begins, ends, sales if inside else 0.0, promised)


def _expected_sales(one: Planted, series: PlantedSeries) -> float:
    """Orders that a point of the event expects: the median of the same time in the four weeks before."""
    hours, offset = series.hours, int(series.hours.begins.timestamp()) // 3_600
    first, length = one.first_hour - offset, one.until_hour - one.first_hour
    rows = [row for row, of in enumerate(hours.slices) if (of.level, of.member) == (one.level, one.member)]
    if first < 4 * 168 or not rows:
        return 0.0
    orders = hours.by_slice["orders"][rows]
    before = [orders[:, first - 168 * week : first - 168 * week + length].sum(axis=1) for week in range(1, 5)]
    points = length if length < _DAY_HOURS else length / _DAY_HOURS
    return float(np.median(before, axis=0).max()) / points


def _is_special(one: Planted, begins: datetime, special: Calendar) -> bool:
    """Whether the calendar says that nothing is judged then."""
    closed = special.holidays.get(begins.date(), frozenset())
    if one.level == "total":
        return bool(closed) or special.is_special(begins.date()) or special.settles(begins.date())
    return special.is_special(begins.date()) or special.countries.get(one.member) in closed


def _print_misses(events: Sequence[Event], alerts: Sequence[Alert]) -> None:
    for one in events:
        if one.is_promised and not any(matches(alert, one) for alert in alerts):
            print(f"  missed: {one}")
    for alert in alerts:
        if not any(matches(alert, one) for one in events):
            print(f"  false: {alert}")


if __name__ == "__main__":
    main()
