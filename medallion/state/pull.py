"""State of pulls in `meta` next to the watermark: lookback, unreadable records, the source's identity, replays.

Every function takes the connection and leaves the transaction to its caller, as in `medallion.state.watermarks`: what
a part remembers commits with its receipts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
DIGEST_BYTES = 16


@dataclass(frozen=True)
class LookbackPage:
    """A page that the next pull reads again. `digests` are the digests of its records.

    `cursor_before` is None for a page from the beginning; `newest_at` is None for a page that was held back.
    """

    cursor_before: str | None
    newest_at: datetime | None
    digests: frozenset[bytes]


@dataclass(frozen=True)
class SampleRecord:
    """Fingerprint of a landed record. `lines`, `net_amount` and `checksum` are a sale's share of the totals."""

    record_id: int
    version: str | None
    content: str
    lasting: str
    lines: int
    net_amount: Decimal
    checksum: int


@dataclass(frozen=True)
class Replay:
    """A full refresh under way: the cursor after what has landed again, and the cursor where it ends."""

    replay_id: int
    cursor: str | None
    end: str | None


def warehouse_clock(conn: connection) -> datetime:
    """The time by the warehouse's clock, in UTC."""
    (moment,) = _SQL.rows(conn, "clock")[0]
    return moment  # type: ignore[no-any-return]


def lookback_pages(conn: connection, entity: str) -> list[LookbackPage]:
    """The last pages of a listing, in the order of the listing; empty before its first pull."""
    found = _SQL.rows(conn, "lookback_pages", {"entity": entity})
    return [LookbackPage(cursor, newest_at, _divided(bytes(digests))) for cursor, newest_at, digests in found]


def replace_lookback(conn: connection, entity: str, pages: Sequence[LookbackPage]) -> None:
    """Replace the kept pages with these."""
    _SQL.execute(conn, "forget_lookback", {"entity": entity})
    for number, page in enumerate(pages):
        values = {"entity": entity, "page": number, "cursor_before": page.cursor_before, "newest_at": page.newest_at}
        _SQL.execute(conn, "keep_lookback_page", values | {"digests": b"".join(sorted(page.digests))})


def known_unreadable(conn: connection, entity: str, digests: Iterable[bytes]) -> set[bytes]:
    """The digests whose records have landed before."""
    return {
        bytes(found) for (found,) in _SQL.rows(conn, "known_unreadable", {"entity": entity, "digests": list(digests)})
    }


def note_unreadable(conn: connection, entity: str, digests: Sequence[bytes], load_id: int) -> None:
    """Remember records without a readable id, in the transaction that lands them."""
    if digests:
        _SQL.execute(conn, "note_unreadable", {"entity": entity, "digests": list(digests), "load_id": load_id})


def source_id(conn: connection, entity: str) -> str | None:
    """Id of the source that the entity is pulled from; None while it is not known."""
    found = _SQL.rows(conn, "source_id", {"entity": entity})
    return found[0][0] if found else None


def note_source(conn: connection, entity: str, identity: str) -> None:
    """Remember the source's id, if it is not known already."""
    _SQL.execute(conn, "note_source", {"entity": entity, "source_id": identity})


def read_sample(conn: connection, entity: str) -> list[SampleRecord]:
    """Fingerprints of the records that landed last, by id; empty before the first pull."""
    return [SampleRecord(*row) for row in _SQL.rows(conn, "sample", {"entity": entity})]


def replace_sample(conn: connection, entity: str, records: Sequence[SampleRecord]) -> None:
    """Replace the kept fingerprints with these."""
    _SQL.execute(conn, "forget_sample", {"entity": entity})
    _SQL.execute(conn, "end_acceptance", {"entity": entity})
    for record in records:
        _SQL.execute(conn, "keep_sample", {"entity": entity} | vars(record))


def forget_source(conn: connection, entity: str) -> None:
    """Accept the next source that answers, until some of its records have landed."""
    _SQL.execute(conn, "accept_source", {"entity": entity})
    _SQL.execute(conn, "forget_sample", {"entity": entity})


def is_accepted(conn: connection, entity: str) -> bool:
    """Whether an operator has accepted the next source that answers."""
    return bool(_SQL.rows(conn, "is_accepted", {"entity": entity})[0][0])


def open_replay(conn: connection, entity: str) -> Replay | None:
    """The full refresh that has not ended, if there is one."""
    found = _SQL.rows(conn, "open_replay", {"entity": entity})
    return Replay(*found[0]) if found else None


def begin_replay(conn: connection, entity: str, load_id: int, end: str | None) -> Replay:
    """Open a full refresh: from the source's beginning to the cursor `end` (None: to the source's end)."""
    values = {"entity": entity, "load_id": load_id, "cursor_end": end}
    return Replay(*_SQL.rows(conn, "begin_replay", values)[0])


def advance_replay(conn: connection, replay: Replay, cursor: str) -> None:
    """Move the position of a full refresh after what this transaction receipts."""
    _SQL.execute(conn, "advance_replay", {"replay_id": replay.replay_id, "cursor_value": cursor})


def finish_replay(conn: connection, replay: Replay) -> None:
    """Close a full refresh: all history has landed again."""
    _SQL.execute(conn, "finish_replay", {"replay_id": replay.replay_id})


def _divided(digests: bytes) -> frozenset[bytes]:
    return frozenset(digests[at : at + DIGEST_BYTES] for at in range(0, len(digests), DIGEST_BYTES))
