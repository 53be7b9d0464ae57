"""Gaps among the ids of an entity in `meta.gap`: ids that pulls have passed over, and which of them have arrived.

A row is a range of ids. Where holes are few, each is a row of its own. Where ids are not dense (steps of two, ids by
till, snowflake ids), the holes of a page are one row, and the row lists the ids in it that have landed. So storage
grows with the pages of a pull and not with its ids.

Every id up to the watermark is held or lies in a row. Hence the number of records that Bronze holds of a range follows
from the rows alone, and one request for the source's totals shows whether anything has arrived.
"""

from __future__ import annotations

import zlib
from array import array
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from medallion.state.id_range import IdRange
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import timedelta

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Gap:
    """A row of `meta.gap`. `held` are its ids that have landed; `known` is their number.

    `age` counts from when a pull first passed over it, `since_checked` from when it was last asked for.
    """

    ids: IdRange
    held: frozenset[int] = field(default_factory=frozenset)
    known: int = 0
    status: str = "OPEN"
    since_checked: timedelta | None = None
    age: timedelta | None = None

    @property
    def first(self) -> int:
        """First id of the range."""
        return self.ids.first

    @property
    def last(self) -> int:
        """Last id of the range."""
        return self.ids.last

    @property
    def is_hole(self) -> bool:
        """Whether no record of the range has landed."""
        return self.known == 0

    @property
    def missing(self) -> int:
        """Ids of the range that have not landed."""
        return self.last - self.first + 1 - self.known

    @property
    def is_settled(self) -> bool:
        """Whether no more ids are noted in it: it has expired, and its list of held ids is gone."""
        return self.status == "EXPIRED" and not self.is_hole


def sparse_gap(first: int, last: int, held: Iterable[int]) -> Gap:
    """One row for many holes; `held` are its ids that have landed."""
    known = frozenset(held)
    return Gap(IdRange(first, last), known, len(known))


def open_gaps(conn: connection) -> list[IdRange]:
    """Ids that may still come, of every entity."""
    return [IdRange(*row) for row in _SQL.rows(conn, "open_gaps")]


def gaps_to_ask(conn: connection, entity: str) -> list[Gap]:
    """Gaps of any status from the first open one to the last open one, ascending. Empty: none is open."""
    return _select(conn, "gaps_to_ask", {"entity": entity})


def gaps_between(conn: connection, entity: str, ids: IdRange) -> list[Gap]:
    """Gaps of any status that overlap these ids, ascending."""
    return _select(conn, "gaps_between", {"entity": entity, "first": ids.first, "last": ids.last})


def expiring_gaps(conn: connection, entity: str, hours: float, most: int) -> list[Gap]:
    """At most `most` open gaps that are older than `hours`, by the warehouse's clock."""
    return _select(conn, "expiring_gaps", {"entity": entity, "hours": hours, "most": most})


def keep_gaps(conn: connection, entity: str, gaps: Sequence[Gap], *, status: str = "OPEN") -> None:
    """Add rows, none of which overlaps another."""
    if not gaps:
        return
    values = {
        "entity": entity,
        "first": [one.first for one in gaps],
        "last": [one.last for one in gaps],
        "known": [one.known for one in gaps],
        "known_ids": [encode_ids(one.held) if one.held else None for one in gaps],
        "status": status,
    }
    _SQL.execute(conn, "add_gaps", values)


def fill(conn: connection, entity: str, gap: Gap, arrived: Sequence[IdRange], left: Sequence[IdRange]) -> None:
    """Divide a hole into `arrived` and `left`, in the transaction that lands the arrived records.

    The part after the newest arrival starts to age again: ids are still being handed out there.
    """
    closed = _SQL.first(conn, "close_gap", {"entity": entity, "from_id": gap.first})
    first_seen_at, status = closed or (None, gap.status)
    newest = max((one.last for one in arrived), default=gap.last)
    before, after = [one for one in left if one.last < newest], [one for one in left if one.first > newest]
    for piece_status, pieces, seen_at in (
        ("FILLED", arrived, first_seen_at),
        (status, before, first_seen_at),
        ("OPEN", after, None),
    ):
        values: dict[str, Any] = {"entity": entity, "status": piece_status, "first_seen_at": seen_at}
        _SQL.execute(conn, "add_gap_pieces", values | _ends(pieces))


def withdraw(conn: connection, entity: str, gaps: Sequence[Gap]) -> None:
    """Note that the source no longer has the records that once filled these rows."""
    _SQL.execute(conn, "withdraw", {"entity": entity, "from_ids": [one.first for one in gaps]})


def set_held(conn: connection, entity: str, gap: Gap, held: frozenset[int]) -> None:
    """Note which ids of a range with many holes have landed."""
    encoded = encode_ids(held) if held else None
    values = {"entity": entity, "from_id": gap.first, "known": len(held), "known_ids": encoded}
    _SQL.execute(conn, "set_known", values)


def mark_checked(conn: connection, entity: str, gaps: Sequence[Gap] | None) -> None:
    """Note that these open gaps (None: all) were asked for; delete those that are settled for 30 days."""
    from_ids = None if gaps is None else [one.first for one in gaps]
    _SQL.execute(conn, "mark_gaps_checked", {"entity": entity, "from_ids": from_ids})
    _SQL.execute(conn, "forget_gaps", {"entity": entity})


def expire(conn: connection, entity: str, hours: float, gaps: Sequence[Gap] | None) -> int:
    """Expire those of the gaps (None: of all) that are older than `hours`. Returns how many ids the holes had."""
    from_ids = None if gaps is None else [one.first for one in gaps]
    (ids,) = _SQL.one(conn, "expire_gaps", {"entity": entity, "hours": hours, "from_ids": from_ids})
    return int(ids)


def encode_ids(ids: Iterable[int]) -> bytes:
    """Ids as compressed differences: with a regular step, a few bytes per thousand ids."""
    rising = sorted(ids)
    steps = [after - before for before, after in zip([0, *rising], rising, strict=False)]
    return zlib.compress(array("q", steps).tobytes())


def decode_ids(encoded: bytes) -> frozenset[int]:
    """The ids that `encode_ids` was given."""
    steps = array("q")
    steps.frombytes(zlib.decompress(encoded))
    return frozenset(accumulate(steps))


def _ends(ranges: Sequence[IdRange]) -> dict[str, list[int]]:
    return {"first": [one.first for one in ranges], "last": [one.last for one in ranges]}


def _select(conn: connection, statement: str, values: dict[str, Any]) -> list[Gap]:
    return [_gap(*row) for row in _SQL.rows(conn, statement, values)]


def _gap(first: int, last: int, known: int, known_ids: Any, status: str, since_checked: Any, age: Any) -> Gap:
    held = decode_ids(bytes(known_ids)) if known_ids is not None else frozenset[int]()
    return Gap(IdRange(first, last), held, known, status, since_checked, age)
