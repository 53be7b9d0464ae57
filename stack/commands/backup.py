"""`./retail backup`: the warehouse and its Bronze files in one folder (`stack.commands.backup_folder`).

The receipts are read at the snapshot of the dump, while no retention removes a file. A backup into the same folder
copies only what is new; until its manifest is written, the one before it stays whole.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medallion.database import connect, transaction
from medallion.errors import ConfigurationError, FilesDamaged
from medallion.private_files import make_private
from medallion.schema import pending_migrations
from medallion.state.locks import RETENTION, locked
from medallion.state.receipts import all_receipts
from medallion.wording import counted, megabytes
from stack.commands.backup_folder import BRONZE, FORMAT, FileInBackup, Manifest, sha256_of, write_manifest
from stack.commands.bronze_copy import copy_files
from stack.commands.dump import dump_warehouse
from stack.commands.tools import find_program
from stack.services.source_api import NO_DATA_SET, recall_data_set
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from psycopg2.extensions import connection

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.source_api import PinnedDataSet


@dataclass(frozen=True)
class BackedUp:
    """What is in a backup, and how many Bronze files were copied for it."""

    folder: str
    migration: str | None
    dump_bytes: int
    files: int
    bytes: int
    copied: int

    def summary(self) -> str:
        """One line for a person."""
        files = f"{counted(self.files, 'Bronze file')} ({megabytes(self.bytes)}), {self.copied:,} copied now"
        return f"{self.folder}: warehouse ({megabytes(self.dump_bytes)}) at {self.migration}, {files}"


def back_up(home: Home, settings: StackSettings, talk: Talk, folder: Path, now: datetime) -> BackedUp:
    """Write a backup to `folder`, which only its owner can read. The platform may be running.

    Raises ConfigurationError, DatabaseError, RetailError when the folder does not take a file, or FilesDamaged when
    files differ from their receipts; there is no new backup then, and what was copied need not be copied again.
    """
    program = find_program(settings, "pg_dump")
    _require_elsewhere(folder, settings.bronze_location)
    with (
        _made(folder),
        warehouse(home, settings, talk) as url,
        connect(url, application_name="retail backup") as conn,
        _with_data(conn),
        locked(conn, RETENTION),
    ):
        return back_up_warehouse(program, url, settings, folder, now, talk=talk, source=recall_data_set(home))


def back_up_warehouse(
    program: str,
    url: str,
    settings: StackSettings,
    folder: Path,
    now: datetime,
    *,
    talk: Talk,
    source: PinnedDataSet = NO_DATA_SET,
) -> BackedUp:
    """As `back_up`, of the warehouse at `url`. The caller keeps retention out."""
    draft = folder / ".warehouse.dump"
    with talk.step("warehouse"), connect(url, application_name="retail backup") as conn, _snapshot(conn) as snapshot:
        receipts = all_receipts(conn)
        dump_warehouse(program, url, draft, snapshot=snapshot)
    with talk.step("Bronze files"):
        copied = copy_files(receipts, settings.bronze_location, str(folder / BRONZE))
    if copied.damaged:
        raise FilesDamaged(damages=list(copied.damaged.values()), files=len(receipts))
    with connect(url) as conn:
        migration, _ = pending_migrations(conn)
    sha256 = sha256_of(draft)
    dump = draft.replace(folder / f"warehouse-{sha256[:12]}.dump")
    files = tuple(FileInBackup(one.path, one.records, one.bytes, one.sha256) for one in receipts)
    manifest = Manifest(
        FORMAT, now, migration, dump.name, dump.stat().st_size, sha256, files, source.settings, source.edition
    )
    write_manifest(folder, manifest)
    return BackedUp(str(folder), migration, manifest.dump_bytes, len(files), copied.bytes, copied.written)


def _require_elsewhere(folder: Path, location: str) -> None:
    """Raise ConfigurationError for a folder whose copies of Bronze files would be those files themselves."""
    bronze = Path(location.removeprefix("file://")).resolve()
    copies = (folder / BRONZE).resolve()
    if bronze in (copies, *copies.parents):
        raise ConfigurationError(
            f"a backup in {folder} would have its Bronze files in {bronze}, where Bronze itself is",
            remedy="name a folder elsewhere, best on another disk",
        )


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """The folder, made if need be; what cannot be written there is a ConfigurationError."""
    try:
        make_private(folder)
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{folder} cannot be written: {error.strerror or error}",
            remedy="name a folder that you may write to, with space for the warehouse and Bronze",
        ) from error


@contextmanager
def _with_data(conn: connection) -> Iterator[None]:
    """Raise ConfigurationError for a warehouse that no version has prepared yet."""
    migration, _ = pending_migrations(conn)
    if migration is None:
        raise ConfigurationError(
            "the warehouse is empty: no run has begun yet, so there is nothing to back up",
            remedy="check RETAIL_HOME and DATABASE_URL; ./retail run fills a new warehouse",
        )
    yield


@contextmanager
def _snapshot(conn: connection) -> Iterator[str]:
    """A snapshot that pg_dump can use too, held open within the block."""
    conn.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with transaction(conn):
        with conn.cursor() as cursor:
            cursor.execute("set local idle_in_transaction_session_timeout = 0")
            cursor.execute("select pg_export_snapshot()")
            (name,) = cursor.fetchone() or ("",)
        yield str(name)
