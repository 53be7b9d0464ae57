"""How people write a table into a sheet or a file: what a delivered entity declares beyond its columns.

A sheet has no types that can be trusted and no names that stay. The layout says what a header may be called, which sign
separates decimals, whose clock the times are of, and which row is a total. What a value must be is said by the types of
the columns, as for every other source.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

TOTALS = ("total", "totals", "grand total", "sum", "summe", "gesamt", "somme", "total général", "合计", "总计")
_NO_DELIMITERS = ('"', "\r", "\n", "\0")


@dataclass(frozen=True)
class Layout:
    """How an entity's rows are written down by those who deliver them.

    `headers`: what the header of a column may be, next to its own name; case, accents' form and blanks do not matter.
    `period`: a pattern whose first group is the day, in the name of a file. `decimal`: the sign before the decimals
    of an amount that is text. `zone`: the clock of times without an offset, as an IANA name. `dates`: forms of dates
    that are text, as `strptime` reads them, next to ISO 8601. `digits`: texts of a fixed width, which a sheet that
    takes them for numbers has cut. `totals`: first words of a row that adds up the others; `totaled`: the columns it
    adds up. `is_daily`: a file comes for each day, once the day is over. `encoding`: that of text files without a mark
    of their own. `delimiter`: the sign between their fields; empty where their header decides.

    Raises LookupError for an unknown encoding, ValueError for a delimiter that is none.
    """

    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    period: str = r"(\d{4}-\d{2}-\d{2})"
    decimal: Literal[".", ","] = "."
    zone: str = "UTC"
    dates: tuple[str, ...] = ()
    digits: Mapping[str, int] = field(default_factory=dict)
    totals: tuple[str, ...] = TOTALS
    totaled: tuple[str, ...] = ()
    is_daily: bool = True
    encoding: str = "utf-8"
    delimiter: str = ""

    def __post_init__(self) -> None:
        codecs.lookup(self.encoding)
        if len(self.delimiter) > 1 or not self.delimiter.isascii() or self.delimiter in _NO_DELIMITERS:
            raise ValueError(f"{self.delimiter!r} cannot be a delimiter: it is one sign of ASCII, such as ;")
