"""A sale becomes a header and lines, without loss and without being written anew.

The header is the sale minus `lines`, each line is the source's own bytes with the sale's id in front. The
common shape (`lines` last, compact JSON) is cut by position, and the cut is proved by putting the parts
together again; every other shape goes member by member. What cannot be split at all is kept whole as a
header: Silver refuses a header that still has `lines`, so it is set aside there and not lost here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LINES = b',"lines":['
_SALE_ID = b'"sale_id"'


class _Sale(msgspec.Struct, gc=False):
    sale_id: int
    lines: list[msgspec.Raw]


_SALE = msgspec.json.Decoder(_Sale)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def split_sales(sales: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Headers and lines of a page of sales, in the source's order."""
    headers: list[bytes] = []
    lines: list[bytes] = []
    for sale in sales:
        header, sale_lines = _cut(sale) or _split(sale)
        headers.append(header)
        lines.extend(sale_lines)
    return headers, lines


def sale_id_of(sale: bytes) -> int | None:
    """The id of a sale, None when it has none that is a number."""
    try:
        return _ID.decode(sale).sale_id
    except _UNREADABLE:
        return None


class _Identified(msgspec.Struct, gc=False):
    sale_id: int


_ID = msgspec.json.Decoder(_Identified)


def _cut(sale: bytes) -> tuple[bytes, list[bytes]] | None:
    """The quick way; None when the sale has not the common shape."""
    at = sale.find(_LINES)
    if at < 0:
        return None
    try:
        parsed = _SALE.decode(sale)
    except _UNREADABLE:
        return None
    lines = [bytes(line) for line in parsed.lines]
    if sale[at + len(_LINES) :] != b",".join(lines) + b"]}" or sale.count(_SALE_ID) != 1:
        return None
    prefix = b'{"sale_id":%d,' % parsed.sale_id
    if not all(len(line) > 2 and line.startswith(b"{") for line in lines):  # noqa: PLR2004 - longer than {}
        return None
    return sale[:at] + b"}", [prefix + line[1:] for line in lines]


def _split(sale: bytes) -> tuple[bytes, list[bytes]]:
    """Member by member, for any order, spacing or drift."""
    try:
        members = _MEMBERS.decode(sale)
        sale_id = bytes(members["sale_id"])
        lines = [_with_sale_id(bytes(line), sale_id) for line in _LIST.decode(members.pop("lines"))]
    except (*_UNREADABLE, KeyError):
        return _unsplittable(sale), []
    return _encode(members), lines


def _with_sale_id(line: bytes, sale_id: bytes) -> bytes:
    """The line under its sale's id; an id of its own is kept beside it. What is no object is wrapped."""
    try:
        members = _MEMBERS.decode(line)
    except _UNREADABLE:
        return b'{"sale_id":%s,"line":%s}' % (sale_id, line)
    own = members.pop("sale_id", None)
    kept = {} if own is None else {"line_sale_id": own}
    return _encode({"sale_id": msgspec.Raw(sale_id)} | members | kept)


def _unsplittable(sale: bytes) -> bytes:
    """The sale as it came; one without `lines` says so, since its absence would look like a header."""
    if b'"lines"' in sale or not sale.endswith(b"}"):
        return sale
    return sale[:-1].rstrip() + (b'"lines":null}' if sale[:-1].strip() == b"{" else b',"lines":null}')


def _encode(members: dict[str, msgspec.Raw]) -> bytes:
    pairs = (msgspec.json.encode(name) + b":" + bytes(value) for name, value in members.items())
    return b"{" + b",".join(pairs) + b"}"
