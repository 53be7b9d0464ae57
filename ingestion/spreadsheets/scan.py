"""The second opinion on a sheet: its XML as a stream, counted without the library that reads the cells.

The library gives nothing for an error, and nothing for a formula whose result was not saved. It also takes memory for
the whole rectangle between the first and the last value. So the scan counts the cells that hold something, keeps those
that the library leaves out, and measures the rectangle before the library opens the sheet.

Nearly all cells look alike: one expression takes them out of a piece of XML at once. A piece in which any other cell is
left is read cell by cell, which is right for whatever the format allows, and slower.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TypeAlias

from ingestion.spreadsheets.addresses import column_letters, column_number
from ingestion.spreadsheets.patterns import CHUNK, patterns_of_sheet, plain_cells
from ingestion.spreadsheets.texts import has_text, plain_text
from ingestion.spreadsheets.wire import WireCell

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from ingestion.spreadsheets.cells import Kind

Found: TypeAlias = dict[int, dict[int, WireCell]]  # what the library leaves out, by row and column
_LONGEST_ROW = 64_000_000  # bytes of XML


@dataclass
class Scan:
    """What the XML of a sheet holds. `columns` are those with a value, each with the first row that has one."""

    cells: int = 0
    first_row: int = 0
    last_row: int = 0
    columns: dict[int, int] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    found: Found = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Columns from the first to the last with a value."""
        return max(self.columns) - min(self.columns) + 1 if self.columns else 0

    @property
    def height(self) -> int:
        """Rows from the first to the last with a value."""
        return self.last_row - self.first_row + 1 if self.last_row else 0

    def far_cell(self) -> str:
        """The cell that is farthest to the right."""
        column = max(self.columns)
        return f"{column_letters(column)}{self.columns[column]}"

    def count(self, row: int, column: int) -> None:
        """Count a cell that holds something."""
        self.cells += 1
        self.columns.setdefault(column, row)
        self.reach(row)

    def reach(self, row: int) -> None:
        """A row holds something."""
        self.first_row = min(self.first_row or row, row)
        self.last_row = max(self.last_row, row)


def scan_sheet(stream: IO[bytes], empty_strings: AbstractSet[bytes]) -> Scan:
    """Scan the XML of a sheet. `empty_strings` are numbers of shared strings. Raises ValueError for a row too long."""
    start = stream.read(CHUNK)
    scanner = _Scanner(start, empty_strings)
    for part in _parts(start, stream, scanner.row_tag):
        scanner.take(part)
    return scanner.scan


class _Scanner:
    def __init__(self, start: bytes, empty_strings: AbstractSet[bytes]) -> None:
        self.scan = Scan()
        self._empty = empty_strings
        self._row = 0  # of the last row that has begun
        self._of = patterns_of_sheet(start)
        self._plain = plain_cells(self._of.prefix, (), empty_strings)
        self._known = 0  # columns that the expression for plain cells takes
        self.row_tag = self._of.row_tag

    def take(self, part: bytes) -> None:
        if self._of.merge_tag in part:
            self.scan.merged += [one.decode() for one in self._of.merged.findall(part)]
        if not self._take_plain(part):
            self._take_any(part)
        if self._known < len(self.scan.columns):
            self._plain = plain_cells(self._of.prefix, self.scan.columns, self._empty)
            self._known = len(self.scan.columns)

    def _take_plain(self, part: bytes) -> bool:
        """Count the cells of a part in which all are plain or without a value. False if it has others."""
        rest, plain = self._plain.subn(b"\0", part)
        if self._of.cell.search(rest) and self._of.cell.search(self._of.empty_cell.sub(b"", rest)):
            return False
        first, last, begun = (self._number(rest, at) for at in (rest.find(b"\0"), rest.rfind(b"\0"), len(rest)))
        if begun is None or (plain and not (first and last)):
            return False
        if plain and first and last:
            self.scan.cells += plain
            self.scan.reach(first)
            self.scan.reach(last)
        self._row = begun or self._row
        return True

    def _number(self, rest: bytes, at: int) -> int | None:
        """The number of the row whose tag is the last before `at`: 0 without any, None if the tag does not say."""
        tag = rest.rfind(self.row_tag, 0, max(at, 0))
        if tag < 0:
            return 0
        found = self._of.row_number.match(rest, tag)
        return int(found[1]) if found else None

    def _take_any(self, part: bytes) -> None:
        """Count the cells of a part one by one, whatever they look like."""
        column = 0
        for row_tag, cell_tag, body in self._of.any_cell.findall(part):
            if row_tag:
                found = self._of.row_of_tag.search(row_tag)
                self._row, column = int(found[1]) if found else self._row + 1, 0
                continue
            row, address = self._row, self._of.address.search(cell_tag)
            column += 1
            if address:
                column, row = column_number(address[1].decode().upper()), int(address[2])
            self._take_cell(row, column, cell_tag, body)

    def _take_cell(self, row: int, column: int, tag: bytes, body: bytes) -> None:
        kind = self._of.kind.search(tag)
        of, found = kind[1] if kind else b"n", self._of.value.search(body)
        value = found[1] or b"" if found else None
        left_out: tuple[Kind, str] | None = None
        if of == b"e" and value:
            left_out = "e", plain_text(value)
        elif self._is_filled(of, value, body):
            self.scan.count(row, column)
        elif (formula := self._of.formula.search(body)) and not (of == b"str" and value is not None):
            left_out = "f", plain_text(formula[1] or b"")
        if left_out:
            self.scan.count(row, column)
            self.scan.found.setdefault(row, {})[column] = WireCell(column_letters(column), *left_out)

    def _is_filled(self, of: bytes, value: bytes | None, body: bytes) -> bool:
        if of == b"inlineStr":
            return has_text(body)
        return bool(value) and not (of == b"s" and (value or b"").strip() in self._empty)


def _parts(start: bytes, stream: IO[bytes], row_tag: bytes) -> Iterator[bytes]:
    """The XML in parts of whole rows."""
    rest, chunk = start, start
    while chunk:
        cut = rest.rfind(row_tag, max(0, len(rest) - len(chunk) - len(row_tag)))
        if cut > 0:
            yield rest[:cut]
            rest = rest[cut:]
        elif len(rest) > _LONGEST_ROW:
            raise ValueError(f"a row is longer than {_LONGEST_ROW // 1_000_000} MB")
        chunk = stream.read(CHUNK)
        rest += chunk
    yield rest
