"""The sales of a data set with planted anomalies, by hour, store and channel: what detectors are measured on.

Nothing is read over HTTP: the source's own functions make the sales, and this module sums them as
`gold.mart_sales_by_hour` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from backend.data import DataSet
from backend.dataset.timeline import SECONDS_PER_HOUR
from quality.anomalies.panel import STEP, Panel, Slice

if TYPE_CHECKING:
    from backend.anomalies.plan import Planted
    from backend.settings import SourceSettings
    from quality.anomalies.panel import Grain

_AT_ONCE = 400_000
_KEYS = ("hour", "currency", "store_id", "channel")
_PARTS = ("orders", "sold_revenue", "returned_revenue")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class PlantedSeries:
    """The sales by hour and by day, and what was planted into them, oldest first."""

    hours: Panel
    days: Panel
    planted: list[Planted]


def planted_series(settings: SourceSettings) -> PlantedSeries:
    """The series of a data set from its start up to its clock, both at midnight UTC."""
    data = DataSet(settings)
    last = data.last_sale_id()
    sums = pl.concat(_summed(data, first, min(last, first + _AT_ONCE - 1)) for first in range(1, last + 1, _AT_ONCE))
    until = data.now()
    sums = sums.group_by(_KEYS).sum().filter(pl.col("hour") < int(until.timestamp()) // SECONDS_PER_HOUR)
    hours, days = _panel(sums, "hour", settings.start, until), _panel(sums, "day", settings.start, until)
    return PlantedSeries(hours, days, data.planted())


def _panel(sums: pl.DataFrame, grain: Grain, begins: datetime, until: datetime) -> Panel:
    step = STEP[grain] // timedelta(hours=1)
    points = (until - begins) // STEP[grain]
    first = int((begins - _EPOCH) / timedelta(hours=1))
    some = sums.with_columns(((pl.col("hour") - first) // step).alias("point"))
    some = some.group_by("currency", "store_id", "channel", "point").agg(pl.col(*_PARTS).sum())
    cells = sorted(some.select("currency", "store_id", "channel").unique().rows())
    places = {cell: number for number, cell in enumerate(cells)}
    rows = np.array([places[cell] for cell in some.select("currency", "store_id", "channel").rows()])
    parts = {name: np.zeros((len(cells), points)) for name in _PARTS}
    for name, values in parts.items():
        values[rows, some["point"].to_numpy()] = some[name].to_numpy()
    of_cells = [
        (Slice(currency, "total"), Slice(currency, "channel", channel), Slice(currency, "store", str(store)))
        for currency, store, channel in cells
    ]
    slices = sorted({one for of_cell in of_cells for one in of_cell})
    members = np.array([[float(one in of_cell) for of_cell in of_cells] for one in slices])
    return Panel(grain, begins, tuple(slices), members, parts, "orders")


def _summed(data: DataSet, first: int, last: int) -> pl.DataFrame:
    headers = data._sales.headers(first, last)  # noqa: SLF001 - the data set has no other door to many sales at once
    lines = data._sales.lines(headers)  # noqa: SLF001
    amount = lines.group_by("sale").agg(
        (pl.col("quantity") * pl.col("unit_price") - pl.col("discount")).sum().alias("net"),
    )
    sales = headers.select(
        (pl.col("sold_at") // SECONDS_PER_HOUR).alias("hour"), "store_id", "channel", "currency", "is_return"
    ).with_columns(amount.sort("sale")["net"] / 100)
    return sales.group_by(_KEYS).agg(
        (~pl.col("is_return")).sum().cast(pl.Float64).alias("orders"),
        pl.col("net").filter(~pl.col("is_return")).sum().alias("sold_revenue"),
        (-pl.col("net")).filter("is_return").sum().alias("returned_revenue"),
    )
