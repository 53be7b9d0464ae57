"""Periods in words, as Superset's own expressions, and as days.

A period ends before today, unless it says `and today`, or `and next 28 days`, of which today is the first: a day that
is under way is not to be compared with a whole one. So are weeks, months and years: `last 13 weeks` are thirteen whole
ones, Monday to Sunday.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

NO_PERIOD = "No filter"
DEFAULT_PERIOD = "last 28 days"  # of a dashboard without a filter of the period
_TODAY = "DATETIME('today')"
_TOMORROW = f"DATEADD({_TODAY}, 1, day)"
_AHEAD = re.compile(r" : DATEADD\(DATETIME\('today'\), (?P<number>[1-9]\d*), day\)$")
_WRITTEN = re.compile(r"DATEADD\(DATETIME\('today'\), -(?P<number>\d+), (?P<unit>\w+)\)")


def superset_range(period: str) -> str:
    """A period as Superset's time range. It is worked out when the chart is read, by the server's clock in UTC."""
    if period == "today":
        return f"{_TODAY} : {_TOMORROW}"
    words, ahead = _split(period)
    number, unit = _length(words)
    first, end = f"DATEADD({_TODAY}, -{number}, {unit})", _TODAY
    if unit != "day":
        first, end = f"DATETRUNC({first}, {unit})", f"DATETRUNC({end}, {unit})"
    return f"{first} : {_after(ahead) if ahead else end}"


def period_of(text: str) -> str | None:
    """The period of a time range that `superset_range` wrote; None for another one."""
    if text == superset_range("today"):
        return "today"
    found = _WRITTEN.search(text)
    if not found:
        return None
    number, unit = int(found["number"]), found["unit"]
    ahead = _AHEAD.search(text)
    until = _words_ahead(int(ahead["number"])) if ahead else ""
    is_yesterday = (number, unit, until) == (1, "day", "")
    period = "yesterday" if is_yesterday else f"last {number} {unit}{'s' if number > 1 else ''}{until}"
    return period if superset_range(period) == text else None


def days_of(period: str, today: date) -> tuple[date, date]:
    """The first day of a period and the day after its last one, as of `today`."""
    if period == "today":
        return today, today + timedelta(days=1)
    words, ahead = _split(period)
    number, unit = _length(words)
    end = _begin(today, unit)
    return _earlier(end, number, unit), today + timedelta(days=ahead) if ahead else end


def is_under_way(period: str) -> bool:
    """Whether a period has the day in it that is not over."""
    return period == "today" or _split(period)[1] > 0


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


def _split(period: str) -> tuple[str, int]:
    """The words of the days that have ended, and how many days follow, of which today is the first."""
    words, _, more = period.partition(" and ")
    return words, 0 if not more else 1 if more == "today" else int(more.split()[1])


def _words_ahead(days: int) -> str:
    return " and today" if days == 1 else f" and next {days} days"


def _after(days: int) -> str:
    return f"DATEADD({_TODAY}, {days}, day)"


def _length(period: str) -> tuple[int, str]:
    if period == "yesterday":
        return 1, "day"
    _, number, unit = period.split()
    return int(number), unit.removesuffix("s")
