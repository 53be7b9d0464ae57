"""Sales by id: any range of them, at the cost of the range.

A return is a sale of its own that takes an earlier one back: the same customer and lines, quantities and
discounts negative, at the price that was paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.catalog import ONLINE_PAYMENTS, STORE_PAYMENTS, STORES
from backend.chance import below, draw, one_of

if TYPE_CHECKING:
    from backend.customers import Customers
    from backend.products import Products
    from backend.settings import SourceSettings
    from backend.timeline import Timeline

_LINES = [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7]
_QUANTITIES = [1, 1, 1, 1, 1, 1, 2, 2, 3, 4]
_RETURNS_PER_MILLE = 30
_RETURNED_WITHIN = 2_000  # a return takes back one of so many sales before it
_DISCOUNTS_PER_MILLE = 150
_OPENS, _CLOSES = 8, 20  # stores, UTC
_SUNDAY = 7
_MOST_LINES = 100


class Sales:
    """The sales of a timeline."""

    def __init__(self, settings: SourceSettings, timeline: Timeline, customers: Customers, products: Products) -> None:
        self._seed = settings.seed
        self._timeline, self._customers, self._products = timeline, customers, products

    def headers(self, first: int, last: int) -> pl.DataFrame:
        """Sales from id `first` to `last`. `origin_id` is the sale taken back, or the sale itself."""
        frame = self._with_origins(pl.int_range(first, last + 1, eager=True, dtype=pl.Int64).alias("sale_id"))
        frame = frame.with_columns(
            self._timeline.seconds(frame["sale_id"]),
            self._timeline.seconds(frame["origin_id"]).alias("origin_at"),
            (pl.col("origin_id") != pl.col("sale_id")).alias("is_return"),
            draw(pl.col("origin_id"), self._seed, "buyer").alias("buyer"),
            draw(pl.col("sale_id"), self._seed, "payment").alias("payment"),
        )
        frame = frame.with_columns(self._is_online().alias("is_online"))
        return frame.with_columns(
            self._customers.buyer(pl.col("buyer"), pl.col("origin_at")).alias("customer_id"),
            (below(draw(pl.col("sale_id"), self._seed, "store"), STORES) + 1).alias("store_id"),
            self._channel().alias("channel"),
            pl.when("is_online")
            .then(one_of(pl.col("payment"), ONLINE_PAYMENTS))
            .otherwise(one_of(pl.col("payment"), STORE_PAYMENTS))
            .alias("payment_method"),
        )

    def lines(self, headers: pl.DataFrame) -> pl.DataFrame:
        """Lines of the sales, in their order. Money in cents."""
        count = pl.lit(pl.Series(_LINES)).gather(below(draw(pl.col("origin_id"), self._seed, "lines"), len(_LINES)))
        frame = (
            headers.select("sale_id", "origin_id", "origin_at", "is_return", count.alias("line_count"))
            .with_columns(pl.int_ranges(1, pl.col("line_count") + 1).alias("line_no"))
            .explode("line_no")
        )
        key = pl.col("origin_id") * _MOST_LINES + pl.col("line_no")
        frame = frame.with_columns(
            draw(key, self._seed, "product").alias("product"),
            draw(key, self._seed, "discount").alias("discounted"),
            pl.lit(pl.Series(_QUANTITIES))
            .gather(below(draw(key, self._seed, "quantity"), len(_QUANTITIES)))
            .alias("quantity"),
        )
        frame = frame.with_columns(self._products.sold(pl.col("product")).alias("product_id"))
        frame = frame.with_columns(self._products.price(pl.col("product_id"), pl.col("origin_at")).alias("unit_price"))
        sign = pl.when("is_return").then(-1).otherwise(1)
        return frame.with_columns(
            (self._discount() * sign).alias("discount"), (pl.col("quantity") * sign).alias("quantity")
        )

    def _with_origins(self, sale_ids: pl.Series) -> pl.DataFrame:
        """Each sale beside itself or the earlier one it takes back; nobody returns a return."""
        key, back = pl.col("sale_id"), pl.col("back")
        frame = sale_ids.to_frame().with_columns(
            (key - 1 - below(draw(key, self._seed, "back"), _RETURNED_WITHIN)).clip(0).alias("back")
        )
        takes_back = self._may_return(key) & (back >= 1) & ~self._may_return(back)
        return frame.select(key, pl.when(takes_back).then(back).otherwise(key).alias("origin_id"))

    def _may_return(self, sale_id: pl.Expr) -> pl.Expr:
        return below(draw(sale_id, self._seed, "return"), 1_000) < _RETURNS_PER_MILLE

    def _is_online(self) -> pl.Expr:
        at = pl.from_epoch(pl.col("sold_at"), time_unit="s")
        closed = (at.dt.hour() < _OPENS) | (at.dt.hour() >= _CLOSES) | (at.dt.weekday() == _SUNDAY)
        return closed | (below(draw(pl.col("sale_id"), self._seed, "online"), 100) < 25)  # noqa: PLR2004

    def _channel(self) -> pl.Expr:
        online = one_of(draw(pl.col("sale_id"), self._seed, "channel"), ["web", "web", "app"])
        return pl.when("is_online").then(online).otherwise(pl.lit("store"))

    def _discount(self) -> pl.Expr:
        gross = pl.col("quantity") * pl.col("unit_price")
        bits = pl.col("discounted")
        percent = 5 * (1 + below(bits // 2**20, 6))
        given = below(bits, 1_000) < _DISCOUNTS_PER_MILLE
        return pl.when(given).then(gross * percent // 100).otherwise(0)
