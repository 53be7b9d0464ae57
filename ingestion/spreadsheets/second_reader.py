"""The reader for what the first one leaves out. It is slow, so it reads only what the first one and the scan differ on.

It finds text in CDATA, and reads sheets that the first one refuses as a whole.
"""

from __future__ import annotations

import warnings
from typing import IO, TYPE_CHECKING

from ingestion.spreadsheets.addresses import column_letters
from ingestion.spreadsheets.values import other_cell
from ingestion.spreadsheets.wire import WireCell

if TYPE_CHECKING:
    from collections.abc import Callable

    from ingestion.spreadsheets.scan import Found


def add_missing(file: IO[bytes], sheet: str, is_known: Callable[[int, int], bool], found: Found) -> None:
    """Add the cells of a sheet that are not known yet, by row and column. Raises what openpyxl raises."""
    from openpyxl import load_workbook  # noqa: PLC0415 - slow to import, and seldom needed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of styles and extensions that it does not know
        book = load_workbook(file, read_only=True, data_only=True)
        try:
            page = book[sheet]
            page.reset_dimensions()  # what a file says of its own size may be wrong
            for row in page.iter_rows():
                for cell in row:
                    if cell.value in (None, "") or is_known(cell.row, cell.column):
                        continue
                    found.setdefault(cell.row, {})[cell.column] = _found(cell.column, cell.data_type, cell.value)
        finally:
            book.close()


def _found(column: int, kind: str, value: object) -> WireCell:
    letters = column_letters(column)
    return WireCell(letters, "e", str(value)) if kind == "e" else other_cell(letters, value)
