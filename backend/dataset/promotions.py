"""Promotions: weeks in which a category has a discount on most of its lines, and sells more of each."""

from __future__ import annotations

import polars as pl

from backend.dataset.catalog import SHELVES
from backend.dataset.random_draws import below, draw
from backend.dataset.timeline import SECONDS_PER_DAY as DAY

_CATEGORIES = sorted({row[0] for row in SHELVES})
_CATEGORY_OF_SHELF = pl.Series([_CATEGORIES.index(row[0]) for row in SHELVES], dtype=pl.Int64)
_NONE = -1
_WEEKS = 8_192  # since 1970; what comes later is like the last of them
_PERCENT = 45  # of weeks
_SALES = ((8, 35), (176, 203))  # days of the year: the sales of winter and of summer
_SALES_OF = "Clothing"


class Promotions:
    """Which category is promoted in which week; at most one is."""

    def __init__(self, seed: int) -> None:
        week = pl.int_range(_WEEKS, eager=True, dtype=pl.Int64)
        bits = draw(week, seed, "promo")
        drawn = below(bits // 2**20, len(_CATEGORIES)).zip_with(below(bits, 100) < _PERCENT, pl.Series([_NONE]))
        monday = (week * 7 - 3).cast(pl.Int32).cast(pl.Date).dt.ordinal_day()
        is_sales = pl.Series([False] * _WEEKS)
        for first, last in _SALES:
            is_sales |= monday.is_between(first, last)
        self._promoted = pl.Series([_CATEGORIES.index(_SALES_OF)], dtype=pl.Int64).zip_with(is_sales, drawn)

    def at(self, moment: pl.Series) -> pl.Series:
        """The category that is promoted at each moment, -1 for none."""
        return self._promoted[((moment // DAY + 3) // 7).clip(0, _WEEKS - 1)]


def category(shelf: pl.Series) -> pl.Series:
    """The category of each shelf, as `Promotions.at` names it."""
    return _CATEGORY_OF_SHELF[shelf]
