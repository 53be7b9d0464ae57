"""Sheets, rows and cells as the file has them: no header, no type of a contract, nothing guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

Kind = Literal["s", "n", "b", "d", "t", "e", "f"]


class Cell(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A cell that holds something. `column` is its letters, `kind` says what `value` is. As JSON it is a list.

    - `s` text, as typed: leading zeros, no-break spaces and line breaks included
    - `n` a number: an int if it is whole and below 2**53, else a float. A file whose numbers are exact has those that a
      sheet could not keep, and all with decimals, as text: `9007199254740993`, `12.10`
    - `b` True or False
    - `d` a date or a moment without a zone: `2026-11-01`, or `2026-11-01T10:05:07.123`. Excel has one kind of both: a
      moment that is exactly midnight comes as a date
    - `t` a time of day or a duration: `HH:MM:SS`, with `.123` if it has a fraction. A duration may have more than 23
      hours (`30:00:00`) and a minus sign
    - `e` an error, by its name: `#N/A`
    - `f` a formula whose result the file does not have, by its text without `=` ("" if another cell holds the text)
    """

    column: str
    kind: Kind
    value: str | float | int | bool


class Row(msgspec.Struct, frozen=True, gc=False):
    """The cells of a row that hold something, left to right. `number` is the one that Excel shows, from 1."""

    number: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Sheet:
    """A sheet of cells; sheets that are charts are not among them. `cells` counts those that hold something.

    `merged` are ranges such as `A7:B8`: only the first cell of each can hold a value.
    """

    name: str
    is_visible: bool
    cells: int
    merged: tuple[str, ...]
