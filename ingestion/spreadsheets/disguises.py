"""What a file that is named like a workbook really is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet
    from zipfile import ZipFile

_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")  # the name of a stream in the directory of an OLE2 file
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|table|meta)\b", re.IGNORECASE)
_STARTS = {
    b"%PDF": "it is a PDF, not a workbook",
    b"\x1f\x8b": "it is a gzip file, not a workbook",
    b"{\\rtf": "it is an RTF document, not a workbook",
}
_ZIPS = {
    "xl/workbook.bin": "it is a binary workbook (.xlsb), not .xlsx",
    "word/document.xml": "it is a Word document (.docx), not a workbook",
    "ppt/presentation.xml": "it is a presentation (.pptx), not a workbook",
    "index/document.iwa": "it is a document of Numbers, not .xlsx",
}


def what_else_it_is(start: bytes, pieces: Iterable[bytes]) -> str:
    """What a file that is not a zip is, by its first bytes; `pieces` are all of its bytes, overlapping a little."""
    if start.startswith(_OLE2):
        if any(_ENCRYPTED in piece for piece in pieces):
            return "it has a password (it is encrypted)"
        return "it is an old Excel file (.xls), not .xlsx"
    for signature, finding in _STARTS.items():
        if start.startswith(signature):
            return finding
    return _which_text(start)


def which_zip_it_is(archive: ZipFile, names: AbstractSet[str]) -> str:
    """What a zip without a workbook of XML is. Raises what reading the archive raises."""
    for name, finding in _ZIPS.items():
        if name in names:
            return finding
    if "mimetype" in archive.namelist():
        with archive.open("mimetype") as stream:
            if b"opendocument" in stream.read(200):
                return "it is an OpenDocument file (.ods), not .xlsx"
    return "it is a zip, but no workbook is in it"


def _which_text(start: bytes) -> str:
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"Excel.Sheet" in text or b"urn:schemas-microsoft-com:office:spreadsheet" in text:
        return "it is an XML spreadsheet of Excel 2003, not .xlsx"
    if _HTML.match(text):
        return "it is an HTML page, not a workbook"
    if start.startswith(_UTF_16) or b"\0" not in start:
        return "it is text, such as CSV, not a workbook"
    return "it is not a zip, so not .xlsx: it is damaged, or another kind of file"
