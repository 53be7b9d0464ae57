"""The look at a file before anything reads it as a workbook: nothing is extracted, and memory stays small.

Sizes that a zip declares may lie, so each part is unpacked once, in pieces that are counted and dropped. Names of parts
do no harm, as no part is written anywhere. Macros and links to other files are never followed.
"""

from __future__ import annotations

import copy
import re
import sys
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from ingestion.spreadsheets.disguises import what_else_it_is, which_zip_it_is
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.spreadsheets.limits import Limits

AS_XLSX = "save it as .xlsx without a password, and send it again"
SEND_AGAIN = "wait until it is saved and copied completely, then send it again"
SMALLER = "remove what is not data, or split it into smaller files, and send it again"
FROM_EXCEL = "open it in Excel, save it as .xlsx, and send it again"
WORKBOOK = "xl/workbook.xml"
_CHUNK = 1 << 18  # bytes
_HARMLESS = 16_000_000  # bytes of a part that may be packed at any ratio
_ENTRY = b"PK\x01\x02"  # of the directory of a zip
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others unpack any amount at once
_XML = (".xml", ".rels")
_DECLARATION = re.compile(rb"<!(?i:DOCTYPE|ENTITY)")
_ENCODING = re.compile(rb"""\A(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([^"']*)["']""")
_ENCODINGS = {b"utf-8", b"us-ascii", b"ascii"}
_OVERLAP = 64  # bytes of a piece that are looked at again with the next one
_DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


def check_file(path: Path, limits: Limits) -> bool:
    """Refuse what is not a workbook that can be read safely; returns whether it has macros. Raises WorkbookRefused."""
    try:
        with path.open("rb") as file:
            _check_bytes(path, file, limits)
            try:
                with zipfile.ZipFile(file) as archive:
                    return _check_parts(path, archive, limits)
            except _DAMAGES as error:
                finding = f"it is half copied or damaged ({error})"
                raise WorkbookRefused(file=path.name, finding=finding, remedy=SEND_AGAIN) from error
    except OSError as error:
        finding = f"it cannot be opened ({error.strerror or error})"
        raise WorkbookRefused(file=path.name, finding=finding, remedy="send it again") from error


def _check_bytes(path: Path, file: IO[bytes], limits: Limits) -> None:
    """Refuse by size and by what the bytes are. Leaves `file` at its start."""
    start = file.read(_CHUNK)
    if not start:
        raise WorkbookRefused(file=path.name, finding="it is empty (0 bytes)", remedy=SEND_AGAIN)
    if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        file.seek(0)
        raise WorkbookRefused(file=path.name, finding=what_else_it_is(start, _pieces(file)), remedy=AS_XLSX)
    file.seek(0)
    size = entries = 0
    for piece in _pieces(file):
        size += len(piece) - _OVERLAP
        entries += piece.count(_ENTRY, _OVERLAP - len(_ENTRY) + 1)
        if size > limits.most_bytes:
            finding = f"it is larger than {limits.most_bytes / 1e6:,g} MB"
            raise WorkbookRefused(file=path.name, finding=finding, remedy=SMALLER)
        if entries > limits.most_entries:
            finding = f"it has more than {limits.most_entries:,} parts"
            raise WorkbookRefused(file=path.name, finding=finding, remedy=FROM_EXCEL)
    file.seek(0)


def _check_parts(path: Path, archive: zipfile.ZipFile, limits: Limits) -> bool:
    parts = archive.infolist()
    names = {part.filename.lower() for part in parts}
    if any(part.flag_bits & 1 for part in parts):
        raise WorkbookRefused(file=path.name, finding="its zip has a password", remedy=AS_XLSX)
    if WORKBOOK not in names:
        raise WorkbookRefused(file=path.name, finding=which_zip_it_is(archive, names), remedy=AS_XLSX)
    if len(names) < len(parts):
        raise WorkbookRefused(file=path.name, finding="two of its parts have the same name", remedy=FROM_EXCEL)
    unpacked = 0
    for part in parts:
        if part.compress_type not in _METHODS:
            finding = f"its part {part.filename} is packed in a way that Excel does not use"
            raise WorkbookRefused(file=path.name, finding=finding, remedy=FROM_EXCEL)
        unpacked = _check_part(path, archive, part, unpacked, limits)
    return any(name.endswith("vbaproject.bin") or "/macrosheets/" in name for name in names)


def _check_part(path: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo, before: int, limits: Limits) -> int:
    """Unpack a part and drop it. Returns how many bytes are unpacked by then."""
    size, most = 0, max(_HARMLESS, part.compress_size * limits.most_ratio)
    is_xml = part.filename.lower().endswith(_XML)
    with archive.open(_without_its_size(part)) as stream:
        for piece in _pieces(stream):
            if is_xml:
                _check_xml(path, part.filename, piece, is_first=not size)
            size += len(piece) - _OVERLAP
            if max(size, part.file_size) > most or before + max(size, part.file_size) > limits.most_unpacked:
                finding = f"its part {part.filename} unpacks to more than {max(size, part.file_size) / 1e6:,.0f} MB"
                remedy = f"a file that small does not hold so much data (a zip bomb?): {FROM_EXCEL}"
                raise WorkbookRefused(file=path.name, finding=finding, remedy=remedy)
    if size != part.file_size:
        raise zipfile.BadZipFile(f"{part.filename} has another size than it says")
    return before + size


def _without_its_size(part: zipfile.ZipInfo) -> zipfile.ZipInfo:
    """The part, to be read to its real end: as a rule, reading ends at the size that a part declares."""
    endless = copy.copy(part)
    endless.file_size = sys.maxsize
    return endless


def _check_xml(path: Path, name: str, piece: bytes, *, is_first: bool) -> None:
    """Refuse entities, which may expand to any size, and encodings in which a search for them finds nothing."""
    if _DECLARATION.search(piece):
        finding = f"its part {name} declares a document type or entities, which no workbook needs"
        raise WorkbookRefused(file=path.name, finding=finding, remedy=FROM_EXCEL)
    if not is_first:
        return
    start = piece[_OVERLAP : _OVERLAP + 400]
    encoding = _ENCODING.match(start)
    if (
        b"\0" in start
        or start.startswith((b"\xfe\xff", b"\xff\xfe"))
        or (encoding and encoding[1].lower() not in _ENCODINGS)
    ):
        finding = f"its part {name} is not written in UTF-8"
        raise WorkbookRefused(file=path.name, finding=finding, remedy=FROM_EXCEL)


def _pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """What a stream holds, piece by piece. Each begins with the last bytes of the one before, the first with spaces."""
    end = b" " * _OVERLAP
    while chunk := stream.read(_CHUNK):
        piece = end + chunk
        yield piece
        end = piece[-_OVERLAP:]
