"""The id of a record, read from its bytes, for the gaps and ranges of a listing by id."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from medallion.errors import SourceViolation
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

LARGEST_ID = 2**63 - 1  # Postgres' bigint
_MOST_DIGITS = 19
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def id_of(key: str, record: bytes) -> int | None:
    """The id that a record has under `key`; None when it has none from 1 to 2^63 - 1."""
    return ids_of(key, (record,))[0]


def ids_of(key: str, records: Iterable[bytes]) -> list[int | None]:
    """The id of each record, as `id_of`."""
    decode = _decoder(key).decode
    return [_read(decode, record) for record in records]


def id_of_cursor(entity: str, cursor: str) -> int:
    """The id in a cursor of the entity, 0 to 2^63-1. Raises SourceViolation when it is not one."""
    is_number = cursor.isascii() and cursor.isdecimal() and len(cursor) <= _MOST_DIGITS
    if not is_number or int(cursor) > LARGEST_ID:
        raise SourceViolation(
            f"{entity}: the cursor '{shown(cursor)}' is no id",
            remedy="compare meta.ingestion_state and the source's next_cursor; both must be decimal ids",
        )
    return int(cursor)


@cache
def _decoder(key: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(msgspec.defstruct("Identified", [("id", int)], rename={"id": key}, gc=False))


def _read(decode: Any, record: bytes) -> int | None:
    try:
        number: int = decode(record).id
    except _UNREADABLE:
        return None
    return number if 1 <= number <= LARGEST_ID else None
