"""The cells of one sheet: those that the library reads, and those that it leaves out."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING

from ingestion.spreadsheets.addresses import column_letters, column_number
from ingestion.spreadsheets.values import cells_of_row
from ingestion.spreadsheets.wire import WireCell, WireRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from python_calamine import CalamineSheet

    from ingestion.spreadsheets.scan import Found

_MIDNIGHT = time()


class SheetReader:
    """Rows of a sheet that the library has read; None if it could not. `found` are cells that replace its own."""

    def __init__(self, sheet: CalamineSheet | None, found: Found) -> None:
        self._sheet, self._found = sheet, found
        self.midnights = set[tuple[int, int]]()  # row and column
        first = sheet.start[1] + 1 if sheet and sheet.start else 1
        self._first, self._letters = first, [column_letters(first + at) for at in range(sheet.width if sheet else 0)]

    def rows(self) -> Iterator[WireRow]:
        """Rows with a cell that holds something, top to bottom."""
        number, found = 0, self._found
        for number, values in self._values():
            cells = self._merged(number, values) if number in found else cells_of_row(self._letters, values)
            if cells:
                yield WireRow(number, cells)
        for below in sorted(row for row in found if row > number):
            yield WireRow(below, self._merged(below, []))

    def count(self) -> int:
        """How many cells hold something. Keeps in `midnights` which of them the library reads as midnight."""
        number, cells = 0, 0
        for number, values in self._values():
            cells += len(self._merged(number, values)) if number in self._found else len(values) - values.count("")
            if _MIDNIGHT in values:
                self.midnights.update((number, self._first + at) for at, one in enumerate(values) if one == _MIDNIGHT)
        return cells + sum(len(found) for row, found in self._found.items() if row > number)

    def known(self) -> set[tuple[int, int]]:
        """Row and column of the cells that hold something."""
        return {(row.number, column_number(cell.column)) for row in self.rows() for cell in row.cells}

    def _values(self) -> Iterator[tuple[int, Sequence[object]]]:
        """Number and values of each row, from the first of the sheet on."""
        return enumerate(self._sheet.iter_rows() if self._sheet and self._sheet.start else (), 1)

    def _merged(self, number: int, values: Sequence[object]) -> list[WireCell]:
        cells = {cell.column: cell for cell in cells_of_row(self._letters, values)}
        cells |= {cell.column: cell for cell in self._found.get(number, {}).values()}
        return sorted(cells.values(), key=lambda cell: column_number(cell.column))
