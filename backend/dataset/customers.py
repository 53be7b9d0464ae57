"""Customers at a moment: who has signed up, what they are like by then, who has left.

Every customer is a row of closed forms: signed up at a known second, changed city or segment every so often,
gone at a known second or never. So the state at any moment needs no history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.catalog import FIRST_NAMES, LAST_NAMES, SEGMENTS
from backend.dataset.listing import Listing
from backend.dataset.lives import Lives, is_leaver, loyal_neighbor
from backend.dataset.places import DIALLING_CODES, FIRST_OF_COUNTRY, PLACES, SIZE_OF_COUNTRY
from backend.dataset.random_draws import below, draw, one_of
from backend.dataset.timeline import SECONDS_PER_DAY as DAY

if TYPE_CHECKING:
    from backend.settings import SourceSettings

_PRESENT_AT_START = 0.5  # share of customers who signed up before the first sale
_YEARS_BEFORE = 2 * 365 * DAY
_SIGN_UPS_LAST = 730 * DAY
_NEW_FOR = 21 * DAY  # a customer who has just signed up buys more than others
_NEW_PER_MILLE = 40  # of sales
_VERSIONS = 1_000
_KEY = pl.col("customer_id")
_FIELDS = {
    "customer_id": "number",
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "city", "region", "country"), "text"),
    "segment": "word",
    "signed_up_at": "moment",
    "updated_at": "moment",
    "is_deleted": "flag",
}


class Customers:
    """All customers there will ever be. Moments are Unix seconds."""

    def __init__(self, settings: SourceSettings) -> None:
        self._seed = settings.seed
        self._start = int(settings.start.timestamp())
        self.total = settings.customers
        self._present = int(self.total * _PRESENT_AT_START)
        self._step = max(1, _SIGN_UPS_LAST // max(1, self.total - self._present))
        known = pl.DataFrame({"customer_id": pl.int_range(self.total + 1, eager=True, dtype=pl.Int64)})
        known = known.with_columns(self._signed_up_at().alias("signed_up_at"))
        known = known.with_columns(self._left_at().alias("left_at"), self._period().alias("period"))
        self._signed_up, self._periods = known["signed_up_at"], known["period"]
        self._homes = below(draw(known["customer_id"], self._seed, "home"), PLACES.height)
        self._lives = Lives(self._signed_up, known["left_at"], self._start, self._seed)

    def listing(self) -> Listing:
        """The resource as the API lists it."""
        return Listing("customer_id", _FIELDS, self.at)

    def signed_up_until(self, moment: pl.Series) -> pl.Series:
        """How many customers there are for sure at a moment: those have the ids from 1."""
        newer = (moment - self._start) // self._step
        return self._present + newer.clip(0, self.total - self._present)

    def buyer(self, bits: pl.Series, others: pl.Series, moment: pl.Series) -> pl.Series:
        """A customer who buys at that moment; low ids buy more often than high ones.

        `bits` and `others` are draws for a first and a second try; after both, a loyal neighbor of the second.
        """
        known = self.signed_up_until(moment)
        newest = known - self.signed_up_until(moment - _NEW_FOR)
        is_new = (below(bits, 1_000) < _NEW_PER_MILLE) & (newest > 0)
        new = known - (bits // 2**34).cast(pl.Int64) % newest.clip(1)
        first, second = new.zip_with(is_new, _frequent(bits, known)), _frequent(others, known)
        either = first.zip_with(self._lives.buys(first, moment), second)
        return either.zip_with(self._lives.buys(either, moment), loyal_neighbor(either))

    def place(self, customer_id: pl.Series, moment: pl.Series) -> pl.Series:
        """Where the customer lives at that moment, as a row of `PLACES`."""
        version = (moment - self._signed_up[customer_id]) // self._periods[customer_id]
        return self._place(customer_id, version)

    def _place(self, customer_id: pl.Series, version: pl.Series) -> pl.Series:
        """Where the customer lives in a version, as a row of `PLACES`: every other version is a move in the country."""
        moves, home = (version + 1) // 2, self._homes[customer_id]
        bits = draw(customer_id * _VERSIONS + moves, self._seed, "place")
        return FIRST_OF_COUNTRY[home] + (bits // 2).cast(pl.Int64) % SIZE_OF_COUNTRY[home]

    def at(self, moment: int) -> pl.DataFrame:
        """Everyone who has signed up by `moment`, ordered by (updated_at, customer_id)."""
        ids = pl.DataFrame({"customer_id": pl.int_range(1, self.total + 1, eager=True, dtype=pl.Int64)})
        frame = ids.with_columns(self._signed_up_at().alias("signed_up_at"))
        frame = frame.filter(pl.col("signed_up_at") <= moment)
        return self._described(self._dated(frame, moment)).sort("updated_at", "customer_id")

    def _bits(self, purpose: str) -> pl.Expr:
        return draw(_KEY, self._seed, purpose)

    def _signed_up_at(self) -> pl.Expr:
        before = self._start - 1 - below(self._bits("signup"), _YEARS_BEFORE)
        after = self._start + (_KEY - self._present - 1) * self._step + below(self._bits("signup"), self._step)
        return pl.when(self._present >= _KEY).then(before).otherwise(after)

    def _left_at(self) -> pl.Expr:
        """When a customer leaves who leaves."""
        return pl.col("signed_up_at") + 30 * DAY + below(self._bits("leave"), 500 * DAY)

    def _period(self) -> pl.Expr:
        """How long each version of a customer is in force."""
        return 60 * DAY + below(self._bits("period"), 240 * DAY)

    def _dated(self, frame: pl.DataFrame, moment: int) -> pl.DataFrame:
        """Which version of each customer is in force: version 0 is the sign-up."""
        frame = frame.with_columns(
            self._period().alias("period"),
            pl.when(is_leaver(_KEY)).then(self._left_at()).otherwise(None).alias("left_at"),
        )
        gone = pl.col("left_at").is_not_null() & (pl.col("left_at") <= moment)
        until = pl.when(gone).then(pl.col("left_at")).otherwise(moment)
        version = (until - pl.col("signed_up_at")) // pl.col("period")
        frame = frame.with_columns(gone.alias("is_deleted"), version.alias("version"))
        changed = pl.col("signed_up_at") + pl.col("version") * pl.col("period")
        updated = pl.when(pl.col("is_deleted")).then(pl.col("left_at")).otherwise(changed)
        return frame.with_columns(updated.alias("updated_at"))

    def _described(self, frame: pl.DataFrame) -> pl.DataFrame:
        """City and segment change with the version, in turn; the rest stays."""
        rises = pl.col("version") // 2
        place = self._place(frame["customer_id"], frame["version"])
        segment = one_of(draw(_KEY * _VERSIONS + rises, self._seed, "segment"), SEGMENTS)
        living = PLACES.select("city", "region", "country")[place]
        frame = frame.with_columns(
            one_of(self._bits("first"), FIRST_NAMES).alias("first_name"),
            one_of(self._bits("last"), LAST_NAMES).alias("last_name"),
            segment.alias("segment"),
            *living,
        )
        code = pl.col("country").replace_strict(DIALLING_CODES)
        number = below(self._bits("phone"), 900_000_000) + 100_000_000
        return frame.with_columns(
            pl.format("{}.{}.{}@example.com", pl.col("first_name"), pl.col("last_name"), _KEY)
            .str.normalize("NFKD")
            .str.replace_all(r"[^\x00-\x7f]", "")
            .str.to_lowercase()
            .alias("email"),
            pl.format("{} {}", code, number).alias("phone"),
        )


def _frequent(bits: pl.Series, known: pl.Series) -> pl.Series:
    """One of the ids up to `known`, a low one more often than a high one."""
    share = (bits // 2**34).cast(pl.Float64) / 2**30
    return ((share * 0.5 + 0.5) * share * known.cast(pl.Float64)).cast(pl.Int64) + 1
