"""Special days: those of `calendar.yml`, and the public holidays of the stores' countries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medallion.errors import ConfigurationError
from medallion.yaml_files import read_yaml
from quality.anomalies.panel import STEP

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quality.anomalies.panel import Flags, Floats, Panel, Slice

CALENDAR = Path(__file__).with_suffix(".yml")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SETTLES = 8  # days until the level of a week has followed a season
_LENIENT = 0.6  # the effect that a total needs while it settles


@dataclass(frozen=True)
class Special:
    """A span of the year, both days in it; from December to January if `last` is before `first`."""

    name: str
    first: tuple[int, int]
    last: tuple[int, int]
    weekday: int | None = None
    season: bool = False

    def has(self, day: date) -> bool:
        """Whether a day lies in it."""
        at = (day.month, day.day)
        inside = self.first <= at <= self.last if self.first <= self.last else at >= self.first or at <= self.last
        return inside and self.weekday in (None, day.weekday())


@dataclass(frozen=True)
class Calendar:
    """The special days, with the public holidays by country, the country of each store, and when some have closed.

    Stores go by their numbers.
    """

    specials: Sequence[Special]
    holidays: Mapping[date, frozenset[str]]
    countries: Mapping[str, str]
    closed: Mapping[str, date] = field(default_factory=dict)

    def least_effect(self, panel: Panel, direction: int) -> Floats:
        """By slice and point, the effect below which nothing is an anomaly: infinite on a special day.

        On a public holiday, to sell little is no anomaly of a store of that country, nor of the total.
        """
        found = np.zeros((len(panel.slices), panel.points))
        for at, day in _days(panel):
            least = np.inf if self.is_special(day) else _LENIENT if self.settles(day) else 0.0
            closed = self.holidays.get(day, frozenset()) if direction < 0 else frozenset()
            for row, one in enumerate(panel.slices):
                if one.level == "total":
                    found[row, at] = np.inf if closed else least
                elif one.level == "store" and (self.countries.get(one.member) in closed or self._is_gone(one, day)):
                    found[row, at] = np.inf
        return found

    def untypical(self, panel: Panel) -> Flags:
        """By cell and point, whether it trains no baseline."""
        found = np.zeros((panel.members.shape[1], panel.points), dtype=bool)
        rows = [(row, self.countries.get(one.member)) for row, one in enumerate(panel.slices) if one.level == "store"]
        for at, day in _days(panel):
            if self.is_special(day):
                found[:, at] = True
            for row, country in rows:
                if country in self.holidays.get(day, ()):
                    found[panel.members[row] > 0, at] = True
        return found

    def _is_gone(self, store: Slice, day: date) -> bool:
        return store.member in self.closed and self.closed[store.member] <= day

    def is_special(self, day: date) -> bool:
        """Whether nothing is judged by a total on that day."""
        return any(one.has(day) for one in self.specials if not one.season)

    def settles(self, day: date) -> bool:
        """Whether a season or a special day began or ended in the days before."""
        before = [day - timedelta(days=back) for back in range(_SETTLES + 1)]
        return any(one.has(new) != one.has(old) for one in self.specials for new, old in pairwise(before))


@lru_cache(maxsize=4)
def read_specials(file: Path = CALENDAR) -> tuple[Special, ...]:
    """The special days of a file. Raises ConfigurationError, which names the entry that is wrong."""
    return tuple(_special(one, file) for one in read_yaml(file) or [])


def _special(entry: Any, file: Path) -> Special:
    try:
        weekday = entry.get("weekday")
        return Special(
            str(entry["name"]),
            _month_day(entry["first"]),
            _month_day(entry["last"]),
            None if weekday is None else _WEEKDAYS.index(weekday),
            bool(entry.get("season", False)),
        )
    except (KeyError, ValueError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"{file.name}: {entry!r} is no special day: {error}",
            remedy="write name, first and last, such as {name: Easter week, first: 04-10, last: 04-17}",
        ) from error


def _month_day(text: Any) -> tuple[int, int]:
    moment = datetime.strptime(f"2000-{text}", "%Y-%m-%d")  # noqa: DTZ007 - a day of the year, of no zone
    return moment.month, moment.day


def _days(panel: Panel) -> Iterator[tuple[slice, date]]:
    """Each day of the panel with its points; a panel begins at midnight UTC."""
    points = timedelta(days=1) // STEP[panel.grain]
    for first in range(0, panel.points, points):
        yield slice(first, first + points), panel.at(first).date()
