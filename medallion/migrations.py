"""Changes to live tables: `sql/migrations/NNNN_what_it_does.sql`, each applied exactly once, in numeric order.

A new warehouse runs the same files as one that is in use, so the two cannot diverge. `meta.migration` records what was
applied. A warehouse that does not match the files is left unchanged.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2

from medallion.database import first_line
from medallion.errors import MigrationRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from psycopg2.extensions import cursor

_FILE = re.compile(r"(?P<number>[0-9]{4})_[a-z0-9_]+")
_APPLIED = "select number, name, sha256 from meta.migration order by number"
_NOTE = "insert into meta.migration (number, name, sha256) values (%s, %s, %s)"
_RENUMBER = "give each migration that is not applied anywhere yet the next free number"


@dataclass(frozen=True)
class Migration:
    """A file of sql/migrations, or the row of `meta.migration` for a file that was applied."""

    number: int
    name: str  # NNNN_what_it_does
    sha256: str


@dataclass(frozen=True)
class MigrationFile(Migration):
    """A migration with its statements."""

    text: str


def read_migrations(folder: Path) -> tuple[MigrationFile, ...]:
    """All migrations in `folder`, in order. Raises MigrationRefused unless they are numbered 1, 2, 3 …."""
    found = tuple(_read(file) for file in sorted(folder.glob("*.sql")))
    for expected, one in enumerate(found, start=1):
        if one.number != expected:
            raise MigrationRefused(
                f"{folder.name} has {one.name} where {expected:04} should be", remedy=f"{_RENUMBER}; restore a lost one"
            )
    return found


def apply_migrations(cursor: cursor, files: Sequence[MigrationFile]) -> tuple[str, ...]:
    """Apply pending migrations in the caller's transaction. Returns the names of those applied.

    The caller holds the lock of the schema. On MigrationRefused the caller must roll back.
    """
    pending = choose_pending(files, read_applied(cursor))
    for one in pending:
        _apply(cursor, one)
    return tuple(one.name for one in pending)


def read_applied(cursor: cursor) -> list[Migration]:
    """The migrations that this warehouse has had, in order."""
    cursor.execute(_APPLIED)
    return [Migration(*row) for row in cursor.fetchall()]


def choose_pending(files: Sequence[MigrationFile], applied: Sequence[Migration]) -> Sequence[MigrationFile]:
    """The files after the last applied one. Raises MigrationRefused unless the files before are those applied."""
    _require_known(files, applied)
    for expected, done in zip(files, applied, strict=False):
        if (done.number, done.name) != (expected.number, expected.name):
            raise MigrationRefused(
                f"this warehouse was migrated by {done.name}, sql/migrations has {expected.name} in that place",
                remedy=f"restore the file that was applied, then {_RENUMBER}",
            )
        if done.sha256 != expected.sha256:
            raise MigrationRefused(
                f"sql/migrations/{expected.name}.sql is not what this warehouse was migrated by: it was changed since",
                remedy="restore the file, and write the change as a migration of its own, with the next number",
            )
    return files[len(applied) :]


def _require_known(files: Sequence[MigrationFile], applied: Sequence[Migration]) -> None:
    if len(applied) <= len(files):
        return
    raise MigrationRefused(
        f"a newer version has migrated this warehouse to {applied[-1].name}: "
        f"this one knows {files[-1].name if files else 'no migration'} and would write what no longer fits",
        remedy="use that version (git pull), or go back to a dump from before it "
        "(docs/operations.md, Upgrade); nothing was changed",
    )


def _read(file: Path) -> MigrationFile:
    named = _FILE.fullmatch(file.stem)
    if named is None:
        raise MigrationRefused(
            f"{file.name} is no name of a migration", remedy="name it NNNN_what_it_does.sql, in lower case"
        )
    text = file.read_text(encoding="utf-8")
    return MigrationFile(int(named["number"]), file.stem, hashlib.sha256(text.encode()).hexdigest(), text)


def _apply(cursor: cursor, migration: MigrationFile) -> None:
    try:
        cursor.execute(migration.text)
    except psycopg2.OperationalError:
        raise  # a lock, a timeout, a lost server: not the file's fault
    except psycopg2.Error as error:
        raise MigrationRefused(
            f"migration {migration.name} failed: {first_line(error)}",
            remedy="the warehouse is as it was before; go back to the version that it fits, or fix the migration",
        ) from error
    cursor.execute(_NOTE, (migration.number, migration.name, migration.sha256))
