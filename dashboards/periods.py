"""Periods in words, as Superset's own expressions, and as days.

A period ends before today, unless it says `and today`: a day that is under way is not to be compared with a whole one.
So are weeks, months and years: `last 13 weeks` are thirteen whole ones, Monday to Sunday.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

NO_PERIOD = "No filter"
DEFAULT_PERIOD = "last 28 days"  # of a dashboard without a filter of the period
_TODAY = "DATETIME('today')"
_TOMORROW = f"DATEADD({_TODAY}, 1, day)"
_WRITTEN = re.compile(r"DATEADD\(DATETIME\('today'\), -(?P<number>\d+), (?P<unit>\w+)\)")


def superset_range(period: str) -> str:
    """A period as Superset's time range. It is worked out when the chart is read, by the server's clock in UTC."""
    if period == "today":
        return f"{_TODAY} : {_TOMORROW}"
    words, through_today = _split(period)
    number, unit = _length(words)
    first, end = f"DATEADD({_TODAY}, -{number}, {unit})", _TODAY
    if unit != "day":
        first, end = f"DATETRUNC({first}, {unit})", f"DATETRUNC({end}, {unit})"
    return f"{first} : {_TOMORROW if through_today else end}"


def period_of(text: str) -> str | None:
    """The period of a time range that `superset_range` wrote; None for another one."""
    if text == superset_range("today"):
        return "today"
    found = _WRITTEN.search(text)
    if not found:
        return None
    number, unit = int(found["number"]), found["unit"]
    until = " and today" if text.endswith(f" : {_TOMORROW}") else ""
    is_yesterday = (number, unit, until) == (1, "day", "")
    period = "yesterday" if is_yesterday else f"last {number} {unit}{'s' if number > 1 else ''}{until}"
    return period if superset_range(period) == text else None


def days_of(period: str, today: date) -> tuple[date, date]:
    """The first day of a period and the day after its last one, as of `today`."""
    if period == "today":
        return today, today + timedelta(days=1)
    words, through_today = _split(period)
    number, unit = _length(words)
    end = _begin(today, unit)
    return _earlier(end, number, unit), today + timedelta(days=1) if through_today else end


def is_under_way(period: str) -> bool:
    """Whether a period has the day in it that is not over."""
    return period.endswith("today")


def explicit_range(first: date, until: date) -> str:
    """Days as Superset's time range."""
    return f"{first.isoformat()} : {until.isoformat()}"


def _begin(day: date, unit: str) -> date:
    """The first day of the week, month or year of a day."""
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1, month=1 if unit == "year" else day.month) if unit in ("month", "year") else day


def _earlier(begin: date, number: int, unit: str) -> date:
    """The day so many units before the begin of one."""
    if unit in ("day", "week"):
        return begin - timedelta(days=number * (7 if unit == "week" else 1))
    index = begin.year * 12 + begin.month - 1 - number * (12 if unit == "year" else 1)
    return date(index // 12, index % 12 + 1, 1)


def _split(period: str) -> tuple[str, bool]:
    words = period.removesuffix(" and today")
    return words, words != period


def _length(period: str) -> tuple[int, str]:
    if period == "yesterday":
        return 1, "day"
    _, number, unit = period.split()
    return int(number), unit.removesuffix("s")
