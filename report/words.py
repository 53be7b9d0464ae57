"""Numbers and moments of the page: one format for each unit (`medallion.wording` has those of the commands)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
_THOUSAND, _MILLION = 1_000, 1_000_000
_MINUTE, _HOUR = 60, 3_600
_LARGE_PERCENT = 10


def money(amount: Decimal, currency: str) -> str:
    """An amount in whole units: `€366,870`, `CHF 12`."""
    return _with_currency(amount, f"{abs(_rounded(amount)):,}", currency)


def short_money(amount: Decimal, currency: str) -> str:
    """An amount for a small label: `€367k`, `€1.2M`."""
    size = abs(amount)
    if size >= _MILLION:
        text = f"{size / _MILLION:.1f}".removesuffix(".0") + "M"
    elif size >= _THOUSAND:
        text = f"{_rounded(size / _THOUSAND):,}k"
    else:
        text = f"{_rounded(size)}"
    return _with_currency(amount, text, currency)


def tick_money(amount: Decimal, currency: str) -> str:
    """An amount at a line of an axis, which has three digits at most: `€50k`, `€2.5k`, `€0.25`."""
    size, unit = abs(amount), ""
    if size >= _MILLION:
        size, unit = size / _MILLION, "M"
    elif size >= _THOUSAND:
        size, unit = size / _THOUSAND, "k"
    return _with_currency(amount, f"{float(size):g}{unit}", currency)


def axis_money(value: float, currency: str) -> str:
    """The same for a value of a chart."""
    return tick_money(Decimal(str(value)), currency)


def exact_money(amount: Decimal, currency: str) -> str:
    """An amount to the cent: `€25.10`."""
    return _with_currency(amount, f"{abs(amount):,.2f}", currency)


def share(part: Decimal | None) -> str:
    """A share of one as a percentage with one decimal: `9.1%`; a dash for None."""
    return "–" if part is None else f"{part * 100:.1f}%".replace("-", "−")


def small_share(part: Decimal) -> str:
    """A share that may be far below a percent, as a percentage with two decimals: `0.24%`."""
    return f"{part * 100:.2f}%"


def change(now: Decimal | int | None, before: Decimal | int | None) -> str:
    """How much `now` is above or below `before`: `+12%`, `−0.4%`; empty when there is nothing to compare with."""
    if now is None or not before or before < 0:
        return ""
    percent = (Decimal(now) - Decimal(before)) / Decimal(before) * 100
    text = f"{abs(percent):.0f}" if abs(percent) >= _LARGE_PERCENT else f"{abs(percent):.1f}"
    return f"{'−' if percent < 0 and float(text) else '+'}{text}%"


def points(now: Decimal | None, before: Decimal | None) -> str:
    """How far one share is from another, in percentage points: `+2.2 points`; empty when one is None."""
    if now is None or before is None:
        return ""
    text = f"{abs(now - before) * 100:.1f}"
    return f"{'−' if now < before and float(text) else '+'}{text} points"


def number(count: Decimal | int) -> str:
    """A count: `1,200`."""
    return f"{count:,}"


def day(moment: date) -> str:
    """A day: `Sat, Nov 28`."""
    return f"{moment:%a, %b} {moment.day}"


def short_day(moment: date) -> str:
    """A day without its weekday: `Nov 28`."""
    return f"{moment:%b} {moment.day}"


def month(moment: date) -> str:
    """The month of a day: `Nov 2026`."""
    return f"{moment:%b %Y}"


def short_month(moment: date) -> str:
    """The same for a small label: `Nov '26`."""
    return f"{moment:%b '%y}"


def full_day(moment: date) -> str:
    """A day with its year: `Saturday, November 28, 2026`."""
    return f"{moment:%A, %B} {moment.day}, {moment.year}"


def day_in_words(moment: date, amount: Decimal, week_before: Decimal | None, currency: str) -> str:
    """What a day brought, compared with the same weekday before: `Monday brought €1,200, 4.2% more than …`."""
    text = f"{moment:%A} brought {money(amount, currency)}"
    if week_before is None or week_before <= 0:
        return f"{text}."
    if amount == week_before:
        return f"{text}, as much as the {moment:%A} before."
    side = "more" if amount > week_before else "less"
    return f"{text}, {change(amount, week_before)[1:]} {side} than the {moment:%A} before."


def at(moment: datetime) -> str:
    """A moment to the minute: `Nov 28, 2026, 20:34 UTC`."""
    return f"{moment:%b} {moment.day}, {moment:%Y, %H:%M} UTC"


def duration(seconds: float) -> str:
    """A duration: `0.04 s`, `3.1 s`, `42 s`, `3 min`, `2 h 05 min`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < _LARGE_PERCENT:
        return f"{seconds:.1f} s"
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE):02d} min"


def _rounded(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


def _with_currency(amount: Decimal, digits: str, currency: str) -> str:
    sign = "−" if amount < 0 and any(digit in "123456789" for digit in digits) else ""
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{currency} {digits}"
