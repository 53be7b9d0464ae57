"""The plan of a backfill in `meta`: ranges of ids after an entity's watermark, each with a position of its own.

`ingestion.backfill` pulls the ranges. They exist while the backfill is under way. The watermark passes a range when it
and all before it are finished, in the transaction that finishes the last of them, so it never passes a record that is
not in a receipted file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medallion.errors import WatermarkLost
from medallion.state.id_range import IdRange
from medallion.state.locks import range_lock
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class RangeClaim:
    """A range taken by this process. `reached`: its last id in a receipted file, or the id before its first."""

    entity: str
    ids: IdRange
    reached: int
    epoch: int


@dataclass(frozen=True)
class Progress:
    """The progress of a backfill. `at_work`: ranges that processes hold now; `ids_per_second`: their total speed."""

    ranges: int
    finished: int
    ids: int
    ids_done: int
    at_work: int
    ids_per_second: float | None

    @property
    def seconds_left(self) -> float | None:
        """Estimate by the current speed; None while the speed is unknown."""
        return (self.ids - self.ids_done) / self.ids_per_second if self.ids_per_second else None

    def words(self) -> str:
        """One line for a person."""
        share = f"{self.ids_done / self.ids:.0%} of {counted(self.ids, 'id')}" if self.ids else "no ranges"
        ranges = f"{self.finished} of {counted(self.ranges, 'range')}"
        if not self.at_work:
            return f"{share}, {ranges}; no process is at work on it"
        if self.seconds_left is None or not self.ids_per_second:
            return f"{share}, {ranges}; the next ones have begun"
        return f"{share}, {ranges}, {self.ids_per_second:,.0f}/s, about {_duration(self.seconds_left)} left"


@dataclass(frozen=True)
class StalledRange:
    """A range that a process holds without moving it: the process, and since when."""

    entity: str
    ids: IdRange
    since: str
    holder: str

    def words(self) -> str:
        """One line for a person."""
        return (
            f"{self.entity} {self.ids.first} to {self.ids.last}: {self.holder} holds the range and has not moved it "
            f"since {self.since}"
        )


def add_ranges(conn: connection, entity: str, ranges: Sequence[IdRange]) -> None:
    """Begin a backfill with these ranges. The caller holds the entity's lock and has raised its epoch."""
    ends = {"first": [one.first for one in ranges], "last": [one.last for one in ranges]}
    _SQL.rows(conn, "add_ranges", {"entity": entity} | ends)


def open_ranges(conn: connection, entity: str) -> list[IdRange]:
    """Ranges that are not finished, in ascending order. Empty: no backfill is under way."""
    return [IdRange(*row) for row in _SQL.rows(conn, "open_ranges", {"entity": entity})]


def claim_range(conn: connection, entity: str, first: int, load_id: int) -> RangeClaim | None:
    """Take the range that begins at `first` under a new epoch; None when it is finished. The caller holds its lock."""
    values = {"entity": entity, "first": first, "load_id": load_id}
    for last, cursor, epoch in _SQL.rows(conn, "claim_range", values):
        return RangeClaim(entity, IdRange(first, last), first - 1 if cursor is None else cursor, epoch)
    return None


def advance_range(conn: connection, claim: RangeClaim, cursor: int) -> None:
    """Move the range's position after what this transaction receipts. Raises WatermarkLost on a stale epoch."""
    _fenced(conn, "advance_range", claim, cursor=cursor)


def finish_range(conn: connection, claim: RangeClaim, load_id: int) -> None:
    """Close the range and move the watermark as far as it may go; the last range also removes the plan.

    Raises WatermarkLost on a stale epoch.
    """
    _SQL.rows(conn, "hold_watermark", {"entity": claim.entity})
    _fenced(conn, "finish_range", claim)
    _SQL.rows(conn, "pass_finished", {"entity": claim.entity, "load_id": load_id})
    _SQL.rows(conn, "forget_finished", {"entity": claim.entity})


def read_progress(conn: connection, entity: str) -> Progress | None:
    """The progress of the backfill; None when none is under way, or the schema is older than backfills."""
    if _SQL.rows(conn, "has_ranges") != [(True,)]:
        return None
    (row,) = _SQL.rows(conn, "progress", _locks_of_ranges(conn, entity))
    progress = Progress(*row)
    return progress if progress.ranges else None


def stalled_ranges(conn: connection, entity: str, minutes: float) -> list[StalledRange]:
    """Ranges that a process holds and has not moved for `minutes`. Empty: all held ranges make progress."""
    values = _locks_of_ranges(conn, entity) | {"minutes": minutes}
    found = _SQL.rows(conn, "stalled_ranges", values)
    return [StalledRange(entity, IdRange(first, last), *said) for first, last, *said in found]


def _locks_of_ranges(conn: connection, entity: str) -> dict[str, Any]:
    """The lock of each open range, for statements that ask which session holds it."""
    firsts = [one.first for one in open_ranges(conn, entity)]
    locks = [range_lock(entity, first) for first in firsts]
    spaces, names = [lock.space for lock in locks], [lock.name for lock in locks]
    return {"entity": entity, "first": firsts, "spaces": spaces, "names": names}


def _fenced(conn: connection, statement: str, claim: RangeClaim, **values: Any) -> None:
    claimed = {"entity": claim.entity, "first": claim.ids.first, "epoch": claim.epoch}
    if not _SQL.rows(conn, statement, claimed | values):
        raise WatermarkLost(
            f"{claim.entity} {claim.ids.first} to {claim.ids.last}: another process has taken the range over "
            f"(epoch {claim.epoch} is stale)",
            remedy="nothing of this part was kept; the other one continues",
        )


def _duration(seconds: float) -> str:
    """The duration as text: 40 s, 12 min, 3.5 h."""
    if seconds < 90:  # noqa: PLR2004 - from here on minutes say more
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"  # noqa: PLR2004 - an hour and a half
