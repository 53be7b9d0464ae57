"""Sales by id: any range of them, at the cost of the range.

A return is a sale of its own that takes an earlier one back: the same customer and lines, quantities and
discounts negative, at the price that was paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.catalog import CURRENCY, ONLINE_PAYMENTS, STORE_PAYMENTS, STORES
from backend.dataset.random_draws import below, draw
from backend.dataset.timeline import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from backend.dataset.customers import Customers
    from backend.dataset.products import Products
    from backend.dataset.timeline import Timeline
    from backend.settings import SourceSettings

_COUNTS = pl.Series([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7])  # of lines
_QUANTITIES = pl.Series([1, 1, 1, 1, 1, 1, 2, 2, 3, 4])
_ONLINE = ["web", "web", "app"]
_ONLINE_PERCENT = 25  # while the stores are open
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
        sale_id = pl.int_range(first, last + 1, eager=True, dtype=pl.Int64)
        origin_id = self._origins(sale_id)
        sold_at, origin_at = self._timeline.seconds(sale_id), self._timeline.seconds(origin_id)
        is_online = self._is_online(sale_id, sold_at)
        payment = self._draw(sale_id, "payment")
        return pl.DataFrame(
            {
                "sale_id": sale_id,
                "origin_id": origin_id,
                "sold_at": sold_at,
                "origin_at": origin_at,
                "is_return": origin_id != sale_id,
                "customer_id": self._customers.buyer(self._draw(origin_id, "buyer"), origin_at),
                "store_id": below(self._draw(sale_id, "store"), STORES) + 1,
                "channel": _either(is_online, _ONLINE, self._draw(sale_id, "channel"), ["store"]),
                "payment_method": _either(is_online, ONLINE_PAYMENTS, payment, STORE_PAYMENTS),
                "currency": pl.repeat(CURRENCY, len(sale_id), eager=True),
            }
        )

    def lines(self, headers: pl.DataFrame) -> pl.DataFrame:
        """Lines of the sales, in their order; `sale` is the header's place among them. Money in cents."""
        counts = _COUNTS[below(self._draw(headers["origin_id"], "lines"), len(_COUNTS))]
        sale = pl.int_range(headers.height, eager=True).repeat_by(counts).explode()
        line_no = pl.int_ranges(1, counts + 1, eager=True).explode()
        key = headers["origin_id"][sale] * _MOST_LINES + line_no
        quantity = _QUANTITIES[below(self._draw(key, "quantity"), len(_QUANTITIES))]
        product_id = self._products.sold(self._draw(key, "product"))
        unit_price = self._products.price(product_id, headers["origin_at"][sale])
        discount = _discounts(self._draw(key, "discount"), quantity * unit_price)
        sign = 1 - 2 * headers["is_return"][sale].cast(pl.Int64)
        return pl.DataFrame(
            {
                "sale": sale,
                "line_no": line_no,
                "product_id": product_id,
                "quantity": quantity * sign,
                "unit_price": unit_price,
                "discount": discount * sign,
            }
        )

    def _draw(self, ids: pl.Series, purpose: str) -> pl.Series:
        return draw(ids, self._seed, purpose)

    def _origins(self, sale_id: pl.Series) -> pl.Series:
        """Each sale itself or the earlier one it takes back; nobody returns a return."""
        back = sale_id - 1 - below(self._draw(sale_id, "back"), _RETURNED_WITHIN)
        back = back.zip_with(back >= 1, sale_id)
        takes_back = self._may_return(sale_id) & ~self._may_return(back)
        return back.zip_with(takes_back, sale_id)

    def _may_return(self, sale_id: pl.Series) -> pl.Series:
        return below(self._draw(sale_id, "return"), 1_000) < _RETURNS_PER_MILLE

    def _is_online(self, sale_id: pl.Series, sold_at: pl.Series) -> pl.Series:
        hour = sold_at % SECONDS_PER_DAY // SECONDS_PER_HOUR
        weekday = (sold_at // SECONDS_PER_DAY + 3) % 7 + 1  # the first of 1970 was a Thursday
        closed = (hour < _OPENS) | (hour >= _CLOSES) | (weekday == _SUNDAY)
        return closed | (below(self._draw(sale_id, "online"), 100) < _ONLINE_PERCENT)


def _either(is_first: pl.Series, first: list[str], bits: pl.Series, second: list[str]) -> pl.Series:
    """One of the first choices where `is_first`, one of the second elsewhere."""
    place = below(bits, len(first)).zip_with(is_first, below(bits, len(second)) + len(first))
    return pl.Series(first + second)[place]


def _discounts(bits: pl.Series, gross: pl.Series) -> pl.Series:
    percent = 5 * (1 + below(bits // 2**20, 6))
    return gross * percent // 100 * (below(bits, 1_000) < _DISCOUNTS_PER_MILLE)
