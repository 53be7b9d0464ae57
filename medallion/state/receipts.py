"""Receipts in `meta.bronze_file`: which Bronze files are complete, and which of them Silver has loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.state.loads import add_to_load
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Receipt:
    """The committed record of one Bronze file. `path` is relative to BRONZE_URL.

    `landed_at` is the warehouse's time of the commit: None until the receipt is read back.
    """

    path: str
    dataset: str
    load_id: int
    part: int
    records: int
    bytes: int
    sha256: str
    cursor_after: str | None
    cursor_through: str
    landed_at: datetime | None = None


def add_receipt(conn: connection, receipt: Receipt) -> None:
    """Record a durable Bronze file and add it to its load's counts."""
    _SQL.execute(conn, "add_receipt", vars(receipt))
    add_to_load(conn, receipt.load_id, records=receipt.records, size=receipt.bytes)


def all_receipts(conn: connection) -> list[Receipt]:
    """Every receipt, in the order in which the files landed."""
    return [Receipt(*row) for row in _SQL.rows(conn, "receipts")]


def retire_file(conn: connection, path: str) -> bool:
    """Retire a damaged file, so that no load reads it; False when no later pull from the beginning replaces it."""
    return _SQL.first(conn, "retire_file", {"path": path}) is not None


def unloaded_files(conn: connection, dataset: str) -> list[Receipt]:
    """Receipted files of a dataset that Silver has not loaded, in the order they landed."""
    return [Receipt(*row) for row in _SQL.rows(conn, "unloaded_files", {"dataset": dataset})]


def mark_loaded(conn: connection, receipt: Receipt, load_id: int) -> None:
    """Mark a file as loaded into Silver, in the transaction that wrote its rows."""
    _SQL.execute(conn, "mark_loaded", {"path": receipt.path, "load_id": load_id})


def files_without_versions(conn: connection, dataset: str) -> list[Receipt]:
    """Files that Silver took before it kept versions, and that can still be read, in the order they landed."""
    return [Receipt(*row) for row in _SQL.rows(conn, "files_without_versions", {"dataset": dataset})]


def mark_versions_kept(conn: connection, receipt: Receipt) -> None:
    """Note that every version in a file is in Silver, in the transaction that wrote them."""
    _SQL.execute(conn, "mark_versions_kept", {"path": receipt.path})


def has_landed(conn: connection, datasets: Sequence[str]) -> bool:
    """Whether any file of these datasets has ever landed, even one that is no longer read."""
    return bool(_SQL.one(conn, "has_landed", {"datasets": list(datasets)})[0])


def files_waiting(conn: connection, datasets: Sequence[str]) -> int:
    """The number of receipted files of the datasets that Silver has not loaded yet."""
    return int(_SQL.one(conn, "files_waiting", {"datasets": list(datasets)})[0])
