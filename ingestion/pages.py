"""A page of the source API: from the bytes of an answer to its records, each byte for byte.

Records are never decoded and written again: what lands in Bronze is the slice of the answer. msgspec finds
the slices at the speed of memory. It refuses a whole page for one record that is no strict JSON (a lone
surrogate, a NaN), and one bad record must not stop the others, so such a page is cut a second time with the
standard library's tolerant scanner; the odd record is then set aside by Silver, which is the place for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal  # noqa: TC003 - msgspec reads the types at run time
from typing import Any

import msgspec

from loaders.errors import SourceViolation
from loaders.reconciliation import Totals

_WHITESPACE = " \t\n\r"
_AT_ONCE = 250  # records looked at together


@dataclass(frozen=True)
class Page:
    """`items` are the records as the source sent them, each without a line break.

    `next_cursor` points behind the last item and is None only when there are none.
    """

    items: list[bytes]
    has_more: bool
    next_cursor: str | None


class _Envelope(msgspec.Struct, gc=False):
    items: list[msgspec.Raw]
    count: int
    has_more: bool
    next_cursor: str | None


class _Totals(msgspec.Struct, gc=False):
    sales: int
    lines: int
    net_amount: Decimal


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_TOTALS = msgspec.json.Decoder(_Totals)
_TOLERANT = json.JSONDecoder(strict=False)


def decode_page(body: bytes) -> Page:
    """Cut the body of an answer into its records.

    Raises ValueError, saying which rule is broken, when the body is no page, or not a whole one.
    """
    envelope = _strict(body) or _tolerant(body)
    _check_whole(envelope)
    items = [bytes(item) for item in envelope.items]
    if _has_breaks(body) and _any_has_breaks(items):
        items = [one_line(item) for item in items]
    return Page(items, envelope.has_more, envelope.next_cursor)


def decode_totals(body: bytes) -> Totals:
    """Read control totals. Raises ValueError when the body holds none."""
    try:
        told = _TOTALS.decode(body)
    except msgspec.DecodeError as error:
        raise ValueError(f"no control totals: {error}") from error
    return Totals(told.sales, told.lines, told.net_amount)


def id_of_cursor(cursor: str) -> int:
    """The sale id that a cursor is. Raises SourceViolation when it is none."""
    if not (cursor.isascii() and cursor.isdigit()):
        raise SourceViolation(
            f"sales: the cursor {cursor!r} is no sale id",
            remedy="compare meta.ingestion_state and the source's next_cursor; both must be decimal sale ids",
        )
    return int(cursor)


def one_line(record: bytes) -> bytes:
    """The record without line breaks: they can only stand between its tokens."""
    if not _has_breaks(record):
        return record
    try:
        return msgspec.json.format(record, indent=-1)
    except msgspec.DecodeError:
        return record.replace(b"\r", b" ").replace(b"\n", b" ")


def _has_breaks(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text


def _any_has_breaks(items: list[bytes]) -> bool:
    """Breaks between records are common, within them rare: looked for in some hundred at once, for the speed of it."""
    return any(_has_breaks(b"".join(items[first : first + _AT_ONCE])) for first in range(0, len(items), _AT_ONCE))


def _strict(body: bytes) -> _Envelope | None:
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a page: {error}") from error
    except (msgspec.DecodeError, RecursionError):
        return None


def _tolerant(body: bytes) -> _Envelope:
    """Scan the envelope member by member; surrogate escapes keep bytes that are no UTF-8 as they are."""
    text = body.decode("utf-8", errors="surrogateescape")
    try:
        members = _members(text)
        return msgspec.convert(members, _Envelope)
    except (ValueError, IndexError, RecursionError) as error:
        raise ValueError(f"not JSON: {error}") from error


def _members(text: str) -> dict[str, Any]:
    at = _expect(text, 0, "{")
    members: dict[str, Any] = {}
    while text[at] != "}":
        name, at = _TOLERANT.raw_decode(text, at)
        at = _expect(text, at, ":")
        members[name], at = _items(text, at) if name == "items" else _TOLERANT.raw_decode(text, at)
        at = _next(text, at, "}")
    if text[at + 1 :].strip(_WHITESPACE):
        raise ValueError(f"trailing characters after the page at {at + 1}")
    return members


def _items(text: str, at: int) -> tuple[list[msgspec.Raw], int]:
    at = _expect(text, at, "[")
    items = []
    while text[at] != "]":
        _, end = _TOLERANT.raw_decode(text, at)
        items.append(msgspec.Raw(text[at:end].encode("utf-8", errors="surrogateescape")))
        at = _next(text, end, "]")
    return items, at + 1


def _expect(text: str, at: int, token: str) -> int:
    at = _skip(text, at)
    if text[at] != token:
        raise ValueError(f"expected {token} at {at}")
    return _skip(text, at + 1)


def _next(text: str, at: int, closing: str) -> int:
    """Behind the comma, or at the closing token."""
    at = _skip(text, at)
    return at if text[at] == closing else _expect(text, at, ",")


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in _WHITESPACE and at < len(text):
        at += 1
    return at


def _check_whole(envelope: _Envelope) -> None:
    if envelope.count != len(envelope.items):
        raise ValueError(f"count says {envelope.count} records, {len(envelope.items)} came")
    if envelope.items and envelope.next_cursor is None:
        raise ValueError("next_cursor is null on a page with records")
    if envelope.has_more and not envelope.items:
        raise ValueError("has_more is true on a page without records")
