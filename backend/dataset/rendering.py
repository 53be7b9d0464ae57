"""Whole columns to JSON text: the API's records without an object per record.

A value is given as its pieces, texts and columns of text, and one concatenation makes the record of all of them: a
text made only to become a part of another would be written twice.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import polars as pl

from backend.dataset.timeline import SECONDS_PER_DAY as _DAY
from backend.dataset.timeline import SECONDS_PER_HOUR as _HOUR

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Pieces: TypeAlias = Sequence[str | pl.Expr]

_MINUTE = 60
_TWO_DIGITS = pl.Series([f"{number:02}" for number in range(100)])
_DECIMALS = pl.Series([f'.{number:02}"' for number in range(100)])  # with the quote after an amount


def json_object(members: Mapping[str, Pieces]) -> Pieces:
    """The pieces of a compact JSON object; `members` maps each name to those of its value."""
    pieces: list[str | pl.Expr] = []
    for name, value in members.items():
        pieces += ["," if pieces else "{", json.dumps(name) + ":", *value]
    return [*pieces, "}"]


def text_of(pieces: Pieces) -> pl.Expr:
    """An expression of the pieces put together, neighbors that are the same in every row as one."""
    parts: list[pl.Expr] = []
    same = ""
    for piece in pieces:
        if isinstance(piece, str):
            same += piece
        else:
            parts += [pl.lit(same), piece]
            same = ""
    return pl.concat_str([*parts, pl.lit(same)])


def number(name: str) -> Pieces:
    """A whole number."""
    return [pl.col(name).cast(pl.String)]


def flag(name: str) -> Pieces:
    """`true` or `false`."""
    return [pl.when(pl.col(name)).then(pl.lit("true")).otherwise(pl.lit("false"))]


def text(name: str) -> Pieces:
    """A text of the catalog, in which the only character JSON escapes could be a quote or a backslash."""
    escaped = pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return ['"', escaped, '"']


def word(name: str) -> Pieces:
    """A text without a character that JSON escapes."""
    return ['"', pl.col(name), '"']


def money(name: str) -> Pieces:
    """Cents as a decimal string with two decimals."""
    cents = pl.col(name).abs()
    opening = pl.when(pl.col(name) < 0).then(pl.lit('"-')).otherwise(pl.lit('"'))
    return [opening, (cents // 100).cast(pl.String), pl.lit(_DECIMALS).gather(cents % 100)]


def moment(name: str) -> Pieces:
    """Unix seconds as RFC 3339 in UTC."""
    day = (pl.col(name) // _DAY).map_batches(_dates, return_dtype=pl.String)
    seconds = pl.col(name) % _DAY
    hour, minute, second = seconds // _HOUR, seconds % _HOUR // _MINUTE, seconds % _MINUTE
    return ['"', day, "T", _two_digits(hour), ":", _two_digits(minute), ":", _two_digits(second), 'Z"']


def _dates(days: pl.Series) -> pl.Series:
    """Days since 1970 as dates, each written once: the rows of a page lie on few days."""
    first, last = cast("int", days.min() or 0), cast("int", days.max() or 0)
    known = pl.int_range(first, last + 1, eager=True, dtype=pl.Int32).cast(pl.Date).cast(pl.String)
    return known.gather(days - first)


def _two_digits(small: pl.Expr) -> pl.Expr:
    return pl.lit(_TWO_DIGITS).gather(small)
