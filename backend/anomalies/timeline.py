"""When sales happen in a data set with anomalies: hours that vary by chance, and sales that are lost or come twice.

The sales of the plain timeline keep their ids as *origins*: all draws of a sale are its origin's. The ids that the API
gives out count the sales that are left, without holes. So an anomaly changes what it strikes and nothing else.
"""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

import polars as pl

from backend.anomalies.plan import hour_of
from backend.dataset.random_draws import below, draw
from backend.dataset.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from backend.anomalies.plan import Plan
    from backend.settings import SourceSettings

_MILLION = 1_000_000
_PER_MILLE = 1_000
_BELLS = 1_024  # draws that are made at once
_AT_ONCE = 500_000  # sales that are looked at together
_LOWEST, _HIGHEST = _MILLION // 5, 5 * _MILLION


class UnsteadyTimeline(Timeline):
    """A timeline whose hours vary by chance, and have sales to spare where an anomaly needs more of them."""

    def __init__(self, settings: SourceSettings, plan: Plan) -> None:
        super().__init__(start=settings.start, sales_per_hour=settings.sales_per_hour, seed=settings.seed)
        self._plan, self._noise = plan, round(settings.noise * _MILLION)
        self._mean = settings.sales_per_hour
        self._bells: dict[tuple[int, str], list[int]] = {}

    @property
    def first_hour(self) -> int:
        """The hour since 1970 in which the timeline begins."""
        return hour_of(self._first_second)

    def origins_of(self, hour: int) -> tuple[int, int]:
        """The origins of an hour of the timeline: the last one before it, and its last one."""
        self._extend(hour + 1)
        return int(self._before[hour]), int(self._before[hour + 1])

    def _weight(self, hour: int) -> int:
        weight = super()._weight(hour) * self._plan.most_per_mille(self.first_hour + hour) // _PER_MILLE
        return weight if not self._noise else weight * self._chance(hour, weight) // _MILLION

    def _chance(self, hour: int, weight: int) -> int:
        """By what an hour is multiplied, in millionths: the noise of its day, its own, and that of counting."""
        expected = max(1, weight * self._mean // _MILLION**2)
        day = (self.first_hour + hour) // 24
        drawn = self._noise * self._bell(day, "day") + self._noise * self._bell(hour, "hour")
        drawn += _MILLION * self._bell(hour, "count") // isqrt(expected)
        return min(max(_MILLION + drawn // _MILLION, _LOWEST), _HIGHEST)

    def _bell(self, number: int, purpose: str) -> int:
        """A draw from a bell curve around 0 with a deviation of a million."""
        block, place = divmod(number, _BELLS)
        if (block, purpose) not in self._bells:
            self._bells[block, purpose] = _bells(block, self._seed, purpose)
        return self._bells[block, purpose][place]


class PlantedTimeline:
    """The sales that are there: those of a timeline that no anomaly took away, some of them twice."""

    def __init__(
        self, timeline: UnsteadyTimeline, plan: Plan, headers_of: Callable[[pl.Series], pl.DataFrame], seed: int
    ) -> None:
        self._timeline, self._plan, self._headers_of, self._seed = timeline, plan, headers_of, seed
        self._before = _numbers([0])  # sales before each hour
        self._origins_before = _numbers([])  # origins before each hour
        self._starts = _numbers([])  # where the origins of an hour that is struck begin in the next; -1: it is not
        self._left = _numbers([])

    def count_until(self, moment: datetime) -> int:
        """How many sales have happened up to and including `moment`."""
        second = int(moment.timestamp())
        hour = hour_of(second) - self._timeline.first_hour
        if hour < 0:
            return 0
        self._extend(hour + 1)
        first, past = int(self._before[hour]), int(self._before[hour + 1])
        times = self.seconds(pl.int_range(first + 1, past + 1, eager=True, dtype=pl.Int64))
        return first + int((times <= second).sum())

    def seconds(self, sale_id: pl.Series) -> pl.Series:
        """Unix seconds of sales, which never fall from one id to the next."""
        return self._timeline.seconds(self.origins(sale_id))

    def origins(self, sale_id: pl.Series) -> pl.Series:
        """The origins of sales. None may lie after the last sale that was asked for."""
        hours = self._before.search_sorted(sale_id - 1, side="right").cast(pl.Int64) - 1
        offset = sale_id - 1 - self._before[hours]
        start = self._starts[hours]
        is_struck = start >= 0
        plain = self._origins_before[hours] + 1 + offset
        return plain.scatter(is_struck.arg_true(), self._left[(start + offset).filter(is_struck)])

    def _extend(self, hour: int) -> None:
        """Know the sales before each hour up to and including `hour`."""
        while len(self._starts) < hour:
            first = len(self._starts)
            spans = [self._timeline.origins_of(first)]
            while first + len(spans) < hour and spans[-1][1] - spans[0][0] < _AT_ONCE:
                spans.append(self._timeline.origins_of(first + len(spans)))
            self._add(first, spans)

    def _add(self, first: int, spans: list[tuple[int, int]]) -> None:
        """Add hours from number `first`, each with its last origin before it and its own last one."""
        hours = pl.DataFrame(spans, schema={"before": pl.Int64, "last": pl.Int64}, orient="row").with_columns(
            pl.int_range(first, first + len(spans), dtype=pl.Int64).alias("number"),
            pl.Series("is_struck", [self._is_struck(self._timeline.first_hour + first + n) for n in range(len(spans))]),
            pl.Series(
                "most", [self._plan.most_per_mille(self._timeline.first_hour + first + n) for n in range(len(spans))]
            ),
        )
        left = self._left_of(hours.filter("is_struck"))
        counts = left.group_by("number").len("left_count")
        hours = hours.join(counts, on="number", how="left", maintain_order="left").with_columns(
            pl.col("left_count").fill_null(0).cast(pl.Int64)
        )
        starts = len(self._left) + pl.col("left_count").cum_sum() - pl.col("left_count")
        hours = hours.with_columns(
            pl.when("is_struck").then(starts).otherwise(-1).alias("start"),
            pl.when("is_struck").then("left_count").otherwise(pl.col("last") - pl.col("before")).alias("count"),
        )
        self._before = pl.concat([self._before, hours["count"].cum_sum() + int(self._before[-1])])
        self._origins_before = pl.concat([self._origins_before, hours["before"]])
        self._starts = pl.concat([self._starts, hours["start"]])
        self._left = pl.concat([self._left, left["origin"]])

    def _is_struck(self, hour: int) -> bool:
        """Whether an anomaly strikes some sales of the hour and not others."""
        return self._plan.most_per_mille(hour) > _PER_MILLE or any(
            one.per_mille_at(hour) < _PER_MILLE or one.copies > 1 for one in self._plan.at(hour)
        )

    def _left_of(self, hours: pl.DataFrame) -> pl.DataFrame:
        """The origins that these hours have left, twice where they come twice, with the number of their hour."""
        origins = (
            hours.select("number", "most", pl.int_ranges(pl.col("before") + 1, pl.col("last") + 1).alias("origin"))
            .explode("origin")
            .drop_nulls()
        )
        if origins.is_empty():
            return origins.select("number", pl.col("origin").cast(pl.Int64))
        headers = self._headers_of(origins["origin"])
        hour = origins["number"] + self._timeline.first_hour
        chance, copies = _PER_MILLE * _PER_MILLE // origins["most"], origins["number"] * 0 + 1
        for one in self._plan.between(int(hour[0]), int(hour[-1]) + 1):
            is_struck = one.has(headers) & (hour >= one.first_hour) & (hour < one.until_hour)
            chance = (one.per_mille_of(hour) * _PER_MILLE // origins["most"]).zip_with(is_struck, chance)
            copies = copies + (one.copies - 1) * is_struck.cast(pl.Int64)
        is_left = below(draw(origins["origin"], self._seed, "left"), _PER_MILLE) < chance
        left = origins.select("number", "origin").with_columns(copies.alias("copies")).filter(is_left)
        return left.select(pl.all().exclude("copies").repeat_by("copies")).explode("number", "origin")


def _numbers(values: list[int]) -> pl.Series:
    return pl.Series(values, dtype=pl.Int64)


def _bells(block: int, seed: int, purpose: str) -> list[int]:
    """A block of draws, each the sum of twelve even ones."""
    ids = pl.int_range(block * _BELLS * 12, (block + 1) * _BELLS * 12, eager=True, dtype=pl.Int64)
    drawn = below(draw(ids, seed, purpose), _MILLION).reshape((_BELLS, 12))
    return [sum(one) - 6 * _MILLION for one in drawn.to_list()]
