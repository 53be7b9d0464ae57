"""Sales by id: any range of them, at the cost of the range.

A return is a sale of its own that takes an earlier one back: the same customer and lines, quantities and
discounts negative, at the price that was paid. A sale is in the currency of its store, and so are its products.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.catalog import CURRENCIES, ONLINE_PAYMENTS, STORE_PAYMENTS
from backend.dataset.promotions import Promotions, category
from backend.dataset.random_draws import below, draw
from backend.dataset.timeline import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from backend.dataset.customers import Customers
    from backend.dataset.products import Products
    from backend.dataset.stores import Stores
    from backend.dataset.timeline import Timeline
    from backend.settings import SourceSettings

_COUNTS = pl.Series([1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7])  # of lines
_QUANTITIES = pl.Series([1, 1, 1, 1, 1, 1, 2, 2, 3, 4])
_PAIRED_PERCENT = 40  # of the lines with an even number: they complement the line before
_ONLINE = ["web", "web", "app"]
_ONLINE_PERCENT = 25  # while the stores are open
_RETURNS_PER_MILLE = 40
_LATE_RETURNS_PERCENT = 8  # later than _RETURNED_WITHIN, and within twice of it
_RETURNED_WITHIN = 30 * SECONDS_PER_DAY
_RETURNED_AFTER = 2 * SECONDS_PER_HOUR
_DISCOUNTS_PER_MILLE = 60
_PROMOTED_PERCENT = 85  # of the lines of a promoted category have a discount
_OPENS, _CLOSES = 8, 20  # stores, UTC
_SUNDAY = 7
_MOST_LINES = 100


class Sales:
    """The sales of a timeline."""

    def __init__(
        self, settings: SourceSettings, timeline: Timeline, customers: Customers, products: Products, stores: Stores
    ) -> None:
        self._seed = settings.seed
        self._timeline, self._customers, self._products, self._stores = timeline, customers, products, stores
        self._promotions = Promotions(settings.seed)

    def headers(self, first: int, last: int) -> pl.DataFrame:
        """Sales from id `first` to `last`. `origin_id` is the sale taken back, or the sale itself."""
        return self.headers_of(pl.int_range(first, last + 1, eager=True, dtype=pl.Int64))

    def headers_of(self, sale_id: pl.Series) -> pl.DataFrame:
        """The sales of these ids, which rise."""
        sold_at = self._timeline.seconds(sale_id)
        origin_id, origin_at = self._origins(sale_id, sold_at)
        customer_id = self._customers.buyer(self._draw(origin_id, "buyer"), self._draw(origin_id, "another"), origin_at)
        place = self._customers.place(customer_id, origin_at)
        store_id = self._stores.open_at(self._stores.visited(self._draw(origin_id, "store"), place, origin_at), sold_at)
        bits = self._draw(sale_id, "channel")
        is_online, payment = self._is_online(bits, sold_at), bits // 2**40
        return pl.DataFrame(
            {
                "sale_id": sale_id,
                "origin_id": origin_id,
                "sold_at": sold_at,
                "origin_at": origin_at,
                "is_return": origin_id != sale_id,
                "customer_id": customer_id,
                "store_id": store_id,
                "channel": _either(is_online, _ONLINE, bits // 2**20, ["store"]),
                "payment_method": _either(is_online, ONLINE_PAYMENTS, payment, STORE_PAYMENTS),
                "currency": pl.Series(CURRENCIES)[self._stores.is_swiss(store_id).cast(pl.Int64)],
            }
        )

    def lines(self, headers: pl.DataFrame) -> pl.DataFrame:
        """Lines of the sales, in their order; `sale` is the header's place among them. Money in cents."""
        counts = _COUNTS[below(self._draw(headers["origin_id"], "lines"), len(_COUNTS))]
        sale = pl.int_range(headers.height, eager=True).repeat_by(counts).explode()
        line_no = pl.int_ranges(1, counts + 1, eager=True).explode()
        key = headers["origin_id"][sale] * _MOST_LINES + line_no
        bits = self._draw(key, "line")
        product_id = self._bought(key, line_no, bits, (headers["currency"] == "CHF")[sale])
        promoted = self._promotions.at(headers["origin_at"])[sale] == category(self._products.shelf(product_id))
        quantity = _QUANTITIES[below(bits, len(_QUANTITIES))] + (promoted & (below(bits // 2**10, 2) == 0)).cast(
            pl.Int64
        )
        unit_price = self._products.price(product_id, headers["origin_at"][sale])
        discount = quantity * unit_price * _percent_off(bits // 2**24, promoted) // 100
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

    def _bought(self, key: pl.Series, line_no: pl.Series, bits: pl.Series, is_swiss: pl.Series) -> pl.Series:
        """The product of each line: a draw, or what complements the line before, which is a draw then."""
        drawn = self._products.sold(self._draw(key, "product"), is_swiss)
        is_paired = (line_no % 2 == 0) & (below(bits // 2**12, 100) < _PAIRED_PERCENT)
        return self._products.partner(drawn).shift(1, fill_value=0).zip_with(is_paired, drawn)

    def _draw(self, ids: pl.Series, purpose: str) -> pl.Series:
        return draw(ids, self._seed, purpose)

    def _origins(self, sale_id: pl.Series, sold_at: pl.Series) -> tuple[pl.Series, pl.Series]:
        """Each sale and its time, or those of the earlier one that it takes back; a return is never returned."""
        at = self._may_return(sale_id).arg_true()
        asked = sale_id[at]
        bits = self._draw(asked, "back")
        share = (bits // 2**34).cast(pl.Float64) / 2**30
        late = (below(bits, 100) < _LATE_RETURNS_PERCENT).cast(pl.Int64) * _RETURNED_WITHIN
        delay = _RETURNED_AFTER + (share * share * (_RETURNED_WITHIN - _RETURNED_AFTER)).cast(pl.Int64) + late
        back = self._timeline.near(bits // 2**8, sold_at[at] - delay)
        is_return = (back >= 1) & (back < asked) & ~self._may_return(back)
        at, back = at.filter(is_return), back.filter(is_return)
        return sale_id.clone().scatter(at, back), sold_at.clone().scatter(at, self._timeline.seconds(back))

    def _may_return(self, sale_id: pl.Series) -> pl.Series:
        return below(self._draw(sale_id, "return"), 1_000) < _RETURNS_PER_MILLE

    def _is_online(self, bits: pl.Series, sold_at: pl.Series) -> pl.Series:
        hour = sold_at % SECONDS_PER_DAY // SECONDS_PER_HOUR
        weekday = (sold_at // SECONDS_PER_DAY + 3) % 7 + 1  # the first of 1970 was a Thursday
        closed = (hour < _OPENS) | (hour >= _CLOSES) | (weekday == _SUNDAY)
        return closed | (below(bits, 100) < _ONLINE_PERCENT)


def _either(is_first: pl.Series, first: list[str], bits: pl.Series, second: list[str]) -> pl.Series:
    """One of the first choices where `is_first`, one of the second elsewhere."""
    place = below(bits, len(first)).zip_with(is_first, below(bits, len(second)) + len(first))
    return pl.Series(first + second)[place]


def _percent_off(bits: pl.Series, promoted: pl.Series) -> pl.Series:
    """The discount of each line: 15 to 30 percent in a promotion, else rarely, and 5 to 20."""
    share = _DISCOUNTS_PER_MILLE + promoted.cast(pl.Int64) * (10 * _PROMOTED_PERCENT - _DISCOUNTS_PER_MILLE)
    percent = 5 * (1 + below(bits // 2**20, 4)) + 10 * promoted.cast(pl.Int64)
    return percent * (below(bits, 1_000) < share)
