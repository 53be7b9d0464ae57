"""How far each point is from where it should be, in units of chance.

A slice is judged against its neighbors: what moves all stores alike (a holiday, rain, the season) is the total's to
explain, and moves no store's residual. A ratio is judged against its denominator likewise.

Chance is that of a count: of the sales that make a figure. A share, such as the return rate, is made of those sales
alone that its numerator is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.anomalies.panel import median, windows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Floats, Panel

_UNREST = 0.03  # share by which a figure varies even where very many sales make it
_SMALLEST = 0.5  # keeps the logarithm of nothing finite
_LEAST_NEIGHBOR = 5.0  # expected sales without which a neighbor says nothing
_MANY = 6
_OF_MEDIAN = 1.57  # the variance of a median, next to that of a mean


@dataclass(frozen=True)
class Residuals:
    """Of each slice and window that ends at a point: what was seen and expected, and the distance in units of chance.

    `sales` is how many sales make the figure, as expected. `score` is negative where less was seen than expected. For a
    ratio, `seen` is its numerator, and `hoped` the numerator that fits the denominator that was seen.
    """

    seen: Floats
    hoped: Floats
    sales: Floats
    score: Floats

    @property
    def effect(self) -> Floats:
        """How far off, as a share of what was expected; 0 where that is unknown."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = self.seen / self.hoped - 1
        return np.where(np.isfinite(found), found, 0.0)


def residuals(panel: Panel, by_past: Mapping[str, Floats], kpi: Kpi, size: int) -> Residuals:
    """The residuals of a KPI over windows of `size` points. `by_past`: the expectation of each part, by slice."""

    def summed(part: str) -> tuple[Floats, Floats]:
        return windows(panel.by_slice[part], size), windows(by_past[part], size)

    seen, hoped = summed(kpi.part)
    counts, sales = summed(panel.counts)
    if kpi.whole:
        whole, whole_hoped = summed(kpi.whole)
        hoped = hoped * whole / np.maximum(whole_hoped, _SMALLEST)
        sales = counts * hoped / np.maximum(whole, _SMALLEST) if kpi.is_share else counts
    factor, others = _of_neighbors(panel.groups, seen, hoped, sales)
    hoped = hoped * factor
    sales = sales if kpi.whole and not kpi.is_share else sales * factor
    unit = np.maximum(hoped, _SMALLEST) / np.maximum(sales, _SMALLEST)  # of one sale
    with np.errstate(invalid="ignore"):
        distance = np.log((np.maximum(seen, 0) / unit + _SMALLEST) / (np.maximum(hoped, 0) / unit + _SMALLEST))
        chance = np.sqrt(_UNREST**2 + 1 / (np.maximum(sales, 0) + _SMALLEST) + _OF_MEDIAN / (others + _SMALLEST))
    return Residuals(seen, hoped, sales, distance / chance)


def _of_neighbors(groups: Sequence[Sequence[int]], seen: Floats, hoped: Floats, sales: Floats) -> tuple[Floats, Floats]:
    """The share of what was expected that the neighbors of each slice have, as their median, and their sales.

    1 and infinity for a total, and for a slice without neighbors: it is judged by its own past alone.
    """
    factor, others = np.ones_like(seen), np.full_like(seen, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(sales >= _LEAST_NEIGHBOR, seen / hoped, np.nan)
    for rows in groups:
        # Where there are many, one of them hardly moves the median: it is worked out once, for all of them.
        together = len(rows) >= _MANY
        for some in [list(rows)] if together else [[row] for row in rows]:
            rest = some if together else [one for one in rows if one not in some]
            if not rest:
                continue
            known = np.isfinite(share[rest])
            # Of a few neighbors, one may be the one that is ill: the slice's own past, 1, has a say then.
            shares = share[rest] if together else np.concatenate([share[rest], np.ones((1, share.shape[1]))])
            middle = median(shares, axis=0)
            is_known = np.isfinite(middle)
            factor[some] = np.where(is_known, np.maximum(middle, 0), 1.0)
            others[some] = np.where(is_known, np.where(known, sales[rest], 0).sum(axis=0), np.inf)
    return factor, others
