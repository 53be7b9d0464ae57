"""`./retail backup` and `./retail restore`: the warehouse and its Bronze files in one folder, and back.

    FOLDER/manifest.json                the backup: it names everything below, and is written last
    FOLDER/warehouse-<sha256>.dump      of pg_dump
    FOLDER/bronze/…                     the files that the dump has receipts of

The receipts are read at the snapshot of the dump, while no retention removes a file. A backup into the same folder
copies only what is new; until its manifest is written, the one before it stays whole.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING

import msgspec

from medallion.bronze.store import open_store
from medallion.bronze.verify import require_intact, verify_bronze
from medallion.database import connect, transaction
from medallion.errors import ConfigurationError, FilesDamaged
from medallion.private_files import make_private
from medallion.schema import pending_migrations
from medallion.state.locks import RETENTION, locked
from medallion.state.receipts import Receipt, all_receipts
from medallion.wording import counted, minute_of
from stack.commands.bronze_copy import copy_files
from stack.commands.dump import dump_warehouse, no_run, require_empty, restore_warehouse
from stack.commands.tools import find_program
from stack.host.home import write_private
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from psycopg2.extensions import connection

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_MANIFEST, _BRONZE, _FORMAT = "manifest.json", "bronze", 1
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class FileInBackup:
    """One Bronze file of a backup."""

    path: str
    records: int
    bytes: int
    sha256: str

    def as_receipt(self) -> Receipt:
        """What a copy is checked against. Its other fields are in the dump."""
        return Receipt(self.path, "", 0, 0, self.records, self.bytes, self.sha256, None, "")


@dataclass(frozen=True)
class Manifest:
    """A complete backup. `source` are the settings of the platform's own source, None for another source."""

    format: int
    taken_at: datetime
    migration: str | None
    dump: str
    dump_bytes: int
    dump_sha256: str
    files: tuple[FileInBackup, ...]
    source: dict[str, str] | None = None


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
        files = f"{counted(self.files, 'Bronze file')} ({self.bytes / 1e6:,.1f} MB), {self.copied:,} copied now"
        return f"{self.folder}: warehouse ({self.dump_bytes / 1e6:,.1f} MB) at {self.migration}, {files}"


def back_up(home: Home, settings: StackSettings, talk: Talk, folder: Path, now: datetime) -> BackedUp:
    """Write a backup to `folder`, which only its owner can read. The platform may be running.

    Raises ConfigurationError, DatabaseError, BronzeWriteFailed, or FilesDamaged when files differ from their receipts;
    there is no new backup then, and what was copied need not be copied again.
    """
    program = find_program(settings, "pg_dump")
    with (
        _made(folder),
        warehouse(home, settings, talk) as url,
        connect(url, application_name="retail backup") as conn,
        _with_data(conn),
        locked(conn, RETENTION),
    ):
        return back_up_warehouse(program, url, settings, folder, now, talk=talk, source=home.recall("source"))


def back_up_warehouse(
    program: str,
    url: str,
    settings: StackSettings,
    folder: Path,
    now: datetime,
    *,
    talk: Talk,
    source: dict[str, str] | None = None,
) -> BackedUp:
    """As `back_up`, of the warehouse at `url`. The caller keeps retention out."""
    draft = folder / ".warehouse.dump"
    with talk.step("warehouse"), connect(url, application_name="retail backup") as conn, _snapshot(conn) as snapshot:
        receipts = all_receipts(conn)
        dump_warehouse(program, url, draft, snapshot=snapshot)
    with talk.step("Bronze files"):
        copied = copy_files(receipts, settings.bronze_location, str(folder / _BRONZE))
    if copied.damaged:
        raise FilesDamaged(damages=list(copied.damaged.values()), files=len(receipts))
    with connect(url) as conn:
        migration, _ = pending_migrations(conn)
    sha256 = _sha256(draft)
    dump = draft.replace(folder / f"warehouse-{sha256[:12]}.dump")
    files = tuple(FileInBackup(one.path, one.records, one.bytes, one.sha256) for one in receipts)
    manifest = Manifest(_FORMAT, now, migration, dump.name, dump.stat().st_size, sha256, files, source)
    _complete(folder, manifest)
    return BackedUp(str(folder), migration, manifest.dump_bytes, len(files), copied.bytes, copied.written)


def restore(home: Home, settings: StackSettings, talk: Talk, path: Path) -> str:
    """Restore a backup, or only a dump, into an empty warehouse. Returns what is there now.

    Raises ConfigurationError for what is no complete backup, and for a warehouse or a Bronze that holds anything else;
    otherwise DatabaseError, BronzeDamaged or BronzeWriteFailed. The warehouse stays empty then.
    """
    program = find_program(settings, "pg_restore")
    with no_run(home), warehouse(home, settings, talk) as url:
        if not path.is_dir():
            with talk.step(f"{path.name} → warehouse"):
                restore_warehouse(program, url, path)
            return "the warehouse is restored; put its Bronze files back, then check them: ./retail verify"
        manifest = read_manifest(path)
        said = restore_backup(program, url, settings, path, manifest, talk=talk)
    if manifest.source and home.recall("source") is None:
        home.remember("source", manifest.source)
    return said


def restore_backup(
    program: str, url: str, settings: StackSettings, folder: Path, manifest: Manifest, *, talk: Talk
) -> str:
    """Restore a backup into the warehouse at `url` and into Bronze, then check each file against its receipt."""
    with connect(url, application_name="retail restore") as conn:
        require_empty(conn)
    _require_no_others(settings.bronze_location, {one.path for one in manifest.files})
    _require_whole_dump(folder, manifest)
    with talk.step("Bronze files"):
        receipts = [one.as_receipt() for one in manifest.files]
        copied = copy_files(
            receipts,
            str(folder / _BRONZE),
            settings.bronze_location,
            group_readable=settings.bronze_group_readable,
        )
        if copied.damaged:
            raise _damaged_backup(folder, list(copied.damaged))
    with talk.step("warehouse"):
        restore_warehouse(program, url, folder / manifest.dump)
    with talk.step("check"), connect(url, application_name="retail restore") as conn:
        verified = require_intact(verify_bronze(conn, settings))
    return f"restored the backup of {minute_of(manifest.taken_at)}: {verified.summary()}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a complete backup. Raises ConfigurationError when there is none, or one of another version."""
    try:
        found = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{folder} is no complete backup: it has no {_MANIFEST}",
            remedy="name a folder that ./retail backup has completed, or run the backup again to complete it",
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigurationError(
            f"{folder / _MANIFEST} cannot be read: {error}", remedy="restore from another copy of the backup"
        ) from error
    names = [found.dump, *(one.path for one in found.files)]
    if outside := [name for name in names if name.startswith("/") or ".." in name.split("/")]:
        raise ConfigurationError(
            f"{folder / _MANIFEST} names a file outside of the backup: {outside[0]}",
            remedy="do not restore from it: restore from a copy that you trust",
        )
    if found.format != _FORMAT:
        raise ConfigurationError(
            f"the backup has format {found.format}: this version reads {_FORMAT}",
            remedy="restore it with the version that wrote it (git log), then upgrade",
        )
    return found


def _complete(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, which makes the backup valid, and remove the dumps of earlier ones."""
    text = msgspec.json.format(msgspec.json.encode(manifest)).decode()
    write_private(folder / _MANIFEST, text + "\n")
    for dump in folder.glob("warehouse-*.dump"):
        if dump.name != manifest.dump:
            dump.unlink()


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


def _require_no_others(location: str, ours: set[str]) -> None:
    """Raise ConfigurationError for files in Bronze that are not of the backup. Unfinished files do not count."""
    paths = (path for path in open_store(location).paths() if not path.rpartition("/")[2].startswith("."))
    others = sorted(set(paths) - ours)
    if others:
        raise ConfigurationError(
            f"Bronze at {location} holds {counted(len(others), 'file')} that the backup does not have: {others[0]}",
            remedy="set RETAIL_HOME to a new folder, or BRONZE_URL to an empty one, and restore there",
        )


def _require_whole_dump(folder: Path, manifest: Manifest) -> None:
    try:
        is_whole = _sha256(folder / manifest.dump) == manifest.dump_sha256
    except OSError:
        is_whole = False
    if not is_whole:
        raise _damaged_backup(folder, [manifest.dump])


def _damaged_backup(folder: Path, paths: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the backup in {folder} is damaged: not as its manifest says: {counted(len(paths), 'file')}, {paths[0]}",
        remedy="restore from another copy of the backup; the warehouse is still empty",
    )


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
