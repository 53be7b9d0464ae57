"""The ETL log in `meta.load`: one row for what a step did to a dataset or a model, with its counts or its error."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import psycopg2

from medallion.database import transaction
from medallion.errors import DatabaseError, RetailError
from medallion.redaction import record_to_keep
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from medallion.error_record import ErrorRecord

_SQL = Statements(__file__)


@dataclass(frozen=True)
class RowCounts:
    """Counts of a load: every record `read` is in exactly one of the others."""

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
        """The sum of the other counts; equal to `read`, or records were lost."""
        return self.inserted + self.updated + self.unchanged + self.superseded + self.rejected


def open_load(conn: connection, *, run_id: str, layer: str, dataset: str) -> int:
    """Open a load in the caller's transaction: it is in the ETL log only if that commits. Returns its id."""
    return int(_SQL.one(conn, "open_load", {"run_id": run_id, "layer": layer, "dataset": dataset})[0])


@contextmanager
def logged_load(conn: connection, *, run_id: str, layer: str, dataset: str, exclusive: bool = True) -> Iterator[int]:
    """Open a load in the ETL log and yield its id; an error marks it FAILED with its message.

    The caller holds the lock of `dataset`, so ids of one dataset commit in order, and any load still RUNNING
    was left by a process that died. Not `exclusive`: other processes may be at work on the same dataset.
    """
    with transaction(conn):
        if exclusive:
            _SQL.execute(conn, "abandon_loads", {"layer": layer, "dataset": dataset})
        load_id = open_load(conn, run_id=run_id, layer=layer, dataset=dataset)
    try:
        yield load_id
    except BaseException as error:
        fail_load(conn, load_id, error)
        raise


def fail_load(conn: connection, load_id: int, error: BaseException) -> None:
    """Mark a load FAILED. A lost connection must not hide the error that failed the load."""
    try:
        with transaction(conn):
            _SQL.execute(conn, "fail_load", {"load_id": load_id} | asdict(record_to_keep(error)))
    except (DatabaseError, psycopg2.Error):
        return  # the next run marks it as abandoned


def log_failure(conn: connection, *, run_id: str, layer: str, dataset: str, error: RetailError) -> None:
    """Write a step that failed before it had a load of its own into the ETL log."""
    values = {"run_id": run_id, "layer": layer, "dataset": dataset}
    _SQL.execute(conn, "log_failure", values | asdict(record_to_keep(error)))


def log_unlogged(conn: connection, *, run_id: str, layer: str, dataset: str, error: ErrorRecord) -> None:
    """As `log_failure`, unless the step of this run has logged an error of that type, or its load is still open.

    An error without a type is that of a killed process: any failure that the step has logged stands for it.
    """
    _SQL.execute(conn, "log_unlogged", {"run_id": run_id, "layer": layer, "dataset": dataset} | asdict(error))


def succeed_load(conn: connection, load_id: int) -> None:
    """Close a load whose counts were added as it ran."""
    _SQL.execute(conn, "succeed_load", {"load_id": load_id})


def add_to_load(conn: connection, load_id: int, *, records: int, size: int) -> None:
    """Add a landed file to the counts of its load. `size` is in bytes."""
    _SQL.execute(conn, "add_to_load", {"load_id": load_id, "records": records, "bytes": size})


def close_load(conn: connection, load_id: int, counts: RowCounts, size: int) -> None:
    """Close a load with its counts. `size` is in bytes."""
    values = {f"rows_{name}": getattr(counts, name) for name in RowCounts.__dataclass_fields__}
    _SQL.execute(conn, "close_load", values | {"load_id": load_id, "bytes": size})
