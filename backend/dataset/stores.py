"""Stores at a moment: some open, close or are refitted while the source runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.listing import Listing
from backend.dataset.places import FIRST_OF_COUNTRY, PLACES, SIZE_OF_COUNTRY
from backend.dataset.random_draws import below
from backend.dataset.store_catalog import STORES
from backend.dataset.timeline import SECONDS_PER_DAY as DAY
from backend.dataset.timeline import SECONDS_PER_HOUR as HOUR

if TYPE_CHECKING:
    from backend.dataset.store_catalog import StoreFact
    from backend.settings import SourceSettings

_ANNOUNCED = 30 * DAY  # before it opens
_MORNING, _EVENING = 7 * HOUR, 20 * HOUR  # before the first sale of a day in a store, and after the last
_FIELDS = {
    "store_id": "number",
    **dict.fromkeys(("name", "format", "city", "region", "country"), "text"),
    "currency": "word",
    "opened_at": "moment",
    "is_active": "flag",
    "updated_at": "moment",
}
_NEAREST = PLACES["store_id"]
_ELSEWHERE_PER_MILLE = 120  # sales in a store of the country that is not the nearest
# By month: the store that travelers buy in, and how many per mille of the sales in its currency they are.
_TRAVEL = (
    (10, 70), (10, 90), (10, 50), (9, 15), (9, 25), (9, 50),
    (9, 100), (9, 120), (9, 45), (9, 15), (10, 15), (10, 60),
)  # fmt: skip
_TRAVEL_TO = pl.Series([store for store, _ in _TRAVEL], dtype=pl.Int64)
_TRAVEL_PER_MILLE = pl.Series([share for _, share in _TRAVEL], dtype=pl.Int64)
_FAR = 2**40
_SCHEMA = {
    name: {"number": pl.Int64, "moment": pl.Int64, "flag": pl.Boolean}.get(kind, pl.String)
    for name, kind in _FIELDS.items()
}


class Stores:
    """All stores there will ever be. Moments are Unix seconds."""

    def __init__(self, settings: SourceSettings) -> None:
        self._midnight = int(settings.start.timestamp()) // DAY * DAY
        opens = [self._midnight + one.opens * DAY + _MORNING for one in STORES]
        closes = [_FAR if one.closes is None else self._midnight + one.closes * DAY + _EVENING for one in STORES]
        first = {one.country: number for number, one in reversed(list(enumerate(STORES, 1)))}
        # By store_id; no store has the number 0.
        self._opens = pl.Series([0, *opens], dtype=pl.Int64)
        self._closes = pl.Series([0, *closes], dtype=pl.Int64)
        self._first = pl.Series([0, *(first[one.country] for one in STORES)], dtype=pl.Int64)
        self._swiss = pl.Series([False, *(one.currency == "CHF" for one in STORES)])

    def listing(self) -> Listing:
        """The resource as the API lists it."""
        return Listing("store_id", _FIELDS, self.at)

    def at(self, moment: int) -> pl.DataFrame:
        """Every store that has been announced by `moment`, ordered by (updated_at, store_id)."""
        records = [self._record(number, fact, moment) for number, fact in enumerate(STORES, 1)]
        known = [one for one in records if one is not None]
        return pl.DataFrame(known, schema=_SCHEMA, orient="row").sort("updated_at", "store_id")

    def visited(self, bits: pl.Series, place: pl.Series, moment: pl.Series) -> pl.Series:
        """The store that sells to a customer who lives at `place`: mostly the nearest, on a journey another."""
        elsewhere = FIRST_OF_COUNTRY[place] + (bits // 2**34).cast(pl.Int64) % SIZE_OF_COUNTRY[place]
        chosen = place.zip_with(below(bits // 2**20, 1_000) >= _ELSEWHERE_PER_MILLE, elsewhere)
        store_id = _NEAREST[chosen]
        month = (moment // DAY).cast(pl.Int32).cast(pl.Date).dt.month().cast(pl.Int64) - 1
        travels = (below(bits, 1_000) < _TRAVEL_PER_MILLE[month]) & ~self._swiss[store_id]
        return self.open_at(_TRAVEL_TO[month].zip_with(travels, store_id), moment)

    def open_at(self, store_id: pl.Series, moment: pl.Series) -> pl.Series:
        """Each store if it is open then, else the first of its country."""
        is_open = (self._opens[store_id] <= moment) & (moment < self._closes[store_id])
        return store_id.zip_with(is_open, self._first[store_id])

    def is_swiss(self, store_id: pl.Series) -> pl.Series:
        """Whether each store sells in Swiss francs."""
        return self._swiss[store_id]

    def _record(self, store_id: int, fact: StoreFact, moment: int) -> tuple[object, ...] | None:
        """The newest version of a store; None before it is announced."""
        opens = self._midnight + fact.opens * DAY + _MORNING
        name, kind, is_active, updated_at = fact.name, fact.format, False, opens - _ANNOUNCED
        if updated_at > moment:
            return None
        if opens <= moment:
            is_active, updated_at = True, opens
        if fact.becomes and (refitted := self._morning_of(fact.refitted)) <= moment:
            (kind, name), updated_at = fact.becomes, refitted
        if fact.closes is not None and (closed := self._midnight + fact.closes * DAY + _EVENING) <= moment:
            is_active, updated_at = False, closed
        place = (fact.city, fact.region, fact.country, fact.currency)
        return (store_id, name, kind, *place, opens, is_active, updated_at)

    def _morning_of(self, day: int | None) -> int:
        return self._midnight + (day or 0) * DAY + _MORNING
