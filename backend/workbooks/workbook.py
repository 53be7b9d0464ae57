"""A sheet as the bytes of an .xlsx file: the same sheet and moment give the same bytes.

Not `Workbook.save`: it writes the moment of saving into the properties, and the zip file has that of each entry.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

if TYPE_CHECKING:
    from datetime import datetime

    from backend.workbooks.layouts import Sheet

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name
_AUTHOR = "Sample retailer"


def workbook_bytes(sheet: Sheet, saved_at: datetime) -> bytes:
    """The file of one sheet that a person saved at `saved_at` (UTC)."""
    workbook = Workbook(write_only=True)
    page = workbook.create_sheet(sheet.name)
    for line in sheet.lines():
        page.append(line)
    workbook.properties.creator = _AUTHOR
    workbook.properties.created = workbook.properties.modified = saved_at
    written = BytesIO()
    ExcelWriter(workbook, ZipFile(written, "w")).save()
    return _undated(written)


def _undated(written: BytesIO) -> bytes:
    """The same zip file, compressed, without the moments at which its entries were written."""
    content = BytesIO()
    with ZipFile(written) as source, ZipFile(content, "w") as target:
        for name in source.namelist():
            entry = ZipInfo(name, _EPOCH)
            target.writestr(entry, source.read(name), ZIP_DEFLATED)
    return content.getvalue()
