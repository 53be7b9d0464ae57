"""The rows of an NDJSON file: each line an object, each value a cell under its key.

A line that is no object, or has a key twice, is a row with one cell, an error, under the first column of the entity:
the load sets that row apart with its place, and the other rows of the file count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.files.book import NAMELESS
from ingestion.files.encodings import UTF_8, checked_utf8, encoding_of
from ingestion.files.json_lines import LineRefused, cell_of, holds_something, object_of
from ingestion.files.names import normal
from ingestion.files.packed import SMALLER
from ingestion.spreadsheets.cells import Cell, Row, Sheet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingestion.files.packed import Packed

_BLANK = b" \t\r\n"


class NdjsonBook:
    """An open NDJSON file. Opening it reads it once: for its keys, and to count its values. Raises DeliveryRefused."""

    notes = ()

    def __init__(self, file: Packed, known: Mapping[str, str]) -> None:
        self._file, self._encoding = file, encoding_of(file, file.start(), UTF_8)
        self._columns = dict[str, str]()  # by key
        cells = self._survey()
        self._at_fault = next((one for key, one in self._columns.items() if normal(key) in known), ".line")
        self.sheets = (Sheet(NAMELESS, is_visible=True, cells=cells + len(self._columns), merged=()),)

    def rows(self, sheet_name: str) -> Iterator[Row]:
        """Its keys as row 0, then its lines that are not blank. Raises KeyError for a sheet: it has none."""
        if sheet_name != NAMELESS:
            raise KeyError(sheet_name)
        yield Row(0, tuple(Cell(column, "s", key) for key, column in self._columns.items()))
        columns = self._columns
        for number, line in self._lines():
            try:
                found = object_of(line)
            except LineRefused as refused:
                yield Row(number, (self._broken(line, refused),))
                continue
            cells = tuple([cell for key, value in found.items() if (cell := cell_of(columns[key], value))])
            if cells:
                yield Row(number, cells)

    def _survey(self) -> int:
        """Collect the keys, and count the values that hold something."""
        limits, columns, cells, rows = self._file.limits, self._columns, 0, 0
        for number, line in self._lines():
            rows += 1
            try:
                found = object_of(line)
            except LineRefused:
                cells += 1
                continue
            cells += sum(map(holds_something, found.values()))
            if not found.keys() <= columns.keys():
                columns |= {key: f".{key}" for key in found if key not in columns}
            if len(columns) > limits.most_columns:
                raise self._file.refused(f"line {number:,}: more than {limits.most_columns:,} keys differ", SMALLER)
            if rows > limits.most_rows or cells > limits.most_cells:
                finding = f"it has more than {limits.most_rows:,} rows or {limits.most_cells:,} values"
                raise self._file.refused(finding, SMALLER)
        return cells

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """The lines that are not blank, with their numbers, as UTF-8."""
        return ((number, line) for number, line in enumerate(self._split(), 1) if line.strip(_BLANK))

    def _split(self) -> Iterator[bytes]:
        pieces: Iterable[bytes] = checked_utf8(self._file, self._encoding)
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        yield rest

    def _broken(self, line: bytes, refused: LineRefused) -> Cell:
        return Cell(self._at_fault, "e", f"{refused} ({line.decode()})")
