"""When sales happen: hour by hour, with opening hours, weekdays and seasons.

Each hour has a fixed number of sales; their running total is kept in one array. From it the hour of a sale
follows by binary search, and the number of sales up to any moment by looking at one hour: both cost the
same with ten million sales behind them as with ten thousand. Whole numbers only: a rounding error would
give a sale another time on another machine.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import polars as pl

from backend.dataset.random_draws import below, draw

# Sales of an hour of the day in per mille of an average hour (UTC): at night the web sells alone.
_BY_HOUR = (
    250, 180, 120, 90, 90, 130, 260, 520, 950, 1300, 1500, 1620,
    1650, 1480, 1380, 1450, 1650, 1900, 2050, 1700, 1250, 1000, 800, 580,
)  # fmt: skip
_BY_WEEKDAY = (850, 840, 880, 950, 1180, 1500, 800)
_BY_MONTH = (900, 850, 920, 950, 980, 1020, 1050, 880, 960, 1000, 1180, 1350)
# From and to a day of the year (month and day), and per mille of sales: the first that fits counts.
_SEASONS = (
    (101, 101, 300), (108, 204, 1_250), (625, 722, 1_200),
    (1201, 1212, 1_100), (1213, 1223, 1_500), (1224, 1224, 1_200), (1225, 1225, 150), (1226, 1226, 600),
)  # fmt: skip
_MILLIONTH = 1_000_000
_CHUNK_HOURS = 24 * 30
SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 24 * SECONDS_PER_HOUR


class Timeline:
    """Numbers of sales by hour since `start`, extended as the clock advances."""

    def __init__(self, *, start: datetime, sales_per_hour: int, seed: int) -> None:
        self.start = start.replace(minute=0, second=0, microsecond=0)
        self._first_second = int(self.start.timestamp())
        self._sales_per_hour = sales_per_hour
        self._seed = seed
        self._before = pl.Series("before", [0], dtype=pl.Int64)  # sales before each hour
        self._remainder = 0

    def count_until(self, moment: datetime) -> int:
        """How many sales have happened up to and including `moment`."""
        second = int(moment.timestamp())
        hour = (second - self._first_second) // SECONDS_PER_HOUR
        if hour < 0:
            return 0
        self._extend(hour + 1)
        first, past = int(self._before[hour]), int(self._before[hour + 1])
        times = self.seconds(pl.Series("sale_id", range(first + 1, past + 1), dtype=pl.Int64))
        return first + int((times <= second).sum())

    def seconds(self, sale_ids: pl.Series) -> pl.Series:
        """Unix seconds of sales, which never fall from one id to the next."""
        hours = self._before.search_sorted(sale_ids - 1, side="right").cast(pl.Int64) - 1
        first, past = self._before[hours], self._before[hours + 1]
        jitter = below(draw(sale_ids, self._seed, "second"), SECONDS_PER_HOUR)
        within = ((sale_ids - 1 - first) * SECONDS_PER_HOUR + jitter) // (past - first)
        return (self._first_second + hours * SECONDS_PER_HOUR + within).alias("sold_at")

    def near(self, bits: pl.Series, moment: pl.Series) -> pl.Series:
        """A sale of the hour of each moment, or the one after it where the hour has none; 0 before the start.

        No moment may lie after the last sale that was asked for.
        """
        hour = (moment - self._first_second) // SECONDS_PER_HOUR
        at = hour.clip(0)
        first = self._before[at]
        found = first + 1 + (bits // 2).cast(pl.Int64) % (self._before[at + 1] - first).clip(1)
        return found * (hour >= 0).cast(pl.Int64)

    def _extend(self, hour: int) -> None:
        """Know the totals before each hour up to and including `hour`."""
        while len(self._before) <= hour:
            known = len(self._before) - 1
            weights = [self._weight(known + offset) for offset in range(_CHUNK_HOURS)]
            total, counts = self._remainder, []
            for weight in weights:
                total += weight * self._sales_per_hour
                counts.append(total // _MILLIONTH**2)
                total %= _MILLIONTH**2
            self._remainder = total
            grown = pl.Series("before", counts, dtype=pl.Int64).cum_sum() + int(self._before[-1])
            self._before = pl.concat([self._before, grown])

    def _weight(self, hour: int) -> int:
        """Expected sales of an hour, in millionths of millionths of the average."""
        at = (self.start + timedelta(hours=hour)).astimezone(timezone.utc)
        return _BY_HOUR[at.hour] * _BY_WEEKDAY[at.weekday()] * _BY_MONTH[at.month - 1] * _on_day(at)


def _on_day(at: datetime) -> int:
    """Per mille of an ordinary day of the month: Christmas, the days after it, and the sales of winter and summer."""
    day = at.month * 100 + at.day
    if at.month == 11 and at.weekday() == 4 and 22 <= at.day <= 28:  # noqa: PLR2004 - Black Friday
        return 1_800
    return next((weight for first, last, weight in _SEASONS if first <= day <= last), 960)
