"""`./retail export`: tables as Parquet files, as they stood at one moment, without personal columns.

All tables are read in one read-only transaction at one snapshot. A table streams through a CSV file next to its Parquet
file, so memory stays bounded however large it is. The session is that of the reader where the platform has its login;
elsewhere the same columns are left out as the reader may not see.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
from psycopg2 import sql

from medallion.database import connect, transaction
from medallion.entities.registry import TABLES
from medallion.errors import ConfigurationError, DatabaseError
from medallion.private_files import PRIVATE_FILE, make_private
from medallion.process.steps import MEMBERSHIP, Layer, tables
from medallion.schema import prepare_to_read
from medallion.state.nightly_builds import missing_tables
from medallion.statements import Statements
from medallion.wording import counted, megabytes
from stack.services.postgres.roles import READER
from stack.services.warehouse import role_url, warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from psycopg2.extensions import connection

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_SQL = Statements(__file__)
_LAYERS: tuple[Layer, ...] = ("gold", "silver")
_DECIMAL = re.compile(r"numeric\((?P<precision>[0-9]+),(?P<scale>[0-9]+)\)")
_INTEGERS = {"bigint": pl.Int64, "integer": pl.Int32, "smallint": pl.Int16}
_FLOATS = {"double precision": pl.Float64, "real": pl.Float32}
_MOMENTS = {
    "timestamp with time zone": pl.Datetime("us", "UTC"),
    "timestamp without time zone": pl.Datetime("us"),
}
_PERSONAL = {name for table in TABLES.values() for name in table.personal_columns}


@dataclass(frozen=True)
class ExportedTable:
    """One table in a file. `left_out` are columns that identify a person."""

    table: str
    file: str
    rows: int
    bytes: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Exported:
    """The files of one export, all of the same moment."""

    folder: str
    tables: tuple[ExportedTable, ...]

    def summary(self) -> str:
        """One line for a person."""
        rows, size = sum(one.rows for one in self.tables), sum(one.bytes for one in self.tables)
        return f"{counted(rows, 'row')} of {counted(len(self.tables), 'table')} in {self.folder} ({megabytes(size)})"


@dataclass(frozen=True)
class _Column:
    """A column that is exported, with its type as Postgres writes it."""

    name: str
    kind: str

    @property
    def selected(self) -> sql.Composable:
        """The expression that COPY reads: moments as microseconds since 1970, exactly."""
        name = sql.Identifier(self.name)
        if self.kind in _MOMENTS:
            return sql.SQL("(extract(epoch from {}) * 1000000)::bigint").format(name)
        return name

    @property
    def read_as(self) -> pl.DataType | type[pl.DataType]:
        """The type that the CSV file is parsed into."""
        if found := _DECIMAL.fullmatch(self.kind):
            return pl.Decimal(int(found["precision"]), int(found["scale"]))
        if self.kind in _MOMENTS:
            return pl.Int64()
        return {**_INTEGERS, **_FLOATS, "date": pl.Date}.get(self.kind, pl.String)

    @property
    def written(self) -> pl.Expr:
        """The expression that is written to the Parquet file."""
        if self.kind in _MOMENTS:
            return pl.col(self.name).cast(_MOMENTS[self.kind])
        return pl.col(self.name) == "t" if self.kind == "boolean" else pl.col(self.name)


def export(
    home: Home, settings: StackSettings, talk: Talk, folder: Path, names: Sequence[str], *, replace: bool
) -> Exported:
    """Write tables to `folder`, by default those of Gold. `replace`: overwrite files of an earlier export.

    Where no delivery was ever loaded, Gold has no tables of the membership: by default they are left out then.

    Raises ConfigurationError for an unknown table or a file that exists, DatabaseError for a table that cannot be read.
    No file of the folder is changed then.
    """
    chosen = tuple(dict.fromkeys(_known(name) for name in names)) or tuple(f"gold.{name}" for name in tables("gold"))
    if not replace:
        _require_free([folder / _file_of(name) for name in chosen])
    with warehouse(home, settings, talk) as url:
        with connect(url, application_name="retail export") as conn:
            prepare_to_read(conn)
        with connect(role_url(home, settings, READER) or url, application_name="retail export") as conn:
            if not names:
                chosen = _without_unbuilt_membership(conn, chosen)
            return export_tables(conn, talk, folder, chosen)


def _without_unbuilt_membership(conn: connection, tables_of_gold: Sequence[str]) -> tuple[str, ...]:
    with transaction(conn):
        unbuilt = missing_tables(conn, MEMBERSHIP)
    return tuple(name for name in tables_of_gold if name not in unbuilt)


def export_tables(conn: connection, talk: Talk, folder: Path, names: Sequence[str]) -> Exported:
    """Write the tables, under names of this process until all are complete. The connection has to be a new one."""
    drafts: dict[Path, Path] = {}
    done = []
    conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
    try:
        _make_folder(folder)
        with transaction(conn):
            _SQL.rows(conn, "lift_limits")
        with transaction(conn):
            for name in names:
                final = folder / _file_of(name)
                draft = drafts[final] = folder / f".{final.name}.{os.getpid()}.new"
                with talk.step(name):
                    done.append(_export_table(conn, name, draft, final.name))
        for final, draft in drafts.items():
            draft.replace(final)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(
            f"the export to {folder} failed: {error}", remedy="free space there, or name a folder that you may write to"
        ) from error
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
    return Exported(str(folder), tuple(done))


def _export_table(conn: connection, name: str, draft: Path, file: str) -> ExportedTable:
    layer, _, table = name.partition(".")
    columns, left_out = _columns(conn, name)
    statement = sql.SQL("copy (select {} from {}) to stdout (format csv)").format(
        sql.SQL(", ").join(one.selected for one in columns), sql.Identifier(layer, table)
    )
    with _private_file(draft.with_suffix(".csv")) as text, _private_file(draft) as parquet:
        with text.open("wb") as stream, conn.cursor() as cursor:
            cursor.copy_expert(statement, stream)
            rows = int(cursor.rowcount)
        read = {one.name: one.read_as for one in columns}
        frame = pl.scan_csv(text, has_header=False, schema=read) if rows else pl.LazyFrame(schema=read)
        frame.select(one.written for one in columns).sink_parquet(parquet)
        text.unlink()
        return ExportedTable(name, file, rows, parquet.stat().st_size, left_out)


@contextmanager
def _private_file(path: Path) -> Iterator[Path]:
    """An empty file that only its owner can read; removed if the block fails."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
    try:
        yield path
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


def _columns(conn: connection, name: str) -> tuple[list[_Column], tuple[str, ...]]:
    """The columns that a reader may see, and the names of the others. Raises DatabaseError without any."""
    found = _SQL.rows(conn, "columns", {"table": name})
    hidden = {column for column, _, is_visible in found if not is_visible}
    if not _SQL.one(conn, "has_reader")[0]:
        hidden |= {column for column, _, _ in found if column in _PERSONAL}
    columns = [_Column(column, kind) for column, kind, _ in found if column not in hidden]
    if not columns:
        raise DatabaseError(
            f"{name} does not exist yet" if not found else f"{name} has no column that a reader may see",
            remedy="./retail run builds every table",
        )
    return columns, tuple(column for column, _, _ in found if column in hidden)


def _known(name: str) -> str:
    """The table as `layer.table`; its layer may be left out. Raises ConfigurationError for another name."""
    every = [f"{layer}.{table}" for layer in _LAYERS for table in tables(layer)]
    wanted = next((one for one in every if name in (one, one.partition(".")[2])), None)
    if wanted is None:
        raise ConfigurationError(
            f"no table of Silver or Gold is named {name!r}", remedy=f"name some of {', '.join(every)}"
        )
    return wanted


def _file_of(name: str) -> str:
    return f"{name}.parquet"


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        make_private(folder)


def _require_free(files: Sequence[Path]) -> None:
    try:
        taken = [file.name for file in files if file.exists()]
    except OSError as error:
        raise ConfigurationError(
            f"{files[0].parent} cannot be read: {error.strerror}", remedy="name a folder that you may write to"
        ) from error
    if taken:
        raise ConfigurationError(
            f"{files[0].parent} holds {', '.join(taken)} already: an export does not overwrite files",
            remedy="name another folder, or replace these files: --replace",
        )
