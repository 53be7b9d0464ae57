"""Files with wrong cells go back to their senders, in the inbox: `top_up_2026-11-01.errors.xlsx` next to the file.

The copy has the same cells at the same places, the wrong ones red, each with a comment, and after the last column a
sentence for each row. A sheet before them says what to do. The sender corrects the copy and saves it where it is: once
its content has changed, the next run takes it as a file for the same period.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from openpyxl import Workbook as NewWorkbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import column_index_from_string, get_column_letter

from ingestion.deliveries.header import normal
from ingestion.deliveries.inbox import ERRORS, Inbox
from ingestion.spreadsheets.cells import Row
from ingestion.spreadsheets.workbook import open_workbook
from loaders.dataset import DATASETS
from loaders.shaping import RowDecoder
from medallion.bronze.reader import read_blocks
from medallion.database import transaction
from medallion.entities.registry import DELIVERED
from medallion.errors import InboxUnreadable, NothingToDo, WorkbookRefused
from medallion.state.deliveries import deliveries, note_copy, note_returned, sightings
from medallion.state.receipts import Receipt
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from openpyxl.worksheet._write_only import WriteOnlyWorksheet
    from psycopg2.extensions import connection

    from ingestion.spreadsheets.workbook import Cell, Workbook
    from medallion.settings import Settings
    from medallion.state.deliveries import Delivery

    # What is wrong in a row, by the letter of its column; an empty letter stands for a cell that is not there.
    Wrong = dict[tuple[str, int], list[tuple[str, str]]]

_SQL = Statements(__file__)
_RED, _BOLD = PatternFill("solid", fgColor="FFF4B6B6"), Font(bold=True)
_AUTHOR = "retail"
_GUIDE, _SENTENCES = "How to correct it", "What is wrong"
_WIDE = 90
_MOST_SENTENCES = 1_000
_LONGEST = 32_000  # characters that a cell can hold


@dataclass(frozen=True)
class Returned:
    """The files that went back, by the name of the copy, and why others did not."""

    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for a person."""
        went = f"{counted(len(self.files), 'file')} returned to their senders"
        return "; ".join([f"{went}: {', '.join(self.files)}" if self.files else went, *self.notes])


def return_files(conn: connection, settings: Settings, *, run_id: str) -> Returned:
    """Return each file that has rows in quarantine or was refused, once, into its folder of the inbox.

    Raises NothingToDo where no file is wrong. An inbox that cannot be written to is noted and fails nothing.
    """
    del run_id
    files, notes = list[str](), list[str]()
    for name in DELIVERED:
        with transaction(conn):
            waiting = {number for (number,) in _SQL.rows(conn, "to_return", {"entity": name})}
            found = [one for one in deliveries(conn, name) if one.delivery_id in waiting]
        inbox = Inbox.open(settings.inbox_location, name, 0)
        for one in found:
            try:
                files.append(_return(conn, settings, inbox, one))
            except InboxUnreadable as error:
                notes.append(f"{one.name} stays: {error.message}")
    if not files and not notes:
        raise NothingToDo("no file is wrong", remedy="nothing to do")
    return Returned(tuple(files), tuple(notes))


def _return(conn: connection, settings: Settings, inbox: Inbox, delivery: Delivery) -> str:
    wrong = _wrong_cells(conn, settings, delivery)
    with tempfile.TemporaryDirectory(prefix="retail-returned-") as folder:
        original = Path(folder) / PurePosixPath(delivery.name).name
        sha256, _ = inbox.fetch(delivery.name, original)
        layout = DELIVERED[delivery.entity].layout
        totals = layout.totals if layout else ()
        content = marked_copy(delivery, original if sha256 == delivery.sha256 else None, wrong, totals)
    name = name_of_copy(delivery.name)
    _require_no_work_of_others(conn, inbox, delivery, name)
    with transaction(conn):
        note_copy(conn, delivery.delivery_id, hashlib.sha256(content).hexdigest())
    inbox.put(name, content)
    with transaction(conn):
        note_returned(conn, delivery.delivery_id)
    return name


def name_of_copy(name: str) -> str:
    """The name of the marked copy: `a.errors.xlsx` of `a.xlsx` and of itself, `a.csv.errors.xlsx` of `a.csv`."""
    path = PurePosixPath(name)
    stem = path.stem if path.suffix.lower() in (".xlsx", ".xlsm") else path.name
    return f"{stem.removesuffix(ERRORS)}{ERRORS}.xlsx"


def _require_no_work_of_others(conn: connection, inbox: Inbox, delivery: Delivery, name: str) -> None:
    """Raise InboxUnreadable where a file of that name is neither a copy of ours nor one that was read already."""
    with transaction(conn):
        ours = {one.returned_sha256 for one in deliveries(conn, delivery.entity)}
        read = sightings(conn, delivery.entity).get(name)
    if name != delivery.name and not inbox.holds(name):
        return
    with tempfile.TemporaryDirectory(prefix="retail-returned-") as folder:
        sha256, _ = inbox.fetch(name, Path(folder) / "there")
    if sha256 not in ours and sha256 != read:
        raise InboxUnreadable(
            f"{name} was saved and not read yet", remedy="nothing to do: the next run reads it before it returns files"
        )


def _wrong_cells(conn: connection, settings: Settings, delivery: Delivery) -> Wrong:
    """What is wrong with each row of a delivery that landed, by today's rules."""
    decoder = DATASETS[delivery.entity].decoder
    if delivery.path is None or not isinstance(decoder, RowDecoder):
        return {}
    with transaction(conn):
        receipt = Receipt(*_SQL.one(conn, "receipt", {"path": delivery.path}))
    found: Wrong = {}
    for block in read_blocks(settings.bronze_location, receipt, settings.load_chunk_bytes):
        for line in block.splitlines():
            sheet, row, cells = decoder.complaints(line)
            if cells:
                found[sheet, row] = cells
    return found


def marked_copy(delivery: Delivery, original: Path | None, wrong: Wrong, totals: Sequence[str] = ()) -> bytes:
    """The workbook that goes back: what to do, then the file's sheets with their wrong cells marked.

    Without the original, or with one that cannot be opened, it has the first sheet alone.
    """
    book = NewWorkbook(write_only=True)
    _guide(book, delivery, wrong)
    if original is not None:
        with suppress(WorkbookRefused), open_workbook(original) as read:
            _copy(book, read, wrong, totals)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def _guide(book: NewWorkbook, delivery: Delivery, wrong: Wrong) -> None:
    sheet = book.create_sheet(_GUIDE)
    sheet.column_dimensions["A"].width = _WIDE
    lines = [
        f"{delivery.name}: {delivery.reason or _not_loaded(wrong)}",
        delivery.remedy or "",
        "Correct the red cells on the other sheets, and save this file where it is: the next run takes it.",
        f"The column “{_SENTENCES}” and this sheet may stay; they are not read.",
        "",
    ]
    said = [f"{place}!{letter}{row}: {text}" for (place, row), cells in wrong.items() for letter, text in cells]
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
        rows = list(read.rows(one.name)) if one.cells else []
        last = max((column_index_from_string(row.cells[-1].column) for row in rows if row.cells), default=0)
        sheet.column_dimensions[get_column_letter(last + 1)].width = _WIDE
        written = 0
        for row in rows:
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
