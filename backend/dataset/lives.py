"""When a customer buys: some do for ever, some stop for good, some pause for months and come back, some buy once.

A life is three numbers: when it begins, how long it buys, and after how long it begins to buy again. Whether a customer
buys at a moment is then one division, whatever the moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.random_draws import below, draw
from backend.dataset.timeline import SECONDS_PER_DAY as DAY

if TYPE_CHECKING:
    from backend.dataset.random_draws import Column

_FOR_EVER = 2**40  # seconds
_KINDS = 10  # a customer's kind is the last digit of the id: 1 and 2 are loyal, …
_LOYAL, _LAPSING, _PAUSING = 2, 6, 8  # … 3 to 6 lapse, 7 and 8 pause, 9 and 0 buy for some days only
_LEAVING = 53  # one customer in so many leaves some day
_STARTED_BEFORE = 180 * DAY  # at most so long before the first sale


class Lives:
    """The lives of customers, by id from 0 on, which no customer has. Moments are Unix seconds."""

    def __init__(self, signed_up_at: pl.Series, left_at: pl.Series, start: int, seed: int) -> None:
        customer_id = pl.int_range(len(signed_up_at), eager=True, dtype=pl.Int64)
        bits = draw(customer_id, seed, "life")
        earlier = start - below(bits, _STARTED_BEFORE)
        self._begins = signed_up_at.zip_with(signed_up_at >= start, earlier)
        kind, length = (customer_id - 1) % _KINDS, below(bits // 2**20, 1_000)
        frame = pl.DataFrame({"kind": kind, "length": length, "pause": below(bits // 2**40, 90 * DAY)})
        of_kind = pl.col("kind")
        buys = (
            pl.when(of_kind < _LOYAL).then(_FOR_EVER)
            .when(of_kind < _LAPSING).then(15 * DAY + pl.col("length") ** 2 * (320 * DAY // 1_000) // 1_000)
            .when(of_kind < _PAUSING).then(60 * DAY + pl.col("length") * (90 * DAY // 1_000))
            .otherwise(10 * DAY)
        )  # fmt: skip
        pause = pl.when(of_kind.is_between(_LAPSING, _PAUSING - 1)).then(125 * DAY + pl.col("pause"))
        self._buys = frame.select(buys.cast(pl.Int64).alias("buys"))["buys"]
        self._cycle = self._buys + frame.select(pause.otherwise(_FOR_EVER).alias("pause"))["pause"]
        gone = is_leaver(customer_id)
        self._buys = (left_at - self._begins).clip(0).zip_with(gone, self._buys)
        self._cycle = pl.repeat(_FOR_EVER, len(gone), dtype=pl.Int64, eager=True).zip_with(gone, self._cycle)

    def buys(self, customer_id: pl.Series, moment: pl.Series) -> pl.Series:
        """Whether each customer buys at that moment, which is not before the sign-up."""
        return (moment - self._begins[customer_id]) % self._cycle[customer_id] < self._buys[customer_id]


def loyal_neighbor(customer_id: pl.Series) -> pl.Series:
    """A customer with an id up to this one who always buys."""
    kind = (customer_id - 1) % _KINDS
    return customer_id - kind + kind % _LOYAL


def is_leaver(customer_id: Column) -> Column:
    """Whether that customer leaves some day, and is deleted then."""
    return (customer_id % _LEAVING == 0) & ((customer_id - 1) % _KINDS >= _LOYAL)
