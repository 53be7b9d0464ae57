"""The sales of a data set with planted anomalies, summed by hour, store and channel: what detectors are measured on.

Nothing is read over HTTP: the source's own functions make the sales, and this module sums them as
`gold.mart_sales_by_hour` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.data import DataSet
from backend.dataset.timeline import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend.anomalies.plan import Planted
    from backend.settings import SourceSettings

_AT_ONCE = 400_000
_KEYS = ("hour", "store_id", "channel", "currency")


def sales_by_hour(settings: SourceSettings) -> tuple[pl.DataFrame, list[Planted]]:
    """Orders and revenue by hour, store, channel and currency up to the clock of `settings`, and what was planted.

    `hour` counts since 1970. Money is in the currency's unit.
    """
    data = DataSet(settings)
    last = data.last_sale_id()
    sums = pl.concat(_summed(data, first, min(last, first + _AT_ONCE - 1)) for first in range(1, last + 1, _AT_ONCE))
    until = int(data.now().timestamp()) // SECONDS_PER_HOUR
    return sums.group_by(_KEYS).sum().filter(pl.col("hour") < until).sort(_KEYS), list(_planted(data, until))


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


def _planted(data: DataSet, until: int) -> Iterator[Planted]:
    plan = getattr(data._sales, "plan", None)  # noqa: SLF001
    if plan:
        yield from plan.until(until)
