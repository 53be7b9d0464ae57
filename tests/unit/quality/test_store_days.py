"""Days of stores as features: what is out of them, and what stays in."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from quality.anomalies.detectors import Scores
from quality.anomalies.second_opinion import MOST, REPORTED, Table, unusual_days
from quality.anomalies.store_days import FEATURES, LEAST_WEEKS, READ, SCORED, StoreDays

SALES = ("orders", "sold_revenue", "gross_revenue", "returned_revenue", "discounts")
BEGINS = date(2026, 1, 5)  # a Monday
LAST = READ - 1
SUNDAY = 6
rng = np.random.default_rng


def store_days(*scales: float, seed: int = 1) -> StoreDays:
    """Stores of these sizes, closed on Sundays and twice as busy on Saturdays, with some noise."""
    draws = rng(seed)
    weekday = np.arange(READ) % 7
    season = np.where(weekday == SUNDAY, 0.0, np.where(weekday == SUNDAY - 1, 2.0, 1.0))
    orders = np.array([np.round(scale * season * draws.uniform(0.9, 1.1, READ)) for scale in scales])
    revenue = orders * 50 * draws.uniform(0.98, 1.02, orders.shape)
    parts = {
        "sold_revenue": revenue,
        "orders": orders,
        "returned_revenue": revenue * draws.uniform(0.04, 0.06, orders.shape),
        "discounts": revenue * 0.1,
        "gross_revenue": revenue * 1.1,
        "hours": np.where(orders > 0, 12.0, 0.0),
        "day": np.full_like(orders, 24.0),
    }
    return StoreDays([(number, "EUR") for number, _ in enumerate(scales, 1)], BEGINS, parts)


def changed(days: StoreDays, series: int, point: int, **factors: float) -> StoreDays:
    parts = {name: values.copy() for name, values in days.parts.items()}
    for name, factor in factors.items():
        parts[name][series, point] *= factor
    return StoreDays(days.series, days.begins, parts)


def strongest(days: StoreDays, series: int, point: int) -> str:
    return max(FEATURES, key=lambda one: abs(days.departures[one.name][series, point])).name


def test_neither_the_weekday_nor_the_size_of_a_store_departs_from_what_is_usual() -> None:
    days = store_days(100, 1_000)
    for one in FEATURES:
        seen = days.departures[one.name][days.is_scored]
        assert np.abs(np.median(seen)) < 0.5, one.name
        assert np.abs(seen).max() < 8, one.name


@pytest.mark.parametrize(
    ("factors", "feature"),
    [
        (dict.fromkeys(SALES, 0.3), "orders"),
        ({"returned_revenue": 9.0}, "return_rate"),
        ({"discounts": 6.0}, "discount_share"),
        ({"hours": 0.3}, "hours_with_sales"),
    ],
)
def test_a_day_departs_by_the_figure_that_is_odd(factors: dict[str, float], feature: str) -> None:
    point = LAST - 1 if LAST % 7 == SUNDAY else LAST
    assert strongest(changed(store_days(100, 1_000), 0, point, **factors), 0, point) in {feature, "sold_revenue"}


def test_a_day_without_any_sale_departs_far_and_not_endlessly() -> None:
    days = changed(store_days(100), 0, LAST - 3, **dict.fromkeys((*SALES, "hours"), 0.0))
    assert -100 < days.departures["orders"][0, LAST - 3] < -8
    assert days.departures["return_rate"][0, LAST - 3] == 0  # there is nothing to divide by
    assert all(np.isfinite(values).all() for values in days.departures.values())


def test_a_day_is_scored_if_it_is_recent_known_and_not_closed_as_always() -> None:
    days = store_days(100)
    days.parts["orders"][0, : READ - 40] = 0  # the store has opened 40 days ago
    points = np.nonzero(days.is_scored[0])[0]
    assert points.min() >= READ - 40 + LEAST_WEEKS * 7
    assert SUNDAY not in set(points % 7)
    old = np.nonzero(store_days(100).is_scored[0])[0]
    assert old.min() >= READ - SCORED


def test_only_days_of_the_last_week_at_the_top_of_every_detector_are_named_most_unusual_first() -> None:
    table = Table.of(store_days(100, 200, 300))
    count = len(table.points)
    recent = [row for row in range(count) if table.points[row] >= READ - REPORTED]
    old = next(row for row in range(count) if table.points[row] < READ - REPORTED)
    scores = np.linspace(0, 1, count)
    scores[recent[0]], scores[recent[1]], scores[old] = 3, 4, 5
    one = Scores(scores.tolist(), [old, recent[1], recent[0]], [["orders"], ["return_rate", "orders"], ["orders"]])
    other = Scores(scores.tolist(), [*recent, old], [["orders"]] * (len(recent) + 1))
    found = unusual_days(table, {"iforest": one, "ecod": other})
    assert [(day.rank, day.sold_date) for day in found] == [
        (1, table.days.day(int(table.points[recent[1]])).isoformat()),
        (2, table.days.day(int(table.points[recent[0]])).isoformat()),
    ]
    assert found[0].score > found[1].score
    assert found[0].why.startswith("Orders ")
    assert unusual_days(table, {}) == []
    both = Scores(scores.tolist(), recent, [["orders"]] * len(recent))
    assert len(unusual_days(table, {"iforest": both, "ecod": both})) == MOST < len(recent)
