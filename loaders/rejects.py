"""Records that Silver refused: look at them, try them again under today's rules, or give them up.

A retry reads the record as it stands in quarantine, which is byte for byte as it stands in Bronze; the source is not
asked. What fits now is merged like any other record, in a load of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.batch import batch_of
from loaders.database import transaction
from loaders.errors import ConfigurationError
from loaders.load_customers import CUSTOMERS
from loaders.load_products import PRODUCTS
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.merge import write_rows
from loaders.records import parse_block
from loaders.state_store import RowCounts, close_load, locked, logged_load
from loaders.statements import read_statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset

_SQL = read_statements("rejects")
DATASETS = {one.name: one for one in (CUSTOMERS, PRODUCTS, SALES_CUSTOMER, SALES_PRODUCT)}


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
class Retried:
    """What a retry came to: ids that are in Silver now, and those that still do not fit."""

    resolved: tuple[int, ...]
    refused: tuple[int, ...]

    def summary(self) -> str:
        """One line for a person."""
        return f"{len(self.resolved):,} loaded, {len(self.refused):,} still refused"


def list_rejects(
    conn: connection, *, dataset: str | None = None, status: str | None = "OPEN", limit: int | None = None
) -> list[Reject]:
    """Records in quarantine, oldest first; `status` None: of any status."""
    return _find(conn, ids=None, dataset=dataset, status=status, limit=limit)


def show_rejects(conn: connection, ids: Sequence[int]) -> list[Reject]:
    """Those records. Raises ConfigurationError naming ids that are not there."""
    found = _find(conn, ids=list(ids), dataset=None, status=None, limit=None)
    if missing := sorted(set(ids) - {one.rejected_record_id for one in found}):
        raise ConfigurationError(
            f"no rejected record has the id {', '.join(map(str, missing))}",
            remedy="./retail rejects list --status ALL shows every id",
        )
    return found


def retry_rejects(conn: connection, rejects: Sequence[Reject], *, run_id: str) -> Retried:
    """Hold open records against today's rules; what fits goes to Silver and is RESOLVED. Raises DatabaseError."""
    resolved: list[int] = []
    still_open = [one for one in rejects if one.status == "OPEN"]
    for name, dataset in DATASETS.items():
        of_dataset = [one for one in still_open if one.dataset == name]
        if of_dataset:
            resolved += _retry(conn, dataset, of_dataset, run_id)
    refused = {one.rejected_record_id for one in still_open} - set(resolved)
    return Retried(tuple(sorted(resolved)), tuple(sorted(refused)))


def discard_rejects(conn: connection, rejects: Sequence[Reject]) -> int:
    """Give open records up for good; they stay readable. Returns how many."""
    ids = [one.rejected_record_id for one in rejects if one.status == "OPEN"]
    with transaction(conn):
        _settle(conn, ids, "DISCARDED", None)
    return len(ids)


def _retry(conn: connection, dataset: Dataset, rejects: list[Reject], run_id: str) -> list[int]:
    block = b"".join(one.raw + b"\n" for one in rejects)
    parsed = parse_block(dataset, block, 1)
    refused = {rejection.line_no - 1 for rejection in parsed.rejections}
    fit = [one.rejected_record_id for index, one in enumerate(rejects) if index not in refused]
    if not fit:
        return []
    with (
        locked(conn, "silver", dataset.name),
        logged_load(conn, run_id=run_id, layer="silver", dataset=dataset.name) as load_id,
        transaction(conn),
    ):
        counts = write_rows(conn, dataset, batch_of(dataset, parsed.rows, load_id))
        _settle(conn, fit, "RESOLVED", load_id)
        close_load(conn, load_id, RowCounts() + counts, len(block))
    return fit


def _find(conn: connection, **conditions: Any) -> list[Reject]:
    """Each condition that is None does not count."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_SQL["find_rejects"], conditions)
        return [_reject(*row) for row in cursor.fetchall()]


def _reject(*row: Any) -> Reject:
    values: list[Any] = [bytes(one) if isinstance(one, memoryview) else one for one in row]
    return Reject(*values)


def _settle(conn: connection, ids: list[int], status: str, load_id: int | None) -> None:
    """Close open records; `load_id` is the load that took them into Silver."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["settle_rejects"], {"ids": ids, "status": status, "load_id": load_id})
