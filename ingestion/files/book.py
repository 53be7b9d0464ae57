"""What a reader of any kind of file offers: its sheets, and the rows of each as they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.spreadsheets.cells import Row, Sheet

NAMELESS = ""  # the one sheet of a file whose kind knows no sheets


class Book(Protocol):
    """An open file.

    A file without sheets has one, `NAMELESS`. One whose values have names and no letters begins with a row 0, which
    holds the names; the column of a cell is its name after a dot there: `.amount`.
    """

    @property
    def sheets(self) -> tuple[Sheet, ...]:
        """Its sheets, each with the exact number of its cells that hold something, counted before any row is read."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What its sender should know, though nothing is wrong with it."""

    def rows(self, sheet_name: str, /) -> Iterator[Row]:
        """The rows of a sheet that hold something, top to bottom. Raises DataQualityError."""
