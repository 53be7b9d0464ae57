"""Split of a sale into a header and lines, without loss and without encoding it again.

The header is the sale minus `lines`, each line is the source's own bytes with the sale's id in front. The common
shape (`lines` last, compact JSON) is cut at its separators, some hundred sales at once, and the cut is proved by
reading the parts. If any sale has another shape, all of them are split one by one: sales of the common shape are cut by
position and put together again as a proof, every other sale is split member by member. A sale that cannot be split at
all is kept complete as a header. Silver refuses a header that still has `lines`, so it is quarantined and not lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from medallion.bronze.ndjson import Ndjson

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_LINES = b',"lines":['
_SALE_ID = b'"sale_id"'
_AT_ONCE = 250  # sales whose parts stay in a processor's cache from one step to the next


class _Identified(msgspec.Struct, gc=False):
    sale_id: int


class _Sale(msgspec.Struct, gc=False):
    sale_id: int
    lines: list[msgspec.Raw]


class _Own(msgspec.Struct, gc=False):
    sale_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    lines: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_ID = msgspec.json.Decoder(_Identified)
_OWN = msgspec.json.Decoder(_Own)
_SALE = msgspec.json.Decoder(_Sale)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def split_sales(sales: Sequence[bytes]) -> tuple[Ndjson, Ndjson]:
    """Headers and lines of sales, in the source's order. No sale holds a line break."""
    some = (sales[first : first + _AT_ONCE] for first in range(0, len(sales), _AT_ONCE))
    divided = [_cut_all(these) or _one_by_one(these) for these in some]
    return Ndjson.joined([headers for headers, _ in divided]), Ndjson.joined([lines for _, lines in divided])


def _cut_all(sales: Sequence[bytes]) -> tuple[Ndjson, Ndjson] | None:
    """The quick split, for sales of the common shape only; None when it cannot be proved for every sale.

    The proof: only separators lay between the parts, and each part is an object by itself. A cut within a text or a
    deeper object would have left parts that are not objects. Nor can two parts be read as one, or one as two: no sale
    holds a line break, and each was read as JSON before.
    """
    parts = [sale.partition(_LINES) for sale in sales]
    if not all(lines.startswith(b"{") and lines.endswith(b"}]}") for _, _, lines in parts):
        return None
    headers = Ndjson.of([header + b"}" for header, _, _ in parts])
    try:
        fronts = [b'{"sale_id":%d,' % header.sale_id for header in _ID.decode_lines(headers.text)]
        lines = Ndjson.of(
            [
                front + lines[1:-2].replace(b"},{", b"}\n" + front)
                for front, (_, _, lines) in zip(fronts, parts, strict=True)
            ]
        )
        number = len(_ID.decode_lines(lines.text))
    except (*_UNREADABLE, ValueError):
        return None
    if not _is_once(_SALE_ID, headers.text, headers.records) or not _is_once(_SALE_ID, lines.text, number):
        return None
    if b'"lines"' in headers.text:
        return None
    return headers, Ndjson(lines.text, number)


def _one_by_one(sales: Sequence[bytes]) -> tuple[Ndjson, Ndjson]:
    headers: list[bytes] = []
    lines: list[bytes] = []
    for sale in sales:
        header, sale_lines = _cut(sale) or _split(sale)
        headers.append(header)
        lines.extend(sale_lines)
    return Ndjson.of(headers), Ndjson.of(lines)


def _cut(sale: bytes) -> tuple[bytes, list[bytes]] | None:
    """The header and lines of one sale of the common shape; None when it has another shape."""
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
    if not all(line.startswith(b"{") and line[1:-1].strip() for line in lines):
        return None
    if b"\\u" in sale and _spells_an_id(sale[:at] + b"}", lines):
        return None
    prefix = b'{"sale_id":%d,' % parsed.sale_id
    return sale[:at] + b"}", [prefix + line[1:] for line in lines]


def _spells_an_id(header: bytes, lines: Sequence[bytes]) -> bool:
    """Whether escapes spell `sale_id` in a line, or `lines` in the header: a search for the plain name misses them."""
    try:
        return _OWN.decode(header).lines is not msgspec.UNSET or any(
            _OWN.decode(line).sale_id is not msgspec.UNSET for line in lines
        )
    except _UNREADABLE:
        return True


def _is_once(name: bytes, text: bytes, records: int) -> bool:
    """Whether each of the records has `name` once, and none has an escape that might spell it again."""
    return text.count(name) == records and not (b"\\" in text and b"\\u" in text)


def _split(sale: bytes) -> tuple[bytes, list[bytes]]:
    """Split one sale member by member, for any order, spacing or drift."""
    try:
        members = _MEMBERS.decode(sale)
        sale_id = bytes(members["sale_id"])
        lines = [_with_sale_id(bytes(line), sale_id) for line in _LIST.decode(members.pop("lines"))]
    except (*_UNREADABLE, KeyError):
        return _unsplittable(sale), []
    return _encode(members), lines


def _with_sale_id(line: bytes, sale_id: bytes) -> bytes:
    """The line under its sale's id; an id of its own is kept next to it. What is not an object is wrapped."""
    try:
        members = _MEMBERS.decode(line)
    except _UNREADABLE:
        return b'{"sale_id":%s,"line":%s}' % (sale_id, line)
    own = members.pop("sale_id", None)
    kept = {} if own is None else {"line_sale_id": own}
    return _encode({"sale_id": msgspec.Raw(sale_id)} | members | kept)


def _unsplittable(sale: bytes) -> bytes:
    """The sale as it came; a sale without `lines` is marked, as it would otherwise look like a header."""
    if b'"lines"' in sale or not sale.endswith(b"}"):
        return sale
    return sale[:-1].rstrip() + (b'"lines":null}' if sale[:-1].strip() == b"{" else b',"lines":null}')


def _encode(members: dict[str, msgspec.Raw]) -> bytes:
    pairs = (msgspec.json.encode(name) + b":" + bytes(value) for name, value in members.items())
    return b"{" + b",".join(pairs) + b"}"
