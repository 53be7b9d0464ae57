"""What a raw cell of a sheet means, by the type of its column and the layout of its entity.

A sheet stores numbers, texts, days and errors, whatever a person meant by them. Nothing is guessed here: a cell either
is, in one way only, a value of the column's type, or it is refused with a sentence for the person who wrote it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from medallion.foreign_text import shown
from medallion.moments import utc_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from medallion.entities.column_types import ColumnType
    from medallion.entities.layout import Layout

    # The kind of a cell and its value (`ingestion.spreadsheets.workbook.Cell`).
    Read = Callable[[str, Any], Any]

_SHOWN = 60  # characters of a refused text
_KEPT_DIGITS = 15  # a sheet keeps no more of a number
_MOST_DIGITS = 400  # of an exact number that are written in full
_SPACES = "\u00a0\u2007\u202f "
_APOSTROPHES = "'\u2019"
_MINUS = "\u2212"
_GROUP_SIGNS = {",": rf"[.{_APOSTROPHES}{_SPACES}]", ".": rf"[,{_APOSTROPHES}{_SPACES}]"}
# What is left of the text of a number: digits, a minus, and a point before the decimals.
_WITHOUT_GROUPS = {
    ",": str.maketrans(",", ".", f"+.{_APOSTROPHES}{_SPACES}"),
    ".": str.maketrans("", "", f"+,{_APOSTROPHES}{_SPACES}"),
}
_MANY_CACHED = 4_096
_ISO = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ](?P<time>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2})?(?:\.(?P<fraction>[0-9]{1,6}))?"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_BROKEN = {
    "e": "is the error {}",
    "f": "is a formula whose value was not saved: open the file in a spreadsheet program and save it again",
}


class CellRefused(ValueError):
    """A cell that is no value of its column. The message continues a sentence that begins with its address."""


def reader_of(declared: ColumnType, layout: Layout, name: str) -> Read:
    """A function that turns a raw cell of the column `name` into the JSON value that its type asks for.

    It raises CellRefused. Equal cells are read once, as a column repeats its words.
    """
    read, fits = _reader(declared, layout, layout.digits.get(name)), _fitting(declared)

    @lru_cache(maxsize=_MANY_CACHED, typed=True)
    def checked(kind: str, value: Any) -> Any:
        if kind in _BROKEN:
            raise CellRefused(_BROKEN[kind].format(shown(value, _SHOWN)))
        found = read(kind, value)
        if not fits(found):
            raise CellRefused(f"is {_quoted(value)}, which is not {declared.rule}")
        return found

    return checked


def _reader(declared: ColumnType, layout: Layout, digits: int | None) -> Read:
    if declared.is_moment:
        return _moment_reader(layout)
    if declared.is_date:
        return _date_reader(layout)
    if declared.sql.startswith("numeric"):
        return _amount_reader(layout)
    if declared.json == "integer":
        return _integer_reader(layout)
    return _flag if declared.json == "boolean" else _text_reader(digits)


def _fitting(declared: ColumnType) -> Callable[[Any], bool]:
    """Whether a value is within what its type allows."""
    if declared.json == "integer":
        least, most = declared.minimum, declared.maximum
        return lambda value: (
            (least is None or value >= least) and (most is None or value <= most) and bool(value != declared.excluded)
        )
    if declared.pattern is not None:
        match = re.compile(declared.pattern.removeprefix("^").removesuffix("$")).fullmatch
        return lambda value: match(value) is not None
    return lambda value: declared.json != "string" or "\x00" not in value


def _text_reader(digits: int | None) -> Read:
    def read(kind: str, value: Any) -> str:
        if kind == "s":
            text = str(value).strip(f"{_SPACES}\t\r\n")
        elif kind == "n" and isinstance(value, str) and value.isdigit():
            text = value
        elif kind == "n" and not isinstance(value, str) and float(value).is_integer():
            text = str(int(value))
            if len(text.lstrip("-")) > _KEPT_DIGITS:
                raise CellRefused(
                    f"is a number of {len(text)} digits, of which a sheet keeps {_KEPT_DIGITS}: format the column as "
                    "text, and enter it again"
                )
        else:
            raise CellRefused(f"is {_described(kind, value)} where a text belongs")
        if digits is not None and len(text) < digits and kind == "n":
            raise CellRefused(
                f"is the number {text} where {digits} digits belong: the sheet has dropped its leading zeros. Format "
                "the column as text, and enter it again"
            )
        if digits is not None and not (len(text) == digits and text.isascii() and text.isdigit()):
            raise CellRefused(f"is {_quoted(text)}, which is not {digits} digits")
        if not text:
            raise CellRefused("is blank")
        return text

    return read


def _amount_reader(layout: Layout) -> Read:
    pattern = _number_pattern(layout, decimals=True)

    def read(kind: str, value: Any) -> str:
        if kind == "n":
            return _plain(value)
        if kind == "s":
            return _of_digits(pattern, value, layout, f"an amount with {layout.decimal!r} before its decimals")
        raise CellRefused(f"is {_described(kind, value)} where an amount belongs")

    return read


def _integer_reader(layout: Layout) -> Read:
    pattern = _number_pattern(layout, decimals=False)

    def read(kind: str, value: Any) -> int:
        if kind == "n":
            if isinstance(value, str):
                return _whole(value)
            if not float(value).is_integer():
                raise CellRefused(f"is {_plain(value)} where a whole number belongs")
            return int(value)
        if kind == "s":
            return int(_of_digits(pattern, value, layout, "a whole number"))
        raise CellRefused(f"is {_described(kind, value)} where a whole number belongs")

    return read


def _number_pattern(layout: Layout, *, decimals: bool) -> re.Pattern[str]:
    """Digits, in groups of three or not. Which sign is the decimal one is declared, so no text reads two ways."""
    fraction = rf"(?:{re.escape(layout.decimal)}[0-9]+)?" if decimals else ""
    sign = _GROUP_SIGNS[layout.decimal]
    return re.compile(rf"(?P<sign>[+-]?)(?:[0-9]+|[0-9]{{1,3}}(?:{sign}[0-9]{{3}})+){fraction}")


def _of_digits(pattern: re.Pattern[str], value: Any, layout: Layout, what: str) -> str:
    text = str(value).strip(f"{_SPACES}\t\r\n").replace(_MINUS, "-")
    if pattern.fullmatch(text) is None:
        raise CellRefused(f"is {_quoted(value)}, which is not {what}")
    return text.translate(_WITHOUT_GROUPS[layout.decimal])


def _date_reader(layout: Layout) -> Read:
    def read(kind: str, value: Any) -> str:
        if kind not in "ds":
            raise CellRefused(f"is {_described(kind, value)} where a day belongs")
        moment = _day_of(str(value).strip(f"{_SPACES}\t\r\n"), layout)
        if moment is None:
            raise CellRefused(f"is {_quoted(value)}, which is not {_day_forms(layout)}")
        if moment.tzinfo is not None or moment != datetime(moment.year, moment.month, moment.day):  # noqa: DTZ001
            raise CellRefused(f"is {_quoted(value)}: a time where only a day belongs")
        return date(moment.year, moment.month, moment.day).isoformat()

    return read


def _moment_reader(layout: Layout) -> Read:
    zone = ZoneInfo(layout.zone)

    def read(kind: str, value: Any) -> str:
        if kind not in "ds":
            raise CellRefused(f"is {_described(kind, value)} where a time belongs")
        moment = _day_of(str(value).strip(f"{_SPACES}\t\r\n"), layout)
        if moment is None:
            raise CellRefused(f"is {_quoted(value)}, which is not {_day_forms(layout)}, with a time")
        if kind == "s" and ":" not in str(value):
            raise CellRefused(f"is {_quoted(value)}, a day without a time")
        if moment.tzinfo is None:
            moment = _of_zone(moment, zone)
        found = utc_moment(moment.isoformat(timespec="microseconds"))
        if found is None:
            raise CellRefused(f"is {_quoted(value)}, which is no moment that can be stored")
        return found.replace("+00:00", "Z")

    return read


def _of_zone(local: datetime, zone: ZoneInfo) -> datetime:
    """The moment of a local time; of the two that the clock shows when it is set back, the first one."""
    try:
        moment = local.replace(tzinfo=zone).astimezone(timezone.utc)
        is_shown = moment.astimezone(zone).replace(tzinfo=None) == local
    except OverflowError as error:  # in the first or the last hours of the calendar
        raise CellRefused(f"is {local}, which is no moment that can be stored") from error
    if not is_shown:
        raise CellRefused(f"is {local}, which the clock of {zone.key} skipped that day")
    return moment


def _day_of(text: str, layout: Layout) -> datetime | None:
    """The day or time that a text names: ISO 8601, or a form of the layout. A naive one is local."""
    if match := _ISO.fullmatch(text):
        second, fraction = match["second"] or ":00", (match["fraction"] or "").ljust(6, "0")
        offset = (match["offset"] or "").replace("Z", "+00:00")
        with suppress(ValueError):
            return datetime.fromisoformat(f"{match['day']}T{match['time'] or '00:00'}{second}.{fraction}{offset}")
    for form in layout.dates:
        with suppress(ValueError):
            return datetime.strptime(text, form)  # noqa: DTZ007 - local, as the layout says
    return None


def _day_forms(layout: Layout) -> str:
    forms = " or ".join(["2026-11-01", *(datetime(2026, 11, 1).strftime(form) for form in layout.dates)])  # noqa: DTZ001
    return f"a day in the form {forms}"


def _flag(kind: str, value: Any) -> bool:
    if kind == "b":
        return bool(value)
    if kind == "s" and str(value).strip().casefold() in ("true", "false"):
        return str(value).strip().casefold() == "true"
    raise CellRefused(f"is {_described(kind, value)} where true or false belongs")


def _whole(digits: str) -> int:
    """The whole number of an exact one."""
    if (plain := _plain(digits)).lstrip("-").isdigit():
        return int(plain)
    raise CellRefused(f"is {shown(plain, _SHOWN)} where a whole number belongs")


def _plain(value: float | str) -> str:
    """A number in full, with the digits that a sheet keeps: the sum of 0.1 and 0.2 is 0.3 there, and so it is here.

    A text is an exact number, of which every digit counts but zeros at the end of its decimals. One that is too large
    to be written in full stays as it is.
    """
    if isinstance(value, str):
        exact = Decimal(value)
        if len(value) > _MOST_DIGITS or abs(exact.adjusted()) > _MOST_DIGITS:
            return value
        full = format(exact, "f")
        return full.rstrip("0").rstrip(".") if "." in full else full
    return format(Decimal(str(value) if isinstance(value, int) else f"{value:.{_KEPT_DIGITS}g}"), "f")


def _described(kind: str, value: Any) -> str:
    if kind == "n":
        return f"the number {_plain(value)}"
    if kind == "b":
        return "TRUE" if value else "FALSE"
    return f"{ {'d': 'the day', 't': 'the time', 's': 'the text'}[kind] } {_quoted(value)}"


def _quoted(value: Any) -> str:
    return f"“{shown(value, _SHOWN)}”"
