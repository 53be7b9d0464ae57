"""Decoding of a page of the source API: from the bytes of an answer to its records, each byte for byte.

Records are never decoded and encoded again: Bronze gets the slice of the answer. msgspec finds the slices at the speed
of memory. It refuses an entire page for one record that is not strict JSON (a lone surrogate, a NaN) or that is nested
too deeply. One bad record must not stop the others, so `ingestion.api.tolerant` cuts such a page a second time, and
Silver quarantines the bad record.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from ingestion.api.tolerant import cut_page
from ingestion.source import CURSOR_RULE, Page, is_cursor
from medallion.errors import NotOffered, TotalsWrong
from medallion.foreign_text import shown
from medallion.state.reconciliation import MODULUS, RecordTotals, Totals

if TYPE_CHECKING:
    from typing import TypeVar

    Told = TypeVar("Told")

MOST_RECORDS = 100_000  # of a page: each costs far more memory than the bytes it may have
_LARGEST_EXPONENT = 40  # of a total: written out, a larger one would fill memory
_SMALL_BODY = 4_000_000  # bytes: its records are cheap even at worst
_LARGE_BODY = 32_000_000  # bytes: its records are always counted before they are kept
_BYTES_A_MEMBER = 12  # between two commas, on average: fewer than any record of the declared entities has
_AT_ONCE = 250  # records looked at together


class _Envelope(msgspec.Struct, gc=False):
    items: list[msgspec.Raw]
    count: int
    has_more: bool
    next_cursor: str | None


class _Totals(msgspec.Struct, gc=False):
    sales: int
    lines: int
    net_amount: Decimal
    checksum: str | None = None


class _RecordTotals(msgspec.Struct, gc=False):
    count: int
    checksum: str


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_TOTALS = msgspec.json.Decoder(_Totals)
_RECORD_TOTALS = msgspec.json.Decoder(_RecordTotals)
_CENT, _MOST_NET = Decimal("0.01"), Decimal(10) ** 36


def decode_page(body: bytes) -> Page:
    """Cut the body of an answer into its records.

    Raises ValueError, with the rule that is broken, when the body is not a page, or an incomplete one.
    """
    envelope = (None if _may_be_crowded(body) else _strict(body)) or _tolerant(body)
    _check_whole(envelope)
    items = [bytes(item) for item in envelope.items]
    if _has_breaks(body) and _any_has_breaks(items):
        items = [one_line(item) for item in items]
    return Page(items, envelope.has_more, envelope.next_cursor)


def decode_totals(body: bytes) -> Totals:
    """Control totals of sales.

    Raises ValueError for a body that is not JSON, NotOffered for JSON that is something else, SourceViolation for
    impossible totals.
    """
    told = _told(_TOTALS, body)
    empty = told.sales == 0 and (told.lines or told.net_amount)
    if told.sales < 0 or told.lines < 0 or empty or (told.net_amount and not told.lines) or not _is_amount(told):
        raise _senseless(f"{told.sales} sales, {told.lines} lines, {told.net_amount} net")
    checksum = None if told.checksum is None else _checksum(told.checksum)
    return Totals(told.sales, told.lines, told.net_amount, checksum)


def decode_record_totals(body: bytes) -> RecordTotals:
    """Control totals of a listing that changes. Raises as `decode_totals`."""
    told = _told(_RECORD_TOTALS, body)
    checksum = _checksum(told.checksum)
    if told.count < 0 or (checksum and not told.count):
        raise _senseless(f"{told.count} records, checksum {checksum}")
    return RecordTotals(told.count, checksum)


def _told(decoder: msgspec.json.Decoder[Told], body: bytes) -> Told:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise NotOffered(
            f"the answer of the source holds no control totals: {error}",
            remedy="totals are optional; a source that offers them answers as the contract says (docs/architecture.md)",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"no control totals: {error}") from error


def _is_amount(told: _Totals) -> bool:
    """Whether the net amount is a number of cents that a table can hold."""
    net = told.net_amount
    if not net.is_finite() or abs(net.adjusted()) > _LARGEST_EXPONENT:
        return False
    return abs(net) < _MOST_NET and net == net.quantize(_CENT)


def _checksum(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MODULUS)) and int(text) < MODULUS):
        raise _senseless("a checksum that is no decimal number below 2^60")
    return int(text)


def _senseless(what: str) -> TotalsWrong:
    return TotalsWrong(f"the source's control totals cannot be right: {what[:200]}")


def one_line(record: bytes) -> bytes:
    """The record without line breaks, which can only stand between its tokens."""
    if not _has_breaks(record):
        return record
    try:
        return msgspec.json.format(record, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return record.replace(b"\r", b" ").replace(b"\n", b" ")


def _has_breaks(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text


def _any_has_breaks(items: list[bytes]) -> bool:
    """Whether any record has line breaks: they are rare, so some hundred records are searched at once, for speed."""
    return any(_has_breaks(b"".join(items[first : first + _AT_ONCE])) for first in range(0, len(items), _AT_ONCE))


def _strict(body: bytes) -> _Envelope | None:
    try:
        return _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a page: {error}") from error
    except (msgspec.DecodeError, RecursionError):
        return None


def _tolerant(body: bytes) -> _Envelope:
    """The page cut by its brackets; the rest of the envelope is read by the strict rules."""
    items, rest = cut_page(body, most=MOST_RECORDS)
    try:
        envelope = msgspec.convert(rest, _Envelope)
    except msgspec.ValidationError as error:
        raise ValueError(f"not a page: {error}") from error
    return msgspec.structs.replace(envelope, items=[msgspec.Raw(item) for item in items])


def _may_be_crowded(body: bytes) -> bool:
    """Whether the records may be so many and so short that they would take many times the memory of the body."""
    if len(body) <= _SMALL_BODY:
        return False
    return len(body) > _LARGE_BODY or body.count(b",") > len(body) // _BYTES_A_MEMBER


def _check_whole(envelope: _Envelope) -> None:
    if len(envelope.items) > MOST_RECORDS:
        raise ValueError(f"{len(envelope.items):,} records are more than the {MOST_RECORDS:,} that a page may hold")
    if envelope.count != len(envelope.items):
        raise ValueError(f"count says {envelope.count} records, {len(envelope.items)} came")
    if envelope.next_cursor is not None and not is_cursor(envelope.next_cursor):
        raise ValueError(f"next_cursor '{shown(envelope.next_cursor)}' is none: {CURSOR_RULE}")
    if envelope.items and envelope.next_cursor is None:
        raise ValueError("next_cursor is null on a page with records")
    if envelope.has_more and not envelope.items:
        raise ValueError("has_more is true on a page without records")
