"""Series of sales by hour and by day, drawn from a seed: stores, channels, the shape of a week, and chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np

from quality.anomalies.calendar import Calendar
from quality.anomalies.episodes import Episode, judge_span
from quality.anomalies.kpis import watched
from quality.anomalies.panel import Grain, Panel, Slice

BEGINS = datetime(2024, 9, 2, tzinfo=timezone.utc)  # a Monday
STORES = {str(number): share for number, share in enumerate((30, 20, 15, 12, 10, 8, 5), 1)}
CHANNELS = {"store": 60, "web": 28, "app": 12}
PRICE = 80.0
NOTHING_SPECIAL = Calendar((), {}, {})
_SHAPE = np.array([2, 1, 1, 1, 1, 2, 4, 8, 14, 18, 20, 22, 22, 20, 19, 20, 22, 25, 26, 22, 16, 12, 8, 5], dtype=float)
_WEEKDAYS = np.array([0.9, 0.9, 0.95, 1.0, 1.2, 1.5, 0.8])


def hours_of(days: int, *, a_day: float = 12_000, seed: int = 1, currency: str = "EUR") -> Panel:
    """A panel of hours from BEGINS: about so many orders a day, their counts drawn, an order worth about PRICE."""
    draws = np.random.default_rng(seed)
    level = np.repeat(_WEEKDAYS[np.arange(days) % 7] * draws.normal(1, 0.03, days), 24)
    shape = np.tile(_SHAPE / _SHAPE.sum(), days) * level * a_day
    cells = [(store, channel) for store in STORES for channel in CHANNELS]
    share = np.array([STORES[store] * CHANNELS[channel] / 10_000 for store, channel in cells])
    orders = draws.poisson(share[:, None] * shape[None, :]).astype(float)
    revenue = orders * PRICE + draws.normal(0, 1, orders.shape) * PRICE * 0.8 * np.sqrt(orders)
    parts = {"orders": orders, "sold_revenue": revenue, "returned_revenue": revenue * 0.05}
    return _panel("hour", cells, parts, currency)


def by_day(hours: Panel) -> Panel:
    """The same sales by day."""
    count = hours.points // 24
    parts = {name: one[:, : count * 24].reshape(len(one), count, 24).sum(axis=2) for name, one in hours.parts.items()}
    return Panel("day", hours.begins, hours.slices, hours.members, parts, hours.counts)


def changed(hours: Panel, of: Slice, since: int, until: int, by: Mapping[str, float] | float) -> Panel:
    """The panel with a slice's figures of some hours multiplied: all of them, or those that are named."""
    cells = hours.members[hours.slices.index(of)] > 0
    parts = {name: values.copy() for name, values in hours.parts.items()}
    for name, values in parts.items():
        values[np.ix_(cells, np.arange(since, until))] *= by.get(name, 1.0) if isinstance(by, Mapping) else by
    return hours.with_parts(parts)


def episodes_of(panel: Panel, days: int = 1, calendar: Calendar = NOTHING_SPECIAL, **options: Any) -> list[Episode]:
    """What the detector finds in the last `days` of a panel."""
    points = days * (24 if panel.grain == "hour" else 1)
    return judge_span(panel, watched()[panel.grain], calendar, options.get("known", []), panel.points - points)


def at(point: int) -> datetime:
    """When an hour of a panel begins."""
    return BEGINS + timedelta(hours=point)


def _panel(grain: Grain, cells: list[tuple[str, str]], parts: dict[str, Any], currency: str) -> Panel:
    slices = (
        Slice(currency, "total"),
        *(Slice(currency, "channel", channel) for channel in sorted(CHANNELS)),
        *(Slice(currency, "store", store) for store in STORES),
    )
    members = np.array(
        [
            [
                float(one.level == "total" or one.member == (store if one.level == "store" else channel))
                for store, channel in cells
            ]
            for one in slices
        ]
    )
    return Panel(grain, BEGINS, slices, members, parts, "orders")
