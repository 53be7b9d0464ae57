"""The sales of a data set with anomalies, by the ids that the API gives out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.anomalies.plan import Plan
from backend.anomalies.timeline import PlantedTimeline, UnsteadyTimeline
from backend.dataset.sales import Sales
from backend.dataset.timeline import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from backend.dataset.customers import Customers
    from backend.dataset.products import Products
    from backend.dataset.stores import Stores
    from backend.settings import SourceSettings


class PlantedSales(Sales):
    """The sales that the anomalies leave, at the prices they set. `times` is their timeline, `plan` the truth."""

    def __init__(self, settings: SourceSettings, customers: Customers, products: Products, stores: Stores) -> None:
        self.plan = Plan(settings)
        timeline = UnsteadyTimeline(settings, self.plan)
        super().__init__(settings, timeline, customers, products, stores)
        self.times = PlantedTimeline(timeline, self.plan, self.headers_of, settings.seed)

    def headers(self, first: int, last: int) -> pl.DataFrame:
        """Sales from id `first` to `last`."""
        sale_id = pl.int_range(first, last + 1, eager=True, dtype=pl.Int64).alias("sale_id")
        return self.headers_of(self.times.origins(sale_id)).with_columns(sale_id)

    def lines(self, headers: pl.DataFrame) -> pl.DataFrame:
        """Lines of the sales, in their order. A return is at the price that was paid, if that was the right one."""
        lines = super().lines(headers)
        factor = self._price_factor(headers)[lines["sale"]]
        return lines.with_columns(pl.col("unit_price") * factor, pl.col("discount") * factor)

    def _price_factor(self, headers: pl.DataFrame) -> pl.Series:
        factor = pl.repeat(1, headers.height, dtype=pl.Int64, eager=True)
        if headers.is_empty():
            return factor
        hour = headers["sold_at"] // SECONDS_PER_HOUR
        first, last = int(hour.min()), int(hour.max())  # type: ignore[arg-type]
        for one in self.plan.between(first, last + 1):
            if one.price > 1:
                is_its_time = (hour >= one.first_hour) & (hour < one.until_hour) & ~headers["is_return"]
                factor = factor + (one.price - 1) * (one.has(headers) & is_its_time).cast(pl.Int64)
        return factor
