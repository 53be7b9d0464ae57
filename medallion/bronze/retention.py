"""Removal of old Bronze files, where it was asked for: `python -m medallion.bronze.retention`.

Silver can be rebuilt from Bronze, so by default every file stays. With `BRONZE_RETENTION_DAYS` set, a file is removed
once it is in Silver and older than that. Its receipt stays and records when the file was removed. The receipt is marked
first, so a crash before the removal leaves a file that no process reads, and the next removal deletes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.bronze.store import open_store
from medallion.database import transaction
from medallion.errors import BronzeNotRemoved, ConfigurationError, NothingToDo
from medallion.process.step import run_step
from medallion.state.locks import RETENTION, locked
from medallion.statements import Statements
from medallion.wording import counted, megabytes

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings

_SQL = Statements(__file__)


@dataclass(frozen=True)
class RetentionResult:
    """Files that were removed; their size in bytes."""

    files: int
    bytes: int

    def summary(self) -> str:
        """One line for a person."""
        return f"{counted(self.files, 'old Bronze file')} removed ({megabytes(self.bytes)})"


def expire_bronze(conn: connection, settings: Settings, *, run_id: str) -> RetentionResult:  # noqa: ARG001 - as every step
    """Remove files older than `BRONZE_RETENTION_DAYS` that Silver has taken.

    Raises NothingToDo when no retention is set, BronzeNotRemoved when the store refuses, EntityLocked during a
    rebuild from Bronze.
    """
    if settings.bronze_retention_days is None:
        raise NothingToDo("BRONZE_RETENTION_DAYS is not set: every Bronze file stays", remedy="nothing to do")
    with locked(conn, RETENTION):
        with transaction(conn):
            _SQL.execute(conn, "expire_files", {"days": settings.bronze_retention_days})
            found = _SQL.rows(conn, "files_to_remove")
        for path, _ in found:
            _remove(settings.bronze_location, path)
            with transaction(conn):
                _SQL.execute(conn, "file_removed", {"path": path})
    return RetentionResult(len(found), sum(size for _, size in found))


def require_whole_bronze(conn: connection) -> None:
    """Raise ConfigurationError when Silver may hold records that no Bronze file has any more."""
    with transaction(conn):
        (files,) = _SQL.one(conn, "files_only_in_silver")
    if files:
        raise ConfigurationError(
            f"{files:,} Bronze files that Silver has taken are gone (expired or retired): Bronze alone is not all "
            "of Silver",
            remedy="keep the live tables; a full_refresh of the DAG brings back what the source still has",
        )


def _remove(location: str, path: str) -> None:
    try:
        open_store(location).remove(path)
    except OSError as error:
        raise BronzeNotRemoved(path=path, reason=error.strerror or str(error)) from error


if __name__ == "__main__":
    run_step(lambda conn, settings: expire_bronze(conn, settings, run_id="").summary())
