"""Members of the stored-value card: when they join and leave, and who comes on a day with what in mind.

Each is a row of closed forms, as customers are: whether a member comes on a day needs no other day. What the
card then pays for does, and that is kept in `history`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.random_draws import below, draw

if TYPE_CHECKING:
    from datetime import date

    from backend.workbooks.settings import WorkbookSettings

CHANNELS = ("app", "store", "web", "partner")
_HOMES = pl.Series([0, 0, 0, 0, 1, 1, 1, 2, 2, 3], dtype=pl.Int64)  # channels by how many members call them home
# Per cent of the members of each home channel who load the card once and never again: a partner sells it as a gift.
_ONCE_PERCENT = pl.Series([8, 20, 35, 75], dtype=pl.Int64)
_PRESENT_PERCENT = 40  # of the members have joined before the start
_JOINED_WITHIN, _JOIN_WITHIN = 365, 730  # days before the start, and from it on
_LEAVERS_PERCENT = 45
_STAY_AT_LEAST, _STAY_WITHIN = 20, 300  # days from joining to the last visit of a leaver
_PHASE = 42  # days for which a member keeps a habit
_MOST_PHASES = 1_000
_MOST_DAYS = 2**16
# Per mille of days with a visit, from almost dormant to daily. A member varies around a habit of his own.
_VISITS = pl.Series([8, 40, 90, 180, 320, 480, 650], dtype=pl.Int64)
_HABITS = pl.Series([1, 1, 2, 2, 2, 3, 3, 4, 5], dtype=pl.Int64)
_STEPS = pl.Series([-2, -1, -1, 0, 0, 0, 1, 1, 2], dtype=pl.Int64)
_BY_WEEKDAY = (900, 880, 920, 980, 1150, 1350, 820)  # per mille of an average day
_MILLION = 1_000_000


class Members:
    """All members there will ever be, numbered from 1. Days are numbered from the start."""

    def __init__(self, settings: WorkbookSettings) -> None:
        self._seed = settings.seed
        ids = pl.int_range(1, settings.members + 1, eager=True, dtype=pl.Int64).alias("member")
        bits = draw(ids, self._seed, "wb-join")
        is_present = below(bits // 2**40, 100) < _PRESENT_PERCENT
        joined = (-1 - below(bits, _JOINED_WITHIN)).zip_with(is_present, below(bits, _JOIN_WITHIN))
        bits = draw(ids, self._seed, "wb-leave")
        stay = (_STAY_AT_LEAST + below(bits, _STAY_WITHIN)).zip_with(
            below(bits // 2**40, 100) < _LEAVERS_PERCENT, pl.repeat(_MOST_DAYS, len(ids), eager=True, dtype=pl.Int64)
        )
        bits = draw(ids, self._seed, "wb-kind")
        home = _HOMES[below(bits, len(_HOMES))]
        self._all = pl.DataFrame(
            {
                "member": ids,
                "joined": joined,
                "left": joined + stay,
                "home": home,
                "is_once": below(bits // 2**20, 100) < _ONCE_PERCENT[home],
                "habit": _HABITS[below(bits // 2**40, len(_HABITS))],
            }
        )

    def coming_on(self, day: date, number: int) -> pl.DataFrame:
        """One row per member who comes on a day, by number: with `home`, `is_once`, `is_new`, and 64 bits for choices.

        `intent` decides how often and for what, `spending` how much and where, `loading` about the top-up.
        """
        there = self._all.filter(pl.col("joined") <= number, number < pl.col("left"))
        phase = (number - there["joined"]) // _PHASE
        step = _STEPS[below(draw(there["member"] * _MOST_PHASES + phase, self._seed, "wb-phase"), len(_STEPS))]
        per_mille = _VISITS[(there["habit"] + step).clip(0, len(_VISITS) - 1)]
        key = there["member"] * _MOST_DAYS + number
        chance = per_mille * _BY_WEEKDAY[day.weekday()]
        is_new = (there["joined"] == number).alias("is_new")
        comes = (below(draw(key, self._seed, "wb-visit"), _MILLION) < chance) | is_new
        choices = {
            name: draw(key, self._seed, purpose)
            for name, purpose in (("intent", "wb-inten"), ("spending", "wb-spend"), ("loading", "wb-topup"))
        }
        columns = {name: there[name] for name in ("member", "home", "is_once")} | {"is_new": is_new} | choices
        return pl.DataFrame(columns).filter(comes)
