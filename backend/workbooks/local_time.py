"""The local time of a top-up: a shape over the day that each channel has, and no time that the clocks skip."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from itertools import accumulate
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
_SECONDS_PER_HOUR = 3_600
# Weight of each local hour. People load the card on the phone at night, too; a store and a partner have hours.
_BY_HOUR = {
    "app": (14, 9, 6, 4, 4, 7, 20, 45, 60, 48, 42, 46, 66, 58, 44, 42, 48, 62, 76, 82, 84, 72, 48, 27),
    "web": (22, 15, 10, 6, 5, 5, 9, 18, 36, 54, 62, 58, 52, 56, 58, 54, 48, 44, 48, 62, 84, 92, 74, 42),
    "store": (0, 0, 0, 0, 0, 0, 0, 0, 18, 60, 92, 108, 114, 84, 70, 74, 92, 116, 120, 60, 0, 0, 0, 0),
    "partner": (0, 0, 0, 0, 0, 0, 10, 30, 48, 62, 74, 80, 84, 76, 70, 72, 80, 92, 96, 72, 44, 20, 0, 0),
}
_UP_TO_HOUR = {channel: tuple(accumulate(weights)) for channel, weights in _BY_HOUR.items()}


def top_up_time(day: date, channel: str, bits: int) -> datetime:
    """A local time on `day`, without an offset as a cell has none. `bits` choose it."""
    until = _UP_TO_HOUR[channel]
    drawn = bits % until[-1]
    hour = next(hour for hour, weight in enumerate(until) if drawn < weight)
    return existing(day, hour * _SECONDS_PER_HOUR + bits // 2**20 % _SECONDS_PER_HOUR)


def existing(day: date, seconds: int) -> datetime:
    """What the clock on the wall shows that many seconds after midnight by it; an hour later where it skips that."""
    shown = datetime.combine(day, time(), PARIS) + timedelta(seconds=seconds)
    return shown.astimezone(timezone.utc).astimezone(PARIS).replace(tzinfo=None, fold=0)
