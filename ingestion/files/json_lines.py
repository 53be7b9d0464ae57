"""One line of NDJSON: an object whose numbers keep every digit, or what is wrong with the line."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from ingestion.spreadsheets.cells import Cell
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_SAFE = 10**15  # a sheet keeps so many digits of a number; more are kept as text
_KEY = re.compile(rb'"\s*:')
_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class LineRefused(ValueError):
    """A line that is no object with keys that differ."""


def object_of(line: bytes) -> dict[str, Any]:
    """The object of a line. A decimal number is a Decimal. Raises LineRefused."""
    try:
        found = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise LineRefused(f"no JSON: {error}") from error
    if not isinstance(found, dict):
        raise LineRefused("no JSON object")
    # Each key that is written makes one place at least. With as many places as keys, none is written twice.
    if len(_KEY.findall(line)) != len(found):
        _check_keys(line)
    return found


def cell_of(column: str, value: Any) -> Cell | None:
    """The cell of a value; None for a value that holds nothing."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return Cell(column, "s", value)
    if isinstance(value, bool):  # before int, which it is
        return Cell(column, "b", value)
    if isinstance(value, int):
        return Cell(column, "n", value if -_SAFE < value < _SAFE else str(Decimal(value)))
    if isinstance(value, Decimal):
        return Cell(column, "n", str(value))
    return Cell(column, "e", f"a nested value: {_encode(value).decode()}")


def holds_something(value: Any) -> bool:
    """Whether a value makes a cell."""
    return value is not None and value != ""


def _check_keys(line: bytes) -> None:
    """Refuse a line that has a key twice, of which decoding would keep one."""
    try:
        json.loads(line, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    except RecursionError as error:
        raise LineRefused("no JSON: it is nested too deeply") from error
    except UnicodeDecodeError as error:
        raise LineRefused(f"no JSON: {error}") from error


def _unique(pairs: Sequence[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise LineRefused(f"the key “{shown(twice, 60)}” stands twice in it")
