"""The sheets of a workbook and their rows, each sheet measured before the library may open it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zipfile import ZipFile

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from ingestion.spreadsheets.cells import Sheet
from ingestion.spreadsheets.guard import FROM_EXCEL, SMALLER
from ingestion.spreadsheets.negatives import add_negatives
from ingestion.spreadsheets.scan import Found, Scan, scan_sheet
from ingestion.spreadsheets.second_reader import add_missing
from ingestion.spreadsheets.sheet_list import SheetPart, read_sheet_list
from ingestion.spreadsheets.sheet_reader import SheetReader
from ingestion.spreadsheets.texts import empty_strings
from ingestion.spreadsheets.wire import CELLS_OF_LINE
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.spreadsheets.limits import Limits
    from ingestion.spreadsheets.wire import WireRow

_BYTES_OF_CELL = 32  # in the rectangle that the library makes, empty cells included
_UNREADABLE = (CalamineError, ArithmeticError, ValueError)


class BookReader:
    """A workbook that the guard has let in. Errors of the file are raised as WorkbookRefused."""

    cells_of_line = CELLS_OF_LINE

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._archive = ZipFile(path)
        try:
            self._list = read_sheet_list(self._archive)
        except KeyError as error:
            raise self._refused(f"a part of it is missing ({error})") from error
        self._empty = self._empty_strings()
        self._book: CalamineWorkbook | None = None
        self._found = dict[str, Found]()
        self._last: tuple[str, SheetReader] | None = None  # the sheet that is in memory

    def survey(self) -> tuple[Sheet, ...]:
        """The sheets, their cells counted."""
        names = [sheet.name for sheet in self._list.sheets]
        if len(names) > self._limits.most_sheets:
            raise self._refused(f"it has more than {self._limits.most_sheets:,} sheets", SMALLER)
        if len(set(names)) < len(names):
            raise self._refused("two of its sheets have the same name")
        return tuple(self._surveyed(sheet) for sheet in self._list.sheets)

    def rows(self, name: str) -> Iterator[WireRow]:
        """Rows of a sheet that was surveyed."""
        yield from self._reader(name).rows()

    def _surveyed(self, sheet: SheetPart) -> Sheet:
        with self._archive.open(sheet.part) as stream:
            scan = scan_sheet(stream, self._empty)
        self._check_size(sheet.name, scan)
        self._found[sheet.name] = scan.found
        cells = self._counted(sheet, scan) if scan.cells else 0
        return Sheet(sheet.name, sheet.is_visible, cells, tuple(scan.merged))

    def _check_size(self, name: str, scan: Scan) -> None:
        limits = self._limits
        if scan.last_row > limits.most_rows:
            raise self._refused(f"sheet {name} has a value in row {scan.last_row:,}, a row that cannot be", SMALLER)
        if scan.cells > limits.most_cells:
            raise self._refused(f"sheet {name} has more than {limits.most_cells:,} cells", SMALLER)
        if scan.width > limits.most_columns:
            raise self._refused(
                f"sheet {name} has a value in {scan.far_cell()}: more than {limits.most_columns:,} columns",
                f"delete that cell if it is not data, or {SMALLER}",
            )
        if scan.width * scan.height * _BYTES_OF_CELL > limits.memory // 2:
            raise self._refused(
                f"sheet {name} has {scan.cells:,} values spread over {scan.height:,} rows and {scan.width:,} columns, "
                f"as far as {scan.far_cell()} and row {scan.last_row:,}",
                f"delete the cells far away that are not data, or {SMALLER}",
            )

    def _counted(self, sheet: SheetPart, scan: Scan) -> int:
        """Count the cells that can be read. Raises WorkbookRefused if the file has more of them."""
        reader = self._reader(sheet.name)
        cells = reader.count()
        if reader.midnights:
            with self._archive.open(sheet.part) as stream:
                add_negatives(stream, reader.midnights, scan.found)
        if cells != scan.cells:
            known = reader.known()
            with self._path.open("rb") as file:
                add_missing(file, sheet.name, lambda row, column: (row, column) in known, scan.found)
            cells = reader.count()
        if cells < scan.cells:
            raise self._refused(f"sheet {sheet.name} has {scan.cells:,} cells, of which {cells:,} can be read")
        return cells

    def _reader(self, name: str) -> SheetReader:
        if self._last is None or self._last[0] != name:
            self._last = None  # its memory, before the next one takes some
            self._last = name, SheetReader(self._read(name), self._found[name])
        return self._last[1]

    def _read(self, name: str) -> CalamineSheet | None:
        """The sheet as the library reads it, None if it cannot: the second reader may."""
        try:
            if self._book is None:
                with self._path.open("rb") as file:
                    self._book = CalamineWorkbook.from_filelike(file)
            return self._book.get_sheet_by_name(name)
        except CalamineError:
            return None

    def _empty_strings(self) -> frozenset[bytes]:
        if self._list.shared_strings is None:
            return frozenset()
        with self._archive.open(self._list.shared_strings) as stream:
            return empty_strings(stream)

    def _refused(self, finding: str, remedy: str = FROM_EXCEL) -> WorkbookRefused:
        return WorkbookRefused(file=self._path.name, finding=finding, remedy=remedy)
