"""How many fields of a CSV file hold something, counted from its bytes and not by the parser that reads it.

Fields are not cut out: quoted ones shrink to a letter, and what is left to count are the places where a field with
something in it begins. The reading is compared with this number, so that a parser that loses a field is found out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ingestion.files.packed import Packed
    from medallion.errors import DeliveryRefused

_ENDS, _STARTS = b"\n", b"\0\1"
_LONGEST = 5  # bytes of a field for each of its characters, with what a piece has after it
_SHOWN = 60  # bytes
CLOSE_THE_QUOTE = "close the quote, and write a quote within a field twice, then deliver it again"


class FieldCounter:
    """Counts the fields of a text in UTF-8 that is fed to it in pieces."""

    def __init__(self, file: Packed, delimiter: str) -> None:
        self._file = file
        sign = delimiter.encode()
        between = re.escape(sign) + rb"\r\n"
        # `""` as a field is none. Within a quoted field the same signs are an escaped quote: its field stays one.
        self._empty = re.compile(rb'(?<=[%b])""(?=[%b])' % (between, between))
        # A quoted field, or, in the group, the rest of a text whose last one is not closed yet.
        self._quoted = re.compile(rb'(?<=[%b])(?:"[^"]*(?:""[^"]*)*"(?=[%b])|("[\s\S]*\Z))' % (between, between))
        self._is_field = bytes(0 if one in sign + b"\r\n" else 1 for one in range(256))
        self._rest, self._lines = b"", 1
        self._last = _ENDS  # the byte before the rest
        self.count = 0

    def of(self, pieces: Iterable[bytes]) -> int:
        """The count of a whole text. Raises DeliveryRefused for a quote that is not closed."""
        for piece in pieces:
            self._feed(piece)
        if self._rest:
            self._feed(_ENDS)
        if self._rest:
            raise self._unclosed()
        return self.count

    def _feed(self, piece: bytes) -> None:
        text, self._rest = self._last + self._rest + piece, b""
        breaks = text.count(b"\n", 1)
        if b'"' in text:
            text = self._without_quotes(text)
        self._lines += breaks - self._rest.count(b"\n")
        if len(self._rest) > _LONGEST * self._file.limits.most_of_field:
            raise self._unclosed()
        self.count += text.translate(self._is_field).count(_STARTS)
        self._last = text[-1:]

    def _without_quotes(self, text: bytes) -> bytes:
        """The text up to a quoted field that is not closed yet, each quoted one before it shrunk."""
        parts = self._quoted.split(self._empty.sub(b"", text))
        outside, opened = parts[::2], parts[1::2]
        if opened and opened[-1] is not None:
            self._rest = opened[-1]
            outside.pop()
        return b"q".join(outside)

    def _unclosed(self) -> DeliveryRefused:
        return self._file.refused(
            f"the quoted field that begins in line {self._lines:,} is not closed by a quote before a delimiter: "
            f"{shown(self._rest[:_SHOWN])}",
            CLOSE_THE_QUOTE,
        )
