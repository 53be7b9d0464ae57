"""Which anomalies the source plants into its sales, and how often: the value of `SOURCE_ANOMALIES`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from backend.switches import parse_counts

Level = Literal["total", "channel", "store"]
MOST = 20  # of a kind in four weeks


@dataclass(frozen=True)
class Kind:
    """How an anomaly strikes.

    `levels`: what it may strike. `hours`: how long it may last. `per_mille`: what remains of the sales, at least and at
    most. `copies`: how often each sale comes. `price`: by what prices are multiplied. `fades`: it begins with all sales
    and comes to `per_mille` of them by its end.
    """

    levels: tuple[Level, ...]
    hours: tuple[int, ...]
    per_mille: tuple[int, int] = (1_000, 1_000)
    copies: int = 1
    price: int = 1
    fades: bool = False


_SLICES: tuple[Level, ...] = ("channel", "store", "store")
_WEEK = 168
KINDS = {
    "spike": Kind(("total", *_SLICES), (3, 4, 6, 8), (1_400, 2_500)),
    "drop": Kind(("total", *_SLICES), (3, 4, 6, 10, 24), (0, 650)),
    "level": Kind(("store",), (_WEEK, 2 * _WEEK, 3 * _WEEK), (400, 650)),
    "slow_leak": Kind(("store",), (3 * _WEEK, 4 * _WEEK), (300, 500), fades=True),
    "missing_store": Kind(("store",), (24,), (0, 0)),
    "dup_hour": Kind(("total",), (3,), copies=2),
    "price_x100": Kind(("store",), (3, 6, 24), price=100),
}


def parse_anomalies(text: str) -> dict[str, int]:
    """How many anomalies of each kind named in `text` four weeks have: names with commas between, each `name:count`.

    Without a count it is one. Raises ValueError, naming the word that is wrong and what would be right.
    """
    return parse_counts(text, KINDS, "an anomaly", MOST)
