"""The expressions that find rows and cells in the XML of a sheet, for the namespace prefix that the sheet uses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.spreadsheets.addresses import column_letters

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

CHUNK = 1 << 17  # bytes of XML that are looked at in one go
_ROOT = re.compile(rb"<([\w.-]+:)?worksheet(?=[\s/>])")
_MOST_ALTERNATIVES = 50  # in one expression


@dataclass(frozen=True)
class Patterns:
    """Expressions over bytes. `any_cell` finds (tag of a row, tag of a cell, what the cell holds)."""

    prefix: bytes
    row_tag: bytes
    row_number: re.Pattern[bytes]
    row_of_tag: re.Pattern[bytes]
    cell: re.Pattern[bytes]
    empty_cell: re.Pattern[bytes]
    any_cell: re.Pattern[bytes]
    address: re.Pattern[bytes]
    kind: re.Pattern[bytes]
    value: re.Pattern[bytes]
    formula: re.Pattern[bytes]
    merge_tag: bytes
    merged: re.Pattern[bytes]


def patterns_of_sheet(start: bytes) -> Patterns:
    """The expressions for a sheet that begins like this."""
    root = _ROOT.search(start)
    p = (root[1] or b"") if root else b""
    return Patterns(
        prefix=p,
        row_tag=b"<%brow" % p,
        row_number=_compiled(rb'<{p}row(?:\s[^>]*?)?\sr="(\d{{1,7}})"', p),
        row_of_tag=re.compile(rb"""\sr\s*=\s*["'](\d+)["']"""),
        cell=_compiled(rb"<{p}c(?=[\s/>])", p),
        empty_cell=_compiled(rb"<{p}c(?=[\s/])[^>]*(?:/>|(?<!/)></{p}c>)", p),
        any_cell=_compiled(rb"<{p}row(?=[\s/>])([^>]*>)|<{p}c(?=[\s/>])([^>]*>)(?:(?<=/>)|(?<!/>)(.*?)</{p}c\s*>)", p),
        address=re.compile(rb"""\sr\s*=\s*["']([A-Za-z]+)(\d+)["']"""),
        kind=re.compile(rb"""\st\s*=\s*["'](\w*)["']"""),
        value=_compiled(rb"<{p}v(?:\s[^>]*)?(?:/>|(?<!/)>(.*?)</{p}v\s*>)", p),
        formula=_compiled(rb"<{p}f(?:\s[^>]*)?(?:/>|(?<!/)>(.*?)</{p}f\s*>)", p),
        merge_tag=b"<%bmergeCell" % p,
        merged=_compiled(rb"""<{p}mergeCell\s[^>]*?\bref\s*=\s*["']([A-Z]+\d+:[A-Z]+\d+)["']""", p),
    )


def plain_cells(prefix: bytes, columns: Iterable[int], empty_strings: AbstractSet[bytes]) -> re.Pattern[bytes]:
    """The cells that nearly all are like: with an address in one of these columns, and with a value."""
    shared = rb"\d+"
    if empty_strings:
        few = len(empty_strings) <= _MOST_ALTERNATIVES
        shared = rb"(?!(?:%b)<)\d+" % b"|".join(sorted(empty_strings)) if few else rb"(?!)"
    body = (
        rb'(?:(?: t="(?:n|b|str)")?>{f}<{p}v>[^<]+</{p}v>| t="s"><{p}v>{shared}</{p}v>'
        rb'| t="inlineStr"><{p}is><{p}t(?: xml:space="preserve")?>\s*[^<\s&][^<]*</{p}t></{p}is>)</{p}c>'
    )
    formula = rb"(?:<{p}f(?:\s[^>]*)?(?:/>|(?<!/)>[^<]*</{p}f>))?"
    whole = (rb'<{p}c r="(?:{columns})\d{{1,7}}"(?: s="\d+")?' + body).replace(b"{f}", formula)
    return _compiled(whole.replace(b"{shared}", shared).replace(b"{columns}", _alternatives(columns)), prefix)


def _alternatives(columns: Iterable[int]) -> bytes:
    """An expression for these columns: those that differ in the last letter only are one alternative."""
    last_letters: dict[str, str] = {}
    for letters in sorted(column_letters(column) for column in columns):
        last_letters[letters[:-1]] = last_letters.get(letters[:-1], "") + letters[-1]
    some = [f"{first}[{last}]" for first, last in last_letters.items()]
    return "|".join(some[:_MOST_ALTERNATIVES]).encode() or rb"(?!)"


def _compiled(pattern: bytes, prefix: bytes) -> re.Pattern[bytes]:
    doubled = pattern.replace(b"{p}", re.escape(prefix))
    return re.compile(doubled.replace(b"{{", b"{").replace(b"}}", b"}"), re.DOTALL)
