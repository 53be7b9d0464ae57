"""Values of a column of a Parquet file as cells: exact where the file is exact, and never rounded on the way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from ingestion.spreadsheets.values import other_cell
from ingestion.spreadsheets.wire import WireCell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingestion.spreadsheets.cells import Kind

_SAFE = 10**15  # a sheet keeps so many digits of a number; more are kept as text
_MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
TEXTS = (pl.String, pl.Categorical, pl.Enum)
_NO_NUMBERS = ("nan", "inf", "-inf")


def cells_of_column(name: str, column: pl.Series) -> Sequence[WireCell | None]:
    """The cells of a column, None where it holds nothing: no value, or an empty text."""
    kind = column.dtype
    if kind in TEXTS:
        return [WireCell(name, "s", value) if value else None for value in column.cast(pl.String).to_list()]
    if isinstance(kind, pl.Datetime):
        return _moments(name, column, kind)
    if kind == pl.Float32:  # as a float of 64 bits, 12.1 is 12.1000003814697
        column = column.cast(pl.String)
    cell = _maker(kind)
    return [None if value is None else cell(name, value) for value in column.to_list()]


def _maker(kind: pl.DataType) -> Callable[[str, Any], WireCell]:
    """What makes cells of the values of a type."""
    makers: tuple[tuple[bool, Callable[[str, Any], WireCell]], ...] = (
        (kind.is_integer(), _whole),
        (kind == pl.Float32, _exact),
        (kind.is_float(), _float),
        (kind.is_decimal(), lambda name, value: WireCell(name, "n", format(value, "f"))),
        (kind == pl.Boolean or kind.is_temporal(), other_cell),
    )
    unread = f"a value of type {kind}"
    return next(
        (maker for fits, maker in makers if fits), lambda name, value: WireCell(name, "e", f"{unread}: {value}")
    )


def _whole(name: str, value: int) -> WireCell:
    return WireCell(name, "n", value if -_SAFE < value < _SAFE else str(value))


def _exact(name: str, digits: str) -> WireCell:
    return WireCell(name, "e" if digits.lower() in _NO_NUMBERS else "n", digits)


def _float(name: str, value: float) -> WireCell:
    """A float. One that is no number is an error of the file, which its load names."""
    if not math.isfinite(value):
        return WireCell(name, "e", str(value))
    return WireCell(name, "n", int(value) if value.is_integer() and abs(value) < _SAFE else value)


def _moments(name: str, column: pl.Series, kind: pl.Datetime) -> list[WireCell | None]:
    """Moments with all their decimals: Python's own have six, and a file may have nine."""
    if kind.time_zone is None:
        shape: Kind = "d"
        texts = column.dt.to_string(_MOMENT)
    else:
        shape = "s"
        texts = column.dt.convert_time_zone("UTC").dt.to_string(f"{_MOMENT}Z")
    return [None if text is None else WireCell(name, shape, text) for text in texts.to_list()]
