"""Negative numbers that are formatted as dates: the library gives midnight for each, so the XML is asked again."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from ingestion.spreadsheets.addresses import column_letters, column_number
from ingestion.spreadsheets.patterns import CHUNK
from ingestion.spreadsheets.wire import WireCell

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from ingestion.spreadsheets.scan import Found

_NEGATIVE = re.compile(
    rb"""<(?:[\w.-]+:)?c\s[^>]*?\br\s*=\s*["']([A-Z]+)(\d+)["'][^>]*>(?:<(?:[\w.-]+:)?f\b[^>]*>(?:[^<]*</[^>]*>)?)?"""
    rb"""<(?:[\w.-]+:)?v>\s*(-[^<\s]+)\s*</"""
)
_OVERLAP = 2_000  # bytes: a cell with a number is shorter


def add_negatives(stream: IO[bytes], addresses: AbstractSet[tuple[int, int]], found: Found) -> None:
    """Add those of these cells (row, column) that hold a negative number, as that number."""
    end = b""
    while chunk := stream.read(CHUNK):
        piece = end + chunk
        for letters, digits, number in _NEGATIVE.findall(piece):
            row, column = int(digits), column_number(letters.decode())
            if (row, column) in addresses:
                found.setdefault(row, {})[column] = WireCell(column_letters(column), "n", float(number))
        end = piece[-_OVERLAP:]
