"""`./retail restore`: a backup into an empty warehouse and an empty Bronze, each file checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.bronze.store import open_store
from medallion.bronze.verify import require_intact, verify_bronze
from medallion.database import connect
from medallion.errors import ConfigurationError
from medallion.wording import counted, minute_of
from stack.commands.backup_folder import BRONZE, Manifest, read_manifest, sha256_of
from stack.commands.bronze_copy import copy_files
from stack.commands.dump import no_run, require_empty, restore_warehouse
from stack.commands.tools import find_program
from stack.services.source_api import PinnedDataSet, keep_data_set
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


def restore(home: Home, settings: StackSettings, talk: Talk, path: Path) -> str:
    """Restore a backup, or only a dump, into an empty warehouse. Returns what is there now.

    Raises ConfigurationError for an incomplete backup, and for a warehouse or a Bronze that holds anything else;
    otherwise DatabaseError, BronzeDamaged or RetailError. The warehouse stays empty then.
    """
    program = find_program(settings, "pg_restore")
    with no_run(home), warehouse(home, settings, talk) as url:
        if not _is_folder(path):
            with talk.step(f"{path.name} → warehouse"):
                restore_warehouse(program, url, path)
            return "the warehouse is restored; put its Bronze files back, then check them: ./retail verify"
        manifest = read_manifest(path)
        _keep_source(home, url, manifest)
        return restore_backup(program, url, settings, path, manifest, talk=talk)


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
            str(folder / BRONZE),
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


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", remedy="name a backup that you may read"
        ) from error


def _keep_source(home: Home, url: str, manifest: Manifest) -> None:
    """Remember the data set of the backup's source, before its data is there: a restore that dies must not lose it."""
    with connect(url, application_name="retail restore") as conn:
        require_empty(conn)
    keep_data_set(home, PinnedDataSet(manifest.source, manifest.source_edition))


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
        is_whole = sha256_of(folder / manifest.dump) == manifest.dump_sha256
    except OSError:
        is_whole = False
    if not is_whole:
        raise _damaged_backup(folder, [manifest.dump])


def _damaged_backup(folder: Path, paths: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the backup in {folder} is damaged: not as its manifest says: {counted(len(paths), 'file')}, {paths[0]}",
        remedy="restore from another copy of the backup; the warehouse is still empty",
    )
