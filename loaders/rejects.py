"""Records in quarantine: list them, retry them under today's rules, or discard them.

A retry reads the record from quarantine, where it is byte for byte as in Bronze; the source is not asked. A record that
fits now is merged like any other record, in a load of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.batch import batch_of
from loaders.dataset import DATASETS
from loaders.merge import write_rows
from loaders.records import parse_block
from loaders.source_clock import latest_of_retry
from loaders.versions import Versions
from medallion.database import transaction
from medallion.errors import ConfigurationError
from medallion.state.loads import RowCounts, close_load, logged_load
from medallion.state.locks import locked, table_lock
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Reject:
    """A record in quarantine. `status` is OPEN, RESOLVED or DISCARDED."""

    rejected_record_id: int
    dataset: str
    path: str
    line_no: int
    reason: str
    field: str | None
    raw: bytes
    status: str
    first_seen_at: datetime


@dataclass(frozen=True)
class RetryResult:
    """The result of a retry: ids that are in Silver now, and ids that still do not fit, each with its reason."""

    resolved: tuple[int, ...]
    refused: tuple[int, ...]
    reasons: tuple[str, ...] = ()

    @classmethod
    def of(cls, tried: AbstractSet[int], refused: Mapping[int, str]) -> RetryResult:
        """The result for the ids that were tried; `refused` has the reasons, by id."""
        ids = sorted(refused)
        return cls(tuple(sorted(tried - refused.keys())), tuple(ids), tuple(refused[one] for one in ids))

    def __add__(self, other: RetryResult) -> RetryResult:
        why = dict(zip(self.refused + other.refused, self.reasons + other.reasons, strict=True))
        return RetryResult.of({*self.resolved, *other.resolved, *why}, why)

    def summary(self) -> str:
        """One line for a person."""
        return f"{len(self.resolved):,} loaded, {len(self.refused):,} still refused"


def list_rejects(
    conn: connection, *, dataset: str | None = None, status: str | None = "OPEN", limit: int | None = None
) -> list[Reject]:
    """Records in quarantine, oldest first; with `status` None, of any status."""
    return _find(conn, ids=None, dataset=dataset, status=status, limit=limit)


def show_rejects(conn: connection, ids: Sequence[int]) -> list[Reject]:
    """The records with these ids. Raises ConfigurationError naming ids that do not exist."""
    found = _find(conn, ids=list(ids), dataset=None, status=None, limit=None)
    if missing := sorted(set(ids) - {one.rejected_record_id for one in found}):
        raise ConfigurationError(
            f"no rejected record has the id {', '.join(map(str, missing))}",
            remedy="./retail rejects list --status ALL shows every id",
        )
    return found


def retry_rejects(conn: connection, rejects: Sequence[Reject], *, run_id: str) -> RetryResult:
    """Check open records by today's rules; those that fit go to Silver and are RESOLVED. Raises DatabaseError."""
    still_open = [one for one in rejects if one.status == "OPEN"]
    refused = {one.rejected_record_id: "no loader" for one in still_open if one.dataset not in DATASETS}
    for name, dataset in DATASETS.items():
        of_dataset = [one for one in still_open if one.dataset == name]
        if of_dataset:
            refused |= _retry(conn, dataset, of_dataset, run_id)
    return RetryResult.of({one.rejected_record_id for one in still_open}, refused)


def discard_rejects(conn: connection, rejects: Sequence[Reject]) -> int:
    """Discard open records for good; they stay readable. Returns how many."""
    ids = [one.rejected_record_id for one in rejects if one.status == "OPEN"]
    with transaction(conn):
        _settle(conn, ids, "DISCARDED", None)
    return len(ids)


def sales_watermark(conn: connection) -> str:
    """The watermark of sales: the cursor in receipts of what lands without moving it."""
    row = _SQL.first(conn, "sales_watermark")
    return str(row[0]) if row else "0"


def _retry(conn: connection, dataset: Dataset, rejects: list[Reject], run_id: str) -> dict[int, str]:
    """Load the records that fit. Returns, by id, the reason of each that does not."""
    ids = [one.rejected_record_id for one in rejects]
    is_open = {one.rejected_record_id for one in _find(conn, ids=ids, dataset=dataset.name, status="OPEN", limit=None)}
    settled = {one: "a later file has settled it" for one in ids if one not in is_open}
    rejects = [one for one in rejects if one.rejected_record_id in is_open]
    if not rejects:
        return settled
    block = b"".join(one.raw + b"\n" for one in rejects)
    parsed = parse_block(dataset, block, 1, latest_of_retry(_now(conn)))
    refused = settled | {rejects[one.line_no - 1].rejected_record_id: one.reason for one in parsed.rejections}
    fit = [one.rejected_record_id for one in rejects if one.rejected_record_id not in refused]
    if not fit:
        return refused
    with (
        locked(conn, table_lock(dataset.name)),
        logged_load(conn, run_id=run_id, layer="silver", dataset=dataset.name) as load_id,
        transaction(conn),
    ):
        versions = Versions(dataset, run_id)
        counts = write_rows(conn, dataset, batch_of(dataset, parsed.rows, load_id), versions)
        versions.close(conn)
        _settle(conn, fit, "RESOLVED", load_id)
        close_load(conn, load_id, RowCounts() + counts, len(block))
    return refused


def _now(conn: connection) -> datetime:
    with transaction(conn):
        now: datetime = _SQL.one(conn, "now")[0]
    return now


def _find(conn: connection, **conditions: Any) -> list[Reject]:
    """Records that meet the conditions; those that are None do not count."""
    with transaction(conn):
        return [_reject(*row) for row in _SQL.rows(conn, "find_rejects", conditions)]


def _reject(*row: Any) -> Reject:
    values: list[Any] = [bytes(one) if isinstance(one, memoryview) else one for one in row]
    return Reject(*values)


def _settle(conn: connection, ids: list[int], status: str, load_id: int | None) -> None:
    """Close open records; `load_id` is the load that took them into Silver."""
    _SQL.execute(conn, "settle_rejects", {"ids": ids, "status": status, "load_id": load_id})
