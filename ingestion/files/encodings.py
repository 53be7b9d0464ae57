"""Text of a file whose encoding is known: by its mark, by the layout, or UTF-8. None is ever guessed.

A text that is read in a wrong encoding looks right but for its accents, and no later check would find it.
"""

from __future__ import annotations

import codecs
import io
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.files.packed import SMALLER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.files.packed import Packed
    from medallion.errors import DeliveryRefused

UTF_8, UTF_8_MARKED = "utf-8", "utf-8-sig"
AS_UTF8 = "save it as UTF-8 (in Excel: CSV UTF-8), and deliver it again"
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: UTF_8_MARKED,
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def encoding_of(file: Packed, start: bytes, declared: str) -> str:
    """The encoding of a text that begins with these bytes: a mark says more than a declaration.

    Raises DeliveryRefused for one that is none of those that are read.
    """
    found = next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), declared)
    if found == "utf-32":
        raise file.refused("it is written in UTF-32", AS_UTF8)
    if found == declared and start.count(b"\0") * 4 > len(start):
        raise file.refused("it has more NUL bytes than text has: it may be UTF-16 without its mark (BOM)", AS_UTF8)
    return found


def checked_utf8(file: Packed, encoding: str) -> Iterator[bytes]:
    """The whole text, piece by piece, as UTF-8 without a mark.

    Raises DeliveryRefused, which names the first byte that is none of the encoding, and a line that is too long.
    """
    has_mark = encoding == UTF_8_MARKED
    is_utf8 = has_mark or codecs.lookup(encoding).name == UTF_8
    decoder = codecs.getincrementaldecoder(UTF_8 if is_utf8 else encoding)("strict")
    offset, lines, of_line = 0, 1, 0
    for piece in file.pieces():
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise _wrong_byte(file, error, offset - waiting, lines, encoding) from error
        utf8 = piece[len(codecs.BOM_UTF8) if has_mark and not offset else 0 :] if is_utf8 else _utf8(file, text)
        offset += len(piece)
        of_line = _after_break(utf8, of_line)
        lines += utf8.count(b"\n")
        if of_line > file.limits.most_of_line:
            raise file.refused(f"line {lines:,} is longer than {file.limits.most_of_line / 1e6:,g} MB", SMALLER)
        yield utf8
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _wrong_byte(file, error, offset - len(error.object), lines, encoding) from error


@contextmanager
def opened_text(file: Packed, encoding: str) -> Iterator[io.TextIOWrapper]:
    """The text of a file that was checked, its line breaks as they are."""
    with file.open() as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        yield text


def _utf8(file: Packed, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:  # halves of a pair, which some encodings let through
        raise file.refused(f"it has a character that cannot be stored ({error.reason})", AS_UTF8) from error


def _after_break(piece: bytes, before: int) -> int:
    """How many bytes the line has that the end of a piece is in."""
    last = max(piece.rfind(b"\n"), piece.rfind(b"\r"))
    return before + len(piece) if last < 0 else len(piece) - last - 1


def _wrong_byte(file: Packed, error: UnicodeDecodeError, base: int, lines: int, encoding: str) -> DeliveryRefused:
    wrong = error.object[error.start]
    if encoding in (UTF_8, UTF_8_MARKED):
        line = lines + error.object.count(b"\n", 0, error.start)
        finding = f"byte {base + error.start:,}, in line {line:,}, is 0x{wrong:02X}, which is not UTF-8 there"
        remedy = (
            "save it as UTF-8 (in Excel: CSV UTF-8) and deliver it again; or have the layout of the entity declare "
            "the encoding that all its files have"
        )
        return file.refused(finding, remedy)
    finding = f"byte {base + error.start:,} is 0x{wrong:02X}, which is not {encoding} there"
    return file.refused(finding, AS_UTF8)
