"""Raw rows of delivered files as records of their table: the cells by the types of their columns, with their place.

A Bronze line of a delivered entity is a row as it stood in the file, each cell with its column, its kind and its value.
It becomes a record here and nowhere else, so a rule or a layout that changes is applied to Bronze again, and the sender
is not asked. A row with a cell that is refused is refused whole; the reason names the cell as `file!Sheet!C17`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from medallion.cell_values import CellRefused, reader_of
from medallion.entities.entity import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medallion.cell_values import Read
    from medallion.entities.column_types import ColumnType
    from medallion.entities.layout import Layout


SHEETLESS = "rows"  # what Silver has for the sheet of a row whose file has none


class RawRow(msgspec.Struct, gc=False):
    """A row of a delivered file, as Bronze has it.

    `cells`: by the name of its column, where a cell stood, its kind and its value. `others`: cells under headers that
    the layout does not know, by header.
    """

    delivery_id: int
    period: str
    file: str
    sheet: str
    row: int
    cells: dict[str, tuple[str, str, Any]]
    others: dict[str, tuple[str, str, Any]] = {}

    def address(self, column: str) -> str:
        """A cell as its sender finds it, with the file: see `address_of`."""
        return address_of(self.sheet, self.row, column, file=self.file)


def address_of(sheet: str, row: int, column: str, *, file: str = "") -> str:
    """A cell as its sender finds it: `top_up_2026-11-01.xlsx!Nov!C17`, or `top_up_2026-11-01.csv!C17`.

    A column that has a name and no letters comes after its row: `top_up_2026-11-01.ndjson!17.amount`.
    """
    place = f"{row}{column}" if column.startswith(".") else f"{column}{row}"
    return "!".join(filter(None, (file, sheet, place)))


class RowRefused(msgspec.ValidationError):
    """A row that is no record. `field` is the column of the cell at fault."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class RowDecoder:
    """Decodes Bronze lines of raw rows to records of a table with these columns, as `msgspec.json.Decoder` would."""

    def __init__(self, record: type[msgspec.Struct], columns: Mapping[str, ColumnType], layout: Layout) -> None:
        self._record = record
        self._raw = msgspec.json.Decoder(RawRow)
        entered = {name: declared for name, declared in columns.items() if name not in PROVENANCE}
        self._readers = [(name, reader_of(declared, layout, name)) for name, declared in entered.items()]

    def decode_lines(self, text: bytes) -> list[Any]:
        """The records of all lines. Raises msgspec.DecodeError if one of them is none."""
        return [self._shaped(raw) for raw in self._raw.decode_lines(text)]

    def decode(self, line: bytes) -> Any:
        """The record of a line. Raises msgspec.DecodeError; RowRefused names the cell at fault."""
        return self._shaped(self._raw.decode(line))

    def complaints(self, line: bytes) -> tuple[str, int, list[tuple[str, str]]]:
        """Sheet and row of a line, and what is wrong with it: the letter of each bad cell with a sentence.

        The letter is empty for a cell that is not there. Raises msgspec.DecodeError for a line that is no row.
        """
        raw = self._raw.decode(line)
        found = list[tuple[str, str]]()
        for name, read in self._readers:
            if (cell := raw.cells.get(name)) is None:
                found.append(("", f"{name} is empty"))
                continue
            try:
                read(cell[1], cell[2])
            except CellRefused as refused:
                found.append((cell[0], f"{name} {refused}"))
        return raw.sheet, raw.row, found

    def texts(self, line: bytes, names: Sequence[str]) -> tuple[str, int, tuple[str, ...]]:
        """Sheet and row of a line, and its values of these columns as texts: what is refused, as it is in the file.

        Raises msgspec.DecodeError for a line that is no row.
        """
        raw = self._raw.decode(line)
        readers = dict(self._readers)
        return raw.sheet, raw.row, tuple(_text(readers[name], raw.cells.get(name)) for name in names)

    def _shaped(self, raw: RawRow) -> Any:
        values: dict[str, Any] = {
            "delivery_id": raw.delivery_id,
            "period": raw.period,
            "sheet": raw.sheet or SHEETLESS,
            "row_no": raw.row,
        }
        for name, read in self._readers:
            cell = raw.cells.get(name)
            if cell is None:
                raise RowRefused(f"{raw.address('')}: {name} is empty", name)
            try:
                values[name] = read(cell[1], cell[2])
            except CellRefused as refused:
                raise RowRefused(f"{raw.address(cell[0])}: {name} {refused}", name) from None
        return self._record(**values)


def _text(read: Read, cell: tuple[str, str, Any] | None) -> str:
    if cell is None:
        return ""
    try:
        return str(read(cell[1], cell[2]))
    except CellRefused:
        return str(cell[2])
