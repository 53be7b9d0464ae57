"""When which anomaly happens, and to what: drawn from the seed, four weeks at a time, so that each can be replayed.

Two anomalies never touch the same sales, and none follows another of its sales within two days: what is true of a
series at a moment has one name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from backend.anomaly_kinds import KINDS, parse_anomalies
from backend.dataset.random_draws import draw
from backend.dataset.store_catalog import STORES
from backend.dataset.timeline import SECONDS_PER_DAY, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backend.anomaly_kinds import Kind, Level
    from backend.settings import SourceSettings

Hours = TypeVar("Hours", int, pl.Series)
_BLOCK_DAYS = 28
_DAY_HOURS = 24
_REST_HOURS = 48  # between two anomalies of the same sales
_TRIES = 40
_OPENS, _OPEN_HOURS = 8, 9  # a short anomaly begins while the stores are open
_CHANNELS = ("store", "web", "app")
_PER_MILLE = 1_000


@dataclass(frozen=True)
class Planted:
    """An anomaly. Hours are counted since 1970, `until_hour` is the first one after it.

    `per_mille`: what its sales are, of what they would have been; one that `fades` comes to that by its last hour.
    """

    kind: str
    level: Level
    member: str
    first_hour: int
    until_hour: int
    per_mille: int
    copies: int
    price: int
    fades: bool

    def per_mille_at(self, hour: int) -> int:
        """What the sales of an hour are, in per mille."""
        if not self.first_hour <= hour < self.until_hour:
            return _PER_MILLE
        return self.per_mille_of(hour)

    def per_mille_of(self, hours: Hours) -> Hours:
        """What the sales of an hour of its time are, in per mille; of many hours at once."""
        if not self.fades:
            return hours * 0 + self.per_mille
        share = _PER_MILLE * (hours - self.first_hour + 1) // (self.until_hour - self.first_hour)
        return _PER_MILLE - (_PER_MILLE - self.per_mille) * share // _PER_MILLE

    def has(self, headers: pl.DataFrame) -> pl.Series:
        """Which of these sales it strikes, if it is their time."""
        if self.level == "store":
            return headers["store_id"] == int(self.member)
        if self.level == "channel":
            return headers["channel"] == self.member
        return pl.repeat(value=True, n=headers.height, dtype=pl.Boolean, eager=True)

    def meets(self, other: Planted) -> bool:
        """Whether both strike some sale, or one follows the other so soon that they look like one."""
        if self.first_hour >= other.until_hour + _REST_HOURS or other.first_hour >= self.until_hour + _REST_HOURS:
            return False
        return not (self.level == other.level == "store" and self.member != other.member)


class Plan:
    """The anomalies of a data set, extended as its clock advances."""

    def __init__(self, settings: SourceSettings) -> None:
        self._seed = settings.seed
        self._counts = parse_anomalies(settings.anomalies)
        self._first_day = int(settings.start.timestamp()) // SECONDS_PER_DAY
        self._blocks = 0
        self._events: list[Planted] = []
        self._by_hour: dict[int, list[Planted]] = {}

    def until(self, hour: int) -> list[Planted]:
        """Every anomaly that begins before that hour, oldest first."""
        self._extend(hour)
        return sorted((one for one in self._events if one.first_hour < hour), key=lambda one: one.first_hour)

    def between(self, first_hour: int, until_hour: int) -> list[Planted]:
        """The anomalies of these hours."""
        return [one for one in self.until(until_hour) if one.until_hour > first_hour]

    def at(self, hour: int) -> list[Planted]:
        """The anomalies of an hour."""
        self._extend(hour + 1)
        return self._by_hour.get(hour, [])

    def most_per_mille(self, hour: int) -> int:
        """How many sales an hour needs for its anomalies, in per mille of a plain one: more where sales are to rise."""
        return max([_PER_MILLE, *(one.per_mille_at(hour) for one in self.at(hour))])

    def _extend(self, hour: int) -> None:
        """Know every anomaly that begins before that hour."""
        while self._first_hour(self._blocks) < hour:
            found = self._block(self._blocks)
            self._events += found
            self._blocks += 1
            for one in found:
                for its_hour in range(one.first_hour, one.until_hour):
                    self._by_hour.setdefault(its_hour, []).append(one)

    def _first_hour(self, block: int) -> int:
        return (self._first_day + block * _BLOCK_DAYS) * _DAY_HOURS

    def _block(self, block: int) -> list[Planted]:
        """The anomalies that begin in a block. One for which no free time is found is left out."""
        found: list[Planted] = []
        # The longest first: they are the hardest to place.
        for name in sorted(self._counts, key=lambda one: -max(KINDS[one].hours)):
            for number in range(self._counts[name]):
                known = [*self._events, *found]
                free = (one for one in self._tries(block, name, number) if not any(one.meets(other) for other in known))
                found += [one for one in [next(free, None)] if one is not None]
        return found

    def _tries(self, block: int, name: str, number: int) -> Iterator[Planted]:
        order = list(KINDS).index(name)
        ids = pl.int_range(_TRIES * 8, eager=True, dtype=pl.Int64)
        key = ids + (((block * len(KINDS) + order) * 32 + number) * _TRIES * 8)
        bits = draw(key, self._seed, "anomaly").to_list()
        for start in range(0, len(bits), 8):
            yield self._drawn(block, name, bits[start : start + 8])

    def _drawn(self, block: int, name: str, bits: list[int]) -> Planted:
        kind = KINDS[name]
        hours = kind.hours[bits[0] % len(kind.hours)]
        day = self._first_day + block * _BLOCK_DAYS + bits[1] % _BLOCK_DAYS
        first = day * _DAY_HOURS + (0 if hours >= _DAY_HOURS else _OPENS + bits[2] % _OPEN_HOURS)
        level = kind.levels[bits[3] % len(kind.levels)]
        member = self._member(level, day, hours, bits[4])
        return Planted(
            *(name, level, member, first, first + hours, _rest(kind, bits[5])), kind.copies, kind.price, kind.fades
        )

    def _member(self, level: Level, day: int, hours: int, bits: int) -> str:
        """What is struck: a channel, or a store that is open all the time."""
        if level == "total":
            return ""
        if level == "channel":
            return _CHANNELS[bits % len(_CHANNELS)]
        first, last = day - self._first_day, day - self._first_day + hours // _DAY_HOURS + 1
        open_ones = [
            number
            for number, one in enumerate(STORES, 1)
            if one.opens < first and (one.closes is None or last < one.closes)
        ]
        return str(open_ones[bits % len(open_ones)])


def hour_of(seconds: int) -> int:
    """The hour since 1970 of a moment in Unix seconds."""
    return seconds // SECONDS_PER_HOUR


def _rest(kind: Kind, bits: int) -> int:
    least, most = kind.per_mille
    return least + bits % (most - least + 1)
