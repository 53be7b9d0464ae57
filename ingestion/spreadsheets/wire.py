"""What the process that reads sends to the one that asked: lines of JSON.

A line is a list of rows, or one of the messages below. A first line of any content asks for the survey. For each sheet
that is asked for, by a line with its name, rows follow, and the line that says that they are complete.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from ingestion.spreadsheets.cells import Kind, Sheet  # noqa: TC001 - msgspec reads the types at run time

CELLS_OF_LINE = 400  # the parent decodes lines ten times as long half as fast


class WireCell(msgspec.Struct, gc=False, array_like=True):
    """A `Cell`, cheap to make: the other side decodes it to that."""

    column: str
    kind: Kind
    value: str | float | int | bool


class WireRow(msgspec.Struct, gc=False):
    """A `Row`, cheap to make."""

    number: int
    cells: list[WireCell]


class Survey(msgspec.Struct, frozen=True, tag="survey"):
    """The sheets of the workbook."""

    sheets: tuple[Sheet, ...]


class Complete(msgspec.Struct, frozen=True, tag="complete"):
    """All rows of a sheet were sent; they have so many cells."""

    cells: int


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The workbook cannot be read: the arguments of WorkbookRefused."""

    finding: str
    remedy: str


Message: TypeAlias = Survey | Complete | Refused
