"""Values of the libraries that read workbooks, as the kinds and values of cells."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from ingestion.spreadsheets.wire import WireCell

if TYPE_CHECKING:
    from collections.abc import Iterable

_WHOLE, _LOWEST = 2.0**53, -(2.0**53)  # above, a float does not hold every whole number


def cells_of_row(letters: Iterable[str], values: Iterable[Any]) -> list[WireCell]:
    """The cells that hold something, of values from left to right and the letters of their columns.

    Comparing types takes half the time of `isinstance` and of calls, in a loop over millions of cells.
    """
    cells = list[WireCell]()
    append = cells.append
    for column, value in zip(letters, values, strict=False):
        kind = type(value)
        if kind is str:
            if value:
                append(WireCell(column, "s", value))
        elif kind is float and _LOWEST < value < _WHOLE:
            append(WireCell(column, "n", int(value) if value.is_integer() else value))
        elif kind is bool:
            append(WireCell(column, "b", value))
        elif kind is datetime or kind is date:
            append(WireCell(column, "d", _shortest(value.isoformat())))
        else:
            append(other_cell(column, value))
    return cells


def other_cell(column: str, value: object) -> WireCell:
    """The cell of any value. Raises TypeError for a type that no cell has."""
    if isinstance(value, bool):  # before int, which it is
        return WireCell(column, "b", value)
    if isinstance(value, int | float):
        return _number(column, float(value))
    if isinstance(value, str):
        return WireCell(column, "s", value)
    if isinstance(value, date):  # a datetime is one, too
        return WireCell(column, "d", _shortest(value.isoformat()))
    if isinstance(value, time):
        return WireCell(column, "t", _shortest(value.isoformat()))
    if isinstance(value, timedelta):
        return WireCell(column, "t", _duration(value))
    raise TypeError(f"a cell with a {type(value).__name__}")


def _number(column: str, value: float) -> WireCell:
    """A number. One that is none (`NaN`, or too large for a float) is an error of the file."""
    if not math.isfinite(value):
        return WireCell(column, "e", str(value))
    is_whole = value.is_integer() and _LOWEST < value < _WHOLE
    return WireCell(column, "n", int(value) if is_whole else value)


def _shortest(moment: str) -> str:
    """Without the zeros at the end of a fraction of a second."""
    return moment.rstrip("0") if "." in moment else moment


def _duration(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta() else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours = value.days * 24 + minutes // 60
    text = f"{sign}{hours:02}:{minutes % 60:02}:{seconds:02}"
    return _shortest(f"{text}.{value.microseconds:06}") if value.microseconds else text
