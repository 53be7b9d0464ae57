"""What is judged: the parts of the KPIs by point of time, as arrays, and the slices that they add up to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]
    Points = NDArray[np.int64]

Grain = Literal["hour", "day"]
Level = Literal["total", "channel", "store", "category"]
STEP = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@dataclass(frozen=True, order=True)
class Slice:
    """A part of the sales of one currency. `member` is the channel, the store's number or the category."""

    currency: str
    level: Level
    member: str = ""


@dataclass(frozen=True)
class Panel:
    """Sums by cell and point: `parts` has an array (cells, points) for each figure that adds up.

    A *cell* is the smallest part, such as the sales of a store by a channel; `members[i, j]` is 1 where cell j is part
    of slice i. `begins`: the first point, in UTC. `counts` names the part that says how many sales a point is made of:
    what chance makes of a figure depends on it.
    """

    grain: Grain
    begins: datetime
    slices: tuple[Slice, ...]
    members: Floats
    parts: Mapping[str, Floats]
    counts: str

    @property
    def points(self) -> int:
        """How many points each series has."""
        return int(self.parts[self.counts].shape[1])

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """The rows of the slices that stand next to each other: of one currency and level. A total stands alone."""
        found: dict[tuple[str, str], list[int]] = {}
        for row, one in enumerate(self.slices):
            if one.level != "total":
                found.setdefault((one.currency, one.level), []).append(row)
        return tuple(tuple(rows) for rows in found.values())

    @cached_property
    def by_slice(self) -> dict[str, Floats]:
        """Each part by slice and point."""
        return {name: self.members @ values for name, values in self.parts.items()}

    def at(self, point: int) -> datetime:
        """When a point begins."""
        return self.begins + STEP[self.grain] * point

    def with_parts(self, parts: Mapping[str, Floats]) -> Panel:
        """The same cells with other figures."""
        return replace(self, parts=parts)

    def until(self, points: int) -> Panel:
        """The panel as it was when only its first `points` were known."""
        return self.with_parts({name: values[:, :points] for name, values in self.parts.items()})

    def last(self, points: int) -> Panel:
        """The panel without its beginning: at most its last `points`."""
        skipped = max(0, self.points - points)
        shorter = self.with_parts({name: values[:, skipped:] for name, values in self.parts.items()})
        return replace(shorter, begins=self.at(skipped))


def windows(values: Floats, size: int) -> Floats:
    """The sum of each point and those before it, `size` in all; not a number where there are fewer."""
    found = np.full_like(values, np.nan)
    if values.shape[-1] >= size:
        found[..., size - 1 :] = np.lib.stride_tricks.sliding_window_view(values, size, axis=-1).sum(axis=-1)
    return found


def median(values: Floats, axis: int) -> Floats:
    """The median of the numbers along an axis; not a number where there is none."""
    known = np.isfinite(values)
    count = known.sum(axis=axis, keepdims=True)
    ordered = np.sort(np.where(known, values, np.inf), axis=axis)
    last = values.shape[axis] - 1
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, last)
    both = np.take_along_axis(ordered, low, axis) + np.take_along_axis(ordered, high, axis)
    found: Floats = np.where(count > 0, both / 2, np.nan).squeeze(axis)
    return found
