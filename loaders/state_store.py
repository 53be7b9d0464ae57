"""The only code that touches `meta.*`: watermarks, receipts, the load log, quarantine.

Every function takes the connection and leaves the transaction to its caller, because what must be true
together must commit together: the receipts of a part with the watermark behind it, the rows of a file
with its mark. The statements stand in `sql/state_store.sql`.

Two things keep a second run out. A session lock, which the server drops when its holder dies; and the
epoch of the entity, which every run raises when it starts. The lock alone is not enough: a run that is
paused, loses its connection and wakes up would still believe that it holds it. Its epoch is then stale,
and the compare-and-swap in `advance_watermark` refuses to move.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2

from loaders.database import transaction
from loaders.errors import DatabaseError, EntityLocked, RetailError, WatermarkLost
from loaders.statements import read_statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

_SQL = read_statements("state_store")


@dataclass(frozen=True)
class Claim:
    """An entity taken by this run. `cursor` is its watermark, None when nothing was pulled yet."""

    entity: str
    cursor: str | None
    epoch: int


@dataclass(frozen=True)
class Receipt:
    """The committed record of one Bronze file. `path` is relative to BRONZE_URL."""

    path: str
    dataset: str
    load_id: int
    part: int
    records: int
    bytes: int
    sha256: str
    cursor_after: str | None
    cursor_through: str


@dataclass(frozen=True, order=True)
class IdRange:
    """Ids from `first` to `last`, both of them included."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last


@dataclass(frozen=True)
class RowCounts:
    """What became of the records of a load: every one read is in exactly one of the others."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    superseded: int = 0
    rejected: int = 0

    def __add__(self, other: RowCounts) -> RowCounts:
        return RowCounts(
            self.read + other.read,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.superseded + other.superseded,
            self.rejected + other.rejected,
        )

    @property
    def accounted(self) -> int:
        """Records whose fate is known; equal to `read` or something was lost."""
        return self.inserted + self.updated + self.unchanged + self.superseded + self.rejected


@dataclass(frozen=True)
class Rejection:
    """A record that Silver refused. `line_no` counts from 1 in its Bronze file; `raw` is that line."""

    line_no: int
    reason: str
    field: str | None
    raw: bytes


@dataclass(frozen=True)
class PendingGold:
    """Something Gold has not yet taken: loads of `source_table` above `taken_load_id`."""

    model: str
    source_table: str
    taken_load_id: int
    last_load_id: int


@contextmanager
def locked(conn: connection, layer: str, name: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the session lock of one entity or table; EntityLocked, naming a holder, when it is taken.

    `shared`: with others that share it, against whoever wants it alone.
    """
    key = {"space": f"retail.{layer}", "name": name}
    with transaction(conn):
        taken = _one(conn, "try_share" if shared else "try_lock", key)[0]
        holder = None if taken else _first(conn, "lock_holder", key)
    if not taken:
        raise EntityLocked(
            f"{layer} {name} is being worked on by another run: {holder[0] if holder else 'just ended'}",
            remedy="wait for it to end, or end it, and run again; nothing was changed",
        )
    try:
        yield
    finally:
        _unlock(conn, "unshare" if shared else "unlock", key)


def claim_entity(conn: connection, entity: str) -> Claim:
    """Take an entity under a new epoch. The caller holds its lock."""
    cursor_value, epoch = _one(conn, "claim_entity", {"entity": entity})
    return Claim(entity, cursor_value, epoch)


def advance_watermark(conn: connection, claim: Claim, cursor: str, load_id: int) -> None:
    """Move the watermark behind what this transaction receipts. Raises WatermarkLost on a stale epoch."""
    values = {"entity": claim.entity, "epoch": claim.epoch, "cursor_value": cursor, "load_id": load_id}
    if _first(conn, "advance_watermark", values) is None:
        raise WatermarkLost(
            f"{claim.entity}: a newer run has taken over since this one started (epoch {claim.epoch} is stale)",
            remedy="nothing of this part was kept; the newer run carries on",
        )


@contextmanager
def logged_load(conn: connection, *, run_id: str, layer: str, dataset: str, alone: bool = True) -> Iterator[int]:
    """Open a load in the ETL log and yield its id; an error marks it FAILED with its message.

    The caller holds the lock of `dataset`, so ids of one dataset commit in order, and any load still
    RUNNING was left by a process that died. Not `alone`: others may be at work on the same dataset.
    """
    with transaction(conn):
        if alone:
            _execute(conn, "abandon_loads", {"layer": layer, "dataset": dataset})
        load_id = _one(conn, "open_load", {"run_id": run_id, "layer": layer, "dataset": dataset})[0]
    try:
        yield load_id
    except BaseException as error:
        fail_load(conn, load_id, error)
        raise


def fail_load(conn: connection, load_id: int, error: BaseException) -> None:
    """Mark a load FAILED. A lost connection is no reason to hide the error that lost it."""
    message = str(error) if isinstance(error, RetailError) else f"{type(error).__name__}: {error}"
    try:
        with transaction(conn):
            _execute(conn, "fail_load", {"load_id": load_id, "error_message": message})
    except (DatabaseError, psycopg2.Error):
        return  # the next run marks it as abandoned


def log_failure(conn: connection, *, run_id: str, layer: str, dataset: str, error: RetailError) -> None:
    """Write a step that failed before it had a load of its own into the ETL log."""
    values = {"run_id": run_id, "layer": layer, "dataset": dataset, "error_message": str(error)}
    _execute(conn, "log_failure", values)


def succeed_load(conn: connection, load_id: int) -> None:
    """Close a load whose counts were kept along the way."""
    _execute(conn, "succeed_load", {"load_id": load_id})


def close_load(conn: connection, load_id: int, counts: RowCounts, size: int) -> None:
    """Close a load with its counts. `size` is in bytes."""
    values = {f"rows_{name}": getattr(counts, name) for name in RowCounts.__dataclass_fields__}
    _execute(conn, "close_load", values | {"load_id": load_id, "bytes": size})


def add_receipt(conn: connection, receipt: Receipt) -> None:
    """Record a durable Bronze file and add it to its load's counts."""
    _execute(conn, "add_receipt", vars(receipt))
    _execute(conn, "add_to_load", vars(receipt))


def add_gaps(conn: connection, passed_over: Sequence[IdRange]) -> None:
    """Keep the sale ids that a part passed over, in the transaction that lands it. Known ones stay as they are."""
    if passed_over:
        _execute(conn, "add_gaps", _ends(passed_over))


def expire_gaps(conn: connection, hours: float) -> int:
    """Give up on gaps that are older than that; returns how many ids they span."""
    return int(_one(conn, "expire_gaps", {"hours": hours})[0])


def open_gaps(conn: connection) -> list[IdRange]:
    """Sale ids that may still come, rising."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["open_gaps"])
        return [IdRange(*row) for row in cursor.fetchall()]


def gaps_checked(conn: connection) -> None:
    """Note that every open gap was asked for."""
    _execute(conn, "gaps_checked", {})


def fill_gap(conn: connection, gap: IdRange, arrived: Sequence[IdRange], left: Sequence[IdRange]) -> None:
    """Divide an open gap into what arrived and what is left of it, in the transaction that lands the former."""
    (first_seen_at,) = _one(conn, "close_gap", {"from_id": gap.first})
    for status, pieces in (("FILLED", arrived), ("OPEN", left)):
        _execute(conn, "add_gap_pieces", _ends(pieces) | {"status": status, "first_seen_at": first_seen_at})


def all_receipts(conn: connection) -> list[Receipt]:
    """Every receipt, in the order in which the files landed."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["receipts"])
        return [Receipt(*row) for row in cursor.fetchall()]


def retire_file(conn: connection, path: str) -> bool:
    """Have nobody read a damaged file any more; False when no later pull from the beginning has brought it again."""
    return _first(conn, "retire_file", {"path": path}) is not None


def unloaded_files(conn: connection, dataset: str) -> list[Receipt]:
    """Receipted files of a dataset that Silver has not taken, in the order they landed."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["unloaded_files"], {"dataset": dataset})
        return [Receipt(*row) for row in cursor.fetchall()]


def mark_loaded(conn: connection, receipt: Receipt, load_id: int) -> None:
    """Mark a file as taken into Silver, in the transaction that wrote its rows."""
    _execute(conn, "mark_loaded", {"path": receipt.path, "load_id": load_id})


def reject_records(conn: connection, receipt: Receipt, rejections: Sequence[Rejection]) -> None:
    """Set records aside, in the transaction that loads the rest of their file."""
    for rejection in rejections:
        _execute(conn, "reject_record", vars(rejection) | {"dataset": receipt.dataset, "path": receipt.path})


def pending_gold(conn: connection) -> list[PendingGold]:
    """What Gold has not yet taken from Silver, or tested. Empty: nothing for dbt to do."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["gold_pending"])
        return [PendingGold(*row) for row in cursor.fetchall()]


def open_gold_test(conn: connection) -> None:
    """Fix how far the tests that start now will have looked."""
    _execute(conn, "open_gold_test", {})


def close_gold_test(conn: connection) -> None:
    """Move the watermark of the tests, after they passed."""
    _execute(conn, "close_gold_test", {})


def want_gold_rebuild(conn: connection) -> None:
    """Have Gold built from the beginning, by this run or, should it die, by the next."""
    _execute(conn, "want_gold_rebuild", {})


def gold_rebuild_wanted(conn: connection) -> bool:
    """Whether Gold is to be built from the beginning."""
    return bool(_one(conn, "gold_rebuild_wanted", {})[0])


def gold_rebuilt(conn: connection) -> None:
    """Gold was built from the beginning, marts and all."""
    _execute(conn, "gold_rebuilt", {})


def sales_waiting(conn: connection) -> int:
    """Receipted files of sales that Silver has not taken yet."""
    return int(_one(conn, "sales_waiting", {})[0])


def _ends(ranges: Sequence[IdRange]) -> dict[str, Any]:
    return {"first": [one.first for one in ranges], "last": [one.last for one in ranges]}


def _unlock(conn: connection, statement: str, key: dict[str, str]) -> None:
    """Give the lock back; a connection that is gone has given it back already."""
    try:
        with transaction(conn):
            _execute(conn, statement, key)
    except (DatabaseError, psycopg2.Error):
        return


def _execute(conn: connection, statement: str, values: dict[str, Any]) -> None:
    with conn.cursor() as cursor:
        cursor.execute(_SQL[statement], values)


def _first(conn: connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...] | None:
    with conn.cursor() as cursor:
        cursor.execute(_SQL[statement], values)
        return cursor.fetchone()


def _one(conn: connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    row = _first(conn, statement, values)
    if row is None:
        raise DatabaseError(
            f"meta has no row for {values} ({statement})",
            remedy="apply the schema with: python -m loaders.schema",
        )
    return row
