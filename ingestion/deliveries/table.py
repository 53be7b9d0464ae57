"""The rows of a workbook that are data, as Bronze lines: each cell with its place, its kind and its value, unchanged.

Every cell of a sheet is accounted for: it belongs to a title, the header, a row of data, a total, or lies outside of
the table. What a cell means is decided later, by the types of the columns (`loaders.shaping`). A row that adds up the
others is no data: it is compared with them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import msgspec

from ingestion.deliveries.header import SEARCHED, find_header, normal, words_of
from medallion.cell_values import CellRefused, reader_of
from medallion.errors import DeliveryRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ingestion.deliveries.header import Header
    from ingestion.spreadsheets.workbook import Row, Sheet, Workbook
    from medallion.entities.column_types import ColumnType
    from medallion.entities.layout import Layout

    Cell = tuple[str, str, Any]

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True)
class Origin:
    """The file that rows come from: the id of its delivery, its period and its name."""

    delivery_id: int
    period: str
    file: str


@dataclass
class TableReading:
    """Reads the tables of a workbook. The counts are those of the rows that `lines` has given so far."""

    layout: Layout
    columns: Mapping[str, ColumnType]
    origin: Origin
    rows: int = 0
    cells: int = 0
    other_cells: int = 0
    notes: list[str] = field(default_factory=list)

    def lines(self, book: Workbook) -> Iterator[bytes]:
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
            self.notes.append(f"the sheet {sheet.name!r} has another content: it is not read")
            return None
        if header.twice:
            raise self._refused(
                f"{sheet.name}: two columns are the same one: {', '.join(header.twice)}",
                "remove one of them, or give it another name",
            )
        if header.missing:
            raise self._refused(
                f"{sheet.name}: row {header.row} is the header, and it lacks {', '.join(header.missing)}",
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
                f"{sheet.name}: {sheet.cells:,} cells are filled in, and {seen:,} could be read",
                "save the file again as .xlsx, and deliver it again",
            )
        if outside:
            self.notes.append(f"{sheet.name}: {outside:,} cells outside of the table are not read")
        if header.others:
            self.notes.append(f"{sheet.name}: columns without a declaration: {', '.join(header.others.values())}")
        if wrong := totals.disagreement():
            raise self._refused(f"{sheet.name}: {wrong}", "correct the rows or the total, and deliver the file again")
        self.notes += [f"{sheet.name}: {note}" for note in totals.notes]

    def _divided(self, row: Row, header: Header) -> tuple[dict[str, Cell], dict[str, Cell]]:
        known: dict[str, Cell] = {}
        others: dict[str, Cell] = {}
        for cell in row.cells:
            placed = (cell.column, cell.kind, cell.value)
            if name := header.columns.get(cell.column):
                known[name] = placed
            else:
                others[header.others.get(cell.column, cell.column)] = placed
        return known, others

    def _is_total(self, row: Row, known: Mapping[str, Cell]) -> bool:
        """Whether a row adds up the others: it begins with such a word, and has one of the totals or nothing else."""
        first = row.cells[0]
        is_named = first.kind == "s" and normal(first.value) in self.layout.totals
        return is_named and (len(known) == 1 or any(name in known for name in self.layout.totaled))

    def _is_header_again(self, known: Mapping[str, Cell], header: Header) -> bool:
        """Whether a row repeats the header, as it does at the top of each printed page."""
        if len(known) != len(header.columns) or any(kind != "s" for _, kind, _ in known.values()):
            return False
        return all(normal(value) in words_of(name, self.layout) for name, (_, _, value) in known.items())

    def _line(self, sheet: str, number: int, known: Mapping[str, Cell], others: Mapping[str, Cell]) -> bytes:
        line = {
            "delivery_id": self.origin.delivery_id,
            "period": self.origin.period,
            "file": self.origin.file,
            "sheet": sheet,
            "row": number,
            "cells": known,
        }
        return _encode(line | {"others": others} if others else line)

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


def _amount(read: Any, cell: Sequence[Any] | None) -> Decimal | None:
    if cell is None:
        return None
    try:
        return Decimal(read(cell[1], cell[2]))
    except CellRefused:
        return None
