"""The marked copy of a file: its cells at their places, the wrong ones red, and sentences for its sender."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from openpyxl import Workbook as NewWorkbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils import column_index_from_string, get_column_letter

from ingestion.files.names import normal
from ingestion.spreadsheets.cells import Row
from ingestion.spreadsheets.workbook import open_workbook
from loaders.shaping import address_of
from medallion.errors import WorkbookRefused
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

    from ingestion.spreadsheets.workbook import Cell, Workbook
    from medallion.state.deliveries import Delivery

    # What is wrong in a row, by sheet and number: the letter of each column, with a sentence. An empty letter stands
    # for a cell that is not there.
    Wrong = dict[tuple[str, int], list[tuple[str, str]]]

_RED = PatternFill("solid", fgColor="FFF4B6B6")
_AUTHOR = "retail"
_GUIDE, _SENTENCES = "How to correct it", "What is wrong"
_WIDE = 90
_MOST_SENTENCES = 1_000
_LONGEST = 32_000  # characters that a cell can hold


def marked_copy(delivery: Delivery, original: Path | None, wrong: Wrong, totals: Sequence[str] = ()) -> bytes:
    """The workbook that goes back: what to do, then the file's sheets with their wrong cells marked.

    Without the original, or with one that is no workbook or cannot be read to its end, it has the first sheet alone.
    """
    if original is not None:
        with suppress(WorkbookRefused), open_workbook(original) as read:
            return _made(delivery, wrong, read, totals)
    return _made(delivery, wrong, None, totals)


def _made(delivery: Delivery, wrong: Wrong, read: Workbook | None, totals: Sequence[str]) -> bytes:
    book = NewWorkbook(write_only=True)
    here = (
        "Correct the red cells on the other sheets, and save this file where it is: the next run takes it.",
        f"The column “{_SENTENCES}” and this sheet may stay; they are not read.",
    )
    there = (f"Correct {PurePosixPath(delivery.name).name}, and save it where it is: the next run takes it.",)
    _guide(book, delivery, wrong, there if read is None else here)
    if read is not None:
        _copy(book, read, wrong, totals)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _guide(book: NewWorkbook, delivery: Delivery, wrong: Wrong, how: Sequence[str]) -> None:
    sheet = book.create_sheet(_GUIDE)
    sheet.column_dimensions["A"].width = _WIDE
    lines = [
        f"{delivery.name}: {delivery.reason or _not_loaded(wrong)}",
        delivery.remedy or "",
        *how,
        "",
    ]
    said = [f"{address_of(place, row, at)}: {text}" for (place, row), cells in wrong.items() for at, text in cells]
    for line in [*lines, *said[:_MOST_SENTENCES]]:
        sheet.append([_text(sheet, line)])
    if len(said) > _MOST_SENTENCES:
        sheet.append([f"and {len(said) - _MOST_SENTENCES:,} more"])


def _copy(book: NewWorkbook, read: Workbook, wrong: Wrong, totals: Sequence[str]) -> None:
    """Copy the sheets. A total of a column with a wrong cell is left out: as a constant, it would stay wrong."""
    letters = {letter for cells in wrong.values() for letter, _ in cells}
    for one in read.sheets:
        sheet = book.create_sheet(one.name if one.name != _GUIDE else f"{_GUIDE} (2)")
        if not one.is_visible:
            sheet.sheet_state = "hidden"
        # Read twice: a sheet may be too large to be held.
        ends = (column_index_from_string(row.cells[-1].column) for row in read.rows(one.name))
        last = max(ends, default=0)
        sheet.column_dimensions[get_column_letter(last + 1)].width = _WIDE
        written = 0
        for row in read.rows(one.name):
            for _ in range(written + 1, row.number):
                sheet.append([])
            written = row.number
            complaints = wrong.get((one.name, row.number), [])
            is_total = not complaints and row.cells[0].kind == "s" and normal(row.cells[0].value) in totals
            kept = [cell for cell in row.cells if not (is_total and cell.column in letters)]
            sheet.append(_row(sheet, Row(row.number, tuple(kept)), last, complaints))


def _row(
    sheet: WriteOnlyWorksheet, row: Row, last: int, complaints: Sequence[tuple[str, str]]
) -> list[WriteOnlyCell | None]:
    said = dict(complaints)
    cells: list[WriteOnlyCell | None] = [None] * (last + 1 if complaints else last)
    for cell in row.cells:
        cells[column_index_from_string(cell.column) - 1] = _cell(sheet, cell, said)
    if complaints:
        cells[last] = _text(sheet, "; ".join(text for _, text in complaints))
        cells[last].fill = _RED  # type: ignore[union-attr]
    return cells


def _cell(sheet: WriteOnlyWorksheet, cell: Cell, said: Mapping[str, str]) -> WriteOnlyCell:
    if cell.kind == "d":
        moment = datetime.fromisoformat(str(cell.value))
        made = WriteOnlyCell(sheet, moment)
        made.number_format = "yyyy-mm-dd" if "T" not in str(cell.value) else "yyyy-mm-dd hh:mm:ss"
    elif cell.kind in "nb":
        made = WriteOnlyCell(sheet, cell.value)
    elif cell.kind == "e":  # as text, it would be a value
        made = WriteOnlyCell(sheet, str(cell.value))
        made.data_type = "e"
    elif cell.kind == "f":  # its value was not saved, and is not known
        made = WriteOnlyCell(sheet, None)
    else:
        made = _text(sheet, str(cell.value))
    if cell.column in said:
        made.fill = _RED
        made.comment = Comment(said[cell.column], _AUTHOR)
    return made


def _text(sheet: WriteOnlyWorksheet, text: str) -> WriteOnlyCell:
    """A cell of text: what looks like a formula or a number stays text."""
    made = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", text)[:_LONGEST])
    made.data_type = "s"
    made.number_format = "@"
    return made


def _not_loaded(wrong: Wrong) -> str:
    return f"{counted(len(wrong), 'row')} not loaded"
