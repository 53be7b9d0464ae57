"""An anomaly is found at the slice that explains it, at no other, and ordinary weeks are silent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import pytest

from quality.anomalies.calendar import Calendar, Special
from quality.anomalies.episodes import Episode, outliers
from quality.anomalies.panel import Panel, Slice
from tests.series import BEGINS, PRICE, at, by_day, changed, episodes_of, hours_of

DAYS = 112
LAST = (DAYS - 1) * 24  # the first hour of the last day
TOTAL, WEB, STORE_3 = Slice("EUR", "total"), Slice("EUR", "channel", "web"), Slice("EUR", "store", "3")
NORMAL = hours_of(DAYS)


def of(found: list[Episode]) -> set[Slice]:
    return {one.of for one in found}


@pytest.mark.parametrize(
    ("struck", "by", "direction", "metric"),
    [
        (TOTAL, 0.6, -1, "orders"),
        (TOTAL, 0.0, -1, "orders"),
        (TOTAL, 1.6, 1, "orders"),
        (WEB, 0.3, -1, "orders"),
        (STORE_3, 0.5, -1, "orders"),
        (STORE_3, 0.0, -1, "orders"),
        (STORE_3, 1.8, 1, "orders"),
        (STORE_3, {"sold_revenue": 100.0}, 1, "average_order_value"),
    ],
)
def test_four_odd_hours_are_found_where_they_are_and_nowhere_else(
    struck: Slice, by: Mapping[str, float] | float, direction: int, metric: str
) -> None:
    found = episodes_of(changed(NORMAL, struck, LAST + 10, LAST + 14, by))
    assert of(found) == {struck}
    (one,) = found
    assert (one.direction, metric in one.metrics) == (direction, True)
    assert abs(one.since - at(LAST + 10)) <= timedelta(hours=2)
    assert abs(one.until - at(LAST + 14)) <= timedelta(hours=2)
    assert one.found_at <= at(LAST + 14)


@pytest.mark.parametrize("seed", [2, 3])
def test_four_ordinary_weeks_are_silent(seed: int) -> None:
    hours = hours_of(DAYS, seed=seed)
    assert episodes_of(hours, days=28) == []
    assert episodes_of(by_day(hours_of(200, seed=seed)), days=28) == []


def test_a_day_without_a_store_is_found_by_hours_and_by_days() -> None:
    missing = changed(NORMAL, STORE_3, LAST, LAST + 24, 0.0)
    assert of(episodes_of(missing)) == {STORE_3}
    assert of(episodes_of(by_day(missing))) == {STORE_3}


def test_a_store_that_fades_over_weeks_is_found_though_no_day_is_odd() -> None:
    hours = hours_of(230)
    for day in range(28):
        begins = (hours.points // 24 - 28 + day) * 24
        hours = changed(hours, STORE_3, begins, begins + 24, 1 - 0.6 * day / 27)
    found = episodes_of(by_day(hours), days=14)
    assert STORE_3 in of(found)
    assert of(found) <= {STORE_3}
    assert max(one.direction for one in found if one.of == STORE_3) == -1


def test_a_single_small_hour_is_no_anomaly_and_a_single_catastrophe_is_one() -> None:
    assert episodes_of(changed(NORMAL, TOTAL, LAST + 12, LAST + 13, 0.75)) == []
    assert of(episodes_of(changed(NORMAL, TOTAL, LAST + 12, LAST + 13, 0.0))) == {TOTAL}


def returning(days: Panel, share: float) -> Panel:
    """The same sales with so many of them returned, each drawn and worth what a sale is worth."""
    draws = np.random.default_rng(7)
    returned = draws.poisson(days.parts["orders"] * share).astype(np.float64) * PRICE
    return days.with_parts({**days.parts, "returned_revenue": returned})


@pytest.mark.parametrize("seed", [2, 3])
def test_a_day_without_returns_is_ordinary_where_few_are_expected(seed: int) -> None:
    some = returning(by_day(hours_of(200, a_day=1_500, seed=seed)), share=0.02)
    last = some.points - 1
    assert episodes_of(changed(some, TOTAL, last, last + 1, {"returned_revenue": 0.0}), days=28) == []


@pytest.mark.parametrize(("struck", "by", "direction"), [(TOTAL, 1.6, 1), (TOTAL, 0.5, -1), (STORE_3, 3.0, 1)])
def test_a_return_rate_that_moves_is_found_where_many_are_expected(struck: Slice, by: float, direction: int) -> None:
    many = returning(by_day(hours_of(200)), share=0.08)
    last = many.points - 1
    found = episodes_of(changed(many, struck, last, last + 1, {"returned_revenue": by}))
    assert [(one.of, one.direction, one.metrics) for one in found] == [(struck, direction, frozenset({"return_rate"}))]


def test_a_store_with_a_sale_an_hour_is_not_judged() -> None:
    few = hours_of(DAYS, a_day=300)
    assert episodes_of(changed(few, Slice("EUR", "store", "7"), LAST, LAST + 24, 0.0)) == []


def test_what_is_found_does_not_depend_on_what_comes_later() -> None:
    struck = changed(NORMAL, STORE_3, LAST + 10, LAST + 14, 0.3)
    later = changed(struck, WEB, LAST + 18, LAST + 24, 0.1)
    (early,) = (one for one in episodes_of(later) if one.of == STORE_3)
    (alone,) = episodes_of(struck)
    assert (early.of, early.direction, early.found_at) == (alone.of, alone.direction, alone.found_at)


def test_an_outage_of_weeks_before_does_not_make_ordinary_sales_an_anomaly() -> None:
    """What was found trains nothing: else the return to normal would look like a rise."""
    struck = changed(NORMAL, STORE_3, LAST - 5 * 24, LAST - 4 * 24, 0.0)
    known = episodes_of(struck.until(LAST - 3 * 24), days=3)
    assert of(known) == {STORE_3}
    assert episodes_of(struck, days=2, known=known) == known


def test_a_level_that_stays_becomes_normal_after_a_week_and_some_days() -> None:
    shifted = changed(NORMAL, STORE_3, LAST - 20 * 24, LAST + 24, 0.5)
    found = episodes_of(by_day(shifted), days=21)
    ends = max(one.until for one in found if one.of == STORE_3 and one.direction < 0)
    assert at(LAST - 14 * 24) <= ends < at(LAST)


def test_an_episode_that_a_person_found_right_trains_the_baseline() -> None:
    panel = by_day(NORMAL)
    (one,) = episodes_of(by_day(changed(NORMAL, STORE_3, LAST, LAST + 24, 0.0)))
    assert outliers([one], panel).sum() == 3
    assert outliers([one.__class__(**{**vars(one), "is_usual": True})], panel).sum() == 0


@pytest.mark.parametrize(
    ("calendar", "struck", "by", "is_found"),
    [
        ("special", TOTAL, 0.3, False),
        ("special", STORE_3, 0.3, True),
        ("season", TOTAL, 0.7, False),
        ("season", TOTAL, 0.2, True),
        ("holiday", STORE_3, 0.0, False),
        ("holiday", TOTAL, 0.5, False),
        ("holiday", STORE_3, 2.5, True),
        ("holiday", Slice("EUR", "store", "2"), 0.0, True),
    ],
)
def test_special_days_are_judged_as_the_calendar_says(
    calendar: str,
    struck: Slice,
    by: float,
    is_found: bool,
) -> None:
    day = (BEGINS + timedelta(hours=LAST)).date()
    found = episodes_of(changed(NORMAL, struck, LAST + 9, LAST + 18, by), calendar=_calendar(calendar, day))
    assert (struck in of(found)) is is_found


def _calendar(kind: str, day: date) -> Calendar:
    span = ((day.month, day.day), (day.month, day.day))
    later = day + timedelta(days=20)
    return {
        "special": Calendar((Special("festival", *span),), {}, {}),
        "season": Calendar((Special("sales", span[0], (later.month, later.day), season=True),), {}, {}),
        "holiday": Calendar((), {day: frozenset({"FR"})}, {"3": "FR", "2": "DE"}),
    }[kind]


def test_a_panel_is_cut_without_losing_its_place() -> None:
    some = NORMAL.until(LAST).last(48)
    assert isinstance(some, Panel)
    assert (some.points, some.begins) == (48, at(LAST - 48))
