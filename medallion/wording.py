"""Numbers, nouns and times as the commands and the logs print them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60))


def counted(number: int, one: str, many: str = "") -> str:
    """The number with its noun: `1 sale`, `1,200 sales`. `many` is the plural where it is not `one` with an s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def minute_of(moment: datetime) -> str:
    """The moment to the minute: `2026-11-05 10:32 UTC`. It has to be in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def megabytes(size: int) -> str:
    """A number of bytes in megabytes: `1,200.5 MB`."""
    return f"{size / 1e6:,.1f} MB"


def age_of(moment: datetime, now: datetime) -> str:
    """How long ago the moment was: `3 hours ago`, `just now`. A moment after `now` is `just now` too."""
    return ago((now - moment).total_seconds())


def ago(seconds: float) -> str:
    """An age in its largest unit: `3 hours ago`; `just now` below a minute."""
    for unit, length in _UNITS:
        if seconds >= length:
            return f"{counted(int(seconds // length), unit)} ago"
    return "just now"
