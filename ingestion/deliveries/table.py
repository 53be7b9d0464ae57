"""The rows of a file that are data, as Bronze lines: each cell with its place, its kind and its value, unchanged.

Every cell of a sheet is accounted for: it belongs to a title, the header, a row of data, a total, or lies outside of
the table. What a cell means is decided later, by the types of the columns (`loaders.shaping`). A row that adds up the
others is no data: it is compared with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING

import msgspec

from ingestion.deliveries.header import SEARCHED, find_header
from ingestion.files.names import normal, words_of
from medallion.cell_values import CellRefused, reader_of
from medallion.errors import DeliveryRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingestion.deliveries.header import Header
    from ingestion.files.book import Book
    from ingestion.spreadsheets.cells import Cell, Row, Sheet
    from medallion.cell_values import Read
    from medallion.entities.column_types import ColumnType
    from medallion.entities.layout import Layout

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Origin:
    """The file that rows come from: the id of its delivery, its period and its name."""

    delivery_id: int
    period: str
    file: str


@dataclass
class TableReading:
    """Reads the tables of a file. The counts are those of the rows that `lines` has given so far."""

    layout: Layout
    columns: Mapping[str, ColumnType]
    origin: Origin
    rows: int = 0
    cells: int = 0
    other_cells: int = 0
    notes: list[str] = field(default_factory=list)
    _starts: dict[str, bytes] = field(default_factory=dict, repr=False)
    _words: Mapping[str, set[str]] = field(init=False, repr=False)
    _totals: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._words = {name: words_of(name, self.layout) for name in self.columns}
        self._totals = frozenset(self.layout.totals)

    def lines(self, book: Book) -> Iterator[bytes]:
        """The rows of data of every sheet that is the table. Raises DeliveryRefused where none is, or nearly one."""
        found = False
        for sheet in book.sheets:
            if not sheet.cells:
                continue
            rows = book.rows(sheet.name)
            first = list(islice(rows, SEARCHED))
            if (header := self._header(sheet, first)) is None:
                continue
            found = True
            yield from self._of_sheet(sheet, header, chain(first, rows))
        if not found:
            raise self._refused(
                "no sheet has a header with the columns " + ", ".join(self.columns),
                "put the names of all columns into one of the first 20 rows; ./retail contract show says which",
            )

    def _header(self, sheet: Sheet, first: Sequence[Row]) -> Header | None:
        """The header of a sheet that is the table; None for another sheet, which is noted."""
        header = find_header(first, self.layout, list(self.columns))
        if not sheet.is_visible:
            self.notes.append(f"the sheet {sheet.name!r} is hidden: it is not read")
            return None
        if header is None or not (header.is_whole or header.is_near):
            self.notes.append(f"{_named(sheet)} has another content: it is not read")
            return None
        if header.twice:
            raise self._refused(
                f"{_of(sheet)}two columns are the same one: {', '.join(header.twice)}",
                "remove one of them, or give it another name",
            )
        if header.missing:
            raise self._refused(
                f"{_of(sheet)}{_place(header)} lacks {', '.join(header.missing)}",
                "name the column as before, or as ./retail contract show lists it",
            )
        return header

    def _of_sheet(self, sheet: Sheet, header: Header, rows: Iterable[Row]) -> Iterator[bytes]:
        totals = Totals(self.layout, self.columns)
        seen = outside = 0
        for row in rows:
            seen += len(row.cells)
            if row.number <= header.row:
                continue
            known, others = self._divided(row, header)
            if not known:
                outside += len(others)
            elif self._is_total(row, known):
                totals.compare(row.number, known)
            elif not self._is_header_again(known, header):
                totals.add(known)
                self.rows += 1
                self.cells += len(known)
                self.other_cells += len(others)
                yield self._line(sheet.name, row.number, known, others)
        if seen != sheet.cells:
            raise self._refused(
                f"{_of(sheet)}{sheet.cells:,} cells are filled in, and {seen:,} could be read",
                "save the file again, and deliver it again",
            )
        if outside:
            self.notes.append(f"{_of(sheet)}{outside:,} cells outside of the table are not read")
        if header.others:
            self.notes.append(f"{_of(sheet)}columns without a declaration: {', '.join(header.others.values())}")
        if wrong := totals.disagreement():
            raise self._refused(f"{_of(sheet)}{wrong}", "correct the rows or the total, and deliver the file again")
        self.notes += [f"{_of(sheet)}{note}" for note in totals.notes]

    def _divided(self, row: Row, header: Header) -> tuple[dict[str, Cell], dict[str, Cell]]:
        known: dict[str, Cell] = {}
        others: dict[str, Cell] = {}
        for cell in row.cells:
            if name := header.columns.get(cell.column):
                known[name] = cell
            else:
                others[header.others.get(cell.column, cell.column)] = cell
        return known, others

    def _is_total(self, row: Row, known: Mapping[str, Cell]) -> bool:
        """Whether a row adds up the others: it begins with such a word, and has one of the totals or nothing else."""
        first = row.cells[0]
        is_named = first.kind == "s" and normal(first.value) in self._totals
        return is_named and (len(known) == 1 or any(name in known for name in self.layout.totaled))

    def _is_header_again(self, known: Mapping[str, Cell], header: Header) -> bool:
        """Whether a row repeats the header, as it does at the top of each printed page."""
        if len(known) != len(header.columns):
            return False
        return all(cell.kind == "s" and normal(cell.value) in self._words[name] for name, cell in known.items())

    def _line(self, sheet: str, number: int, known: Mapping[str, Cell], others: Mapping[str, Cell]) -> bytes:
        start = self._starts.get(sheet) or self._starts.setdefault(sheet, self._start(sheet))
        cells = b'%b"row":%d,"cells":%b' % (start, number, _encode(known))
        return b'%b,"others":%b}' % (cells, _encode(others)) if others else cells + b"}"

    def _start(self, sheet: str) -> bytes:
        """What all lines of a sheet begin with."""
        origin = self.origin
        start = {"delivery_id": origin.delivery_id, "period": origin.period, "file": origin.file, "sheet": sheet}
        return _encode(start)[:-1] + b","

    def _refused(self, what: str, remedy: str) -> DeliveryRefused:
        return DeliveryRefused(f"{self.origin.file}: {what}", remedy=remedy)


class Totals:
    """Compares the rows that add up the others with them."""

    def __init__(self, layout: Layout, columns: Mapping[str, ColumnType]) -> None:
        self._read = {name: reader_of(columns[name], layout, name) for name in layout.totaled}
        self._sums = dict.fromkeys(layout.totaled, Decimal(0))
        self._unknown: set[str] = set()
        self._wrong: list[str] = []
        self.notes: list[str] = []

    def add(self, known: Mapping[str, Cell]) -> None:
        """Add a row. One whose amount cannot be read leaves its sum unknown."""
        for name, read in self._read.items():
            if (amount := _amount(read, known.get(name))) is None:
                self._unknown.add(name)
            else:
                self._sums[name] += amount

    def compare(self, number: int, known: Mapping[str, Cell]) -> None:
        """Compare a row of totals with the rows before it."""
        for name, read in self._read.items():
            if name not in known:
                continue
            total = _amount(read, known[name])
            if name in self._unknown:
                self.notes.append(f"the total of {name} in row {number} was not compared: a row has no readable one")
            elif total != self._sums[name]:
                said = "nothing readable" if total is None else f"{total:,}"
                self._wrong.append(
                    f"the total in row {number} says {said} for {name}, and the rows add up to {self._sums[name]:,}"
                )

    def disagreement(self) -> str:
        """What is wrong; empty if nothing is."""
        return "; ".join(self._wrong)


def _of(sheet: Sheet) -> str:
    """Where something is, before what it is; nothing for a file without sheets."""
    return f"{sheet.name}: " if sheet.name else ""


def _named(sheet: Sheet) -> str:
    return f"the sheet {sheet.name!r}" if sheet.name else "the file"


def _place(header: Header) -> str:
    return f"row {header.row} is the header, and it" if header.row else "the list of its columns"


def _amount(read: Read, cell: Cell | None) -> Decimal | None:
    if cell is None:
        return None
    try:
        return Decimal(read(cell.kind, cell.value))
    except CellRefused:
        return None
