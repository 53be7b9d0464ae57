"""Stores at a moment: some open, close or are refitted while the source runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.listing import Listing
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
_SCHEMA = {
    name: {"number": pl.Int64, "moment": pl.Int64, "flag": pl.Boolean}.get(kind, pl.String)
    for name, kind in _FIELDS.items()
}


class Stores:
    """All stores there will ever be. Moments are Unix seconds."""

    def __init__(self, settings: SourceSettings) -> None:
        self._midnight = int(settings.start.timestamp()) // DAY * DAY

    def listing(self) -> Listing:
        """The resource as the API lists it."""
        return Listing("store_id", _FIELDS, self.at)

    def at(self, moment: int) -> pl.DataFrame:
        """Every store that has been announced by `moment`, ordered by (updated_at, store_id)."""
        records = [self._record(number, fact, moment) for number, fact in enumerate(STORES, 1)]
        known = [one for one in records if one is not None]
        return pl.DataFrame(known, schema=_SCHEMA, orient="row").sort("updated_at", "store_id")

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
