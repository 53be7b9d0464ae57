"""Products at a moment: their prices change every few weeks, their costs with them, and some are discontinued.

There are two assortments, each with ids of its own: the first ids are sold in euros, the last ones in Swiss francs. In
each, some shelves complement each other: what lies at the same place of both is bought together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.catalog import BRANDS, COMPLEMENTS, CURRENCIES, QUALITIES, SHELVES
from backend.dataset.listing import Listing
from backend.dataset.random_draws import below, draw, one_of
from backend.dataset.timeline import SECONDS_PER_DAY as DAY

if TYPE_CHECKING:
    from backend.dataset.random_draws import Column
    from backend.settings import SourceSettings

_DISCONTINUED = 37  # one product in so many is discontinued some day
_MOST_CHANGES = 100_000
_SWISS = 5  # one product in so many
_FRANCS_PERCENT = 125  # of the price in euros
_FIELDS = {
    "product_id": "number",
    **dict.fromkeys(("sku", "name", "category", "subcategory", "brand"), "text"),
    "unit_price": "money",
    "unit_cost": "money",
    "currency": "word",
    "is_active": "flag",
    "updated_at": "moment",
}


class Products:
    """All products there are; every one exists before the first sale. Moments are Unix seconds."""

    def __init__(self, settings: SourceSettings) -> None:
        self._seed = settings.seed
        self._start = int(settings.start.timestamp())
        self.total = settings.products
        self._euro = self.total - self.total // _SWISS  # ids up to this one
        known = pl.DataFrame({"product_id": pl.int_range(self.total + 1, eager=True, dtype=pl.Int64)})
        self._base_prices = known.select(self._base_price_of(pl.col("product_id")))["base_price"]
        self._periods = known.select(self._period_of(pl.col("product_id")))["period"]
        self._shelves = self._place(known["product_id"]) % len(SHELVES)
        self._partners = self._partners_of(known["product_id"])

    def listing(self) -> Listing:
        """The resource as the API lists it."""
        return Listing("product_id", _FIELDS, self.at)

    def sold(self, bits: pl.Series, is_swiss: pl.Series) -> pl.Series:
        """A product of an assortment that is sold at any time; low ids sell more often than high ones."""
        share = (bits // 2**34).cast(pl.Float64) / 2**30
        size = (is_swiss.cast(pl.Int64) * (self.total - 2 * self._euro) + self._euro).cast(pl.Float64)
        place = (share * share * size).cast(pl.Int64) + 1
        return place - _is_discontinued(place).cast(pl.Int64) + is_swiss.cast(pl.Int64) * self._euro

    def partner(self, product_id: pl.Series) -> pl.Series:
        """The product that each is bought together with; itself where it has none."""
        return self._partners[product_id]

    def shelf(self, product_id: pl.Series) -> pl.Series:
        """The row of `SHELVES` that each product lies on."""
        return self._shelves[product_id]

    def price(self, product_id: pl.Series, moment: pl.Series) -> pl.Series:
        """Price in cents that is in force at a moment, to the second."""
        base, version = self._base_prices[product_id], self._version(product_id, moment)
        percent = 90 + below(draw(product_id * _MOST_CHANGES + version, self._seed, "price"), 31)
        return base.zip_with(version == 0, base * percent // 100)

    def at(self, moment: int) -> pl.DataFrame:
        """Every product, ordered by (updated_at, product_id). Prices in cents."""
        key, now = pl.col("product_id"), pl.lit(moment)
        frame = pl.DataFrame({"product_id": pl.int_range(1, self.total + 1, eager=True, dtype=pl.Int64)})
        ended = self._start + DAY + below(draw(key, self._seed, "ended"), 300 * DAY)
        place = self._place(frame["product_id"])
        frame = frame.with_columns((_is_discontinued(place) & (ended <= now)).alias("is_gone"), ended.alias("ended_at"))
        frame = frame.with_columns(pl.when("is_gone").then(pl.col("ended_at")).otherwise(now).alias("until"))
        product_id, until = frame["product_id"], frame["until"]
        margin = 45 + below(draw(product_id, self._seed, "margin"), 25)
        frame = frame.with_columns(
            self.price(product_id, until).alias("unit_price"),
            self._changed_at(product_id, until).alias("changed_at"),
            (self.price(product_id, until) * margin // 100).alias("unit_cost"),
            pl.Series(CURRENCIES)[(product_id > self._euro).cast(pl.Int64)].alias("currency"),
        )
        updated = pl.when("is_gone").then(pl.col("ended_at")).otherwise(pl.col("changed_at"))
        frame = frame.with_columns(updated.alias("updated_at"), (~pl.col("is_gone")).alias("is_active"))
        return self._described(frame).sort("updated_at", "product_id")

    def _base_price_of(self, product_id: pl.Expr) -> pl.Expr:
        shelf = self._place(product_id) % len(SHELVES)
        least, most = (pl.lit(pl.Series([row[at] for row in SHELVES])).gather(shelf) for at in (3, 4))
        cents = least + below(draw(product_id, self._seed, "base"), most - least)
        percent = pl.when(product_id > self._euro).then(_FRANCS_PERCENT).otherwise(100)
        return (cents * percent // 1_000 * 10 + 9).alias("base_price")  # shops like prices that end in nine

    def _place(self, product_id: Column) -> Column:
        """The place of each product in its assortment, from 1."""
        return product_id - (product_id > self._euro).cast(pl.Int64) * self._euro

    def _partners_of(self, product_id: pl.Series) -> pl.Series:
        partner = product_id + pl.Series(COMPLEMENTS, dtype=pl.Int64)[self._shelves]
        same = (partner > 0) & (partner <= self.total) & ((partner > self._euro) == (product_id > self._euro))
        there = partner.clip(0, self.total)
        return there.zip_with(same & ~_is_discontinued(self._place(there)), product_id)

    def _period_of(self, product_id: pl.Expr) -> pl.Expr:
        return (20 * DAY + below(draw(product_id, self._seed, "period"), 70 * DAY)).alias("period")

    def _version(self, product_id: pl.Series, moment: pl.Series) -> pl.Series:
        """How often the price has changed by then; prices rest before the first sale."""
        return ((moment - self._start) // self._periods[product_id]).clip(0, _MOST_CHANGES - 1)

    def _changed_at(self, product_id: pl.Series, moment: pl.Series) -> pl.Series:
        created = self._start - 1 - below(draw(product_id, self._seed, "created"), 365 * DAY)
        version = self._version(product_id, moment)
        return created.zip_with(version == 0, self._start + version * self._periods[product_id])

    def _described(self, frame: pl.DataFrame) -> pl.DataFrame:
        key = pl.col("product_id")
        shelf = self._place(key) % len(SHELVES)
        brand = one_of(draw(key, self._seed, "brand"), BRANDS)
        quality = one_of(draw(key, self._seed, "quality"), QUALITIES)
        things = pl.lit(pl.Series([row[2] for row in SHELVES])).gather(shelf)
        thing = things.list.get(below(draw(key, self._seed, "thing"), things.list.len()))
        return frame.with_columns(
            pl.lit(pl.Series([row[0] for row in SHELVES])).gather(shelf).alias("category"),
            pl.lit(pl.Series([row[1] for row in SHELVES])).gather(shelf).alias("subcategory"),
            brand.alias("brand"),
            pl.format("{} {}", quality, thing).alias("name"),
            pl.format("SKU-{}", key.cast(pl.String).str.zfill(6)).alias("sku"),
        )


def _is_discontinued(place: Column) -> Column:
    return place % _DISCONTINUED == 0
