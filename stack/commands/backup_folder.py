"""The folder of a backup: its manifest, and the names of what is in it.

FOLDER/manifest.json                the backup: it names everything below, and is written last
FOLDER/warehouse-<sha256>.dump      of pg_dump
FOLDER/bronze/…                     the files that the dump has receipts of
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING

import msgspec

from medallion.errors import ConfigurationError
from medallion.state.receipts import Receipt
from stack.host.home import write_private

if TYPE_CHECKING:
    from pathlib import Path

BRONZE, FORMAT = "bronze", 1
_MANIFEST = "manifest.json"
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
    """A complete backup. `source` are the settings of the platform's own source, None for another source.

    `source_edition` is the edition of its data set, None in a backup of a version that kept none.
    """

    format: int
    taken_at: datetime
    migration: str | None
    dump: str
    dump_bytes: int
    dump_sha256: str
    files: tuple[FileInBackup, ...]
    source: dict[str, str] | None = None
    source_edition: int | None = None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a complete backup. Raises ConfigurationError when there is none, or one of another version."""
    try:
        found = msgspec.json.decode((folder / _MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{folder} is not a complete backup: it has no {_MANIFEST}",
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
    if found.format != FORMAT:
        raise ConfigurationError(
            f"the backup has format {found.format}: this version reads {FORMAT}",
            remedy="restore it with the version that wrote it (git log), then upgrade",
        )
    return found


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, which makes the backup valid, and remove the dumps of earlier ones."""
    text = msgspec.json.format(msgspec.json.encode(manifest)).decode()
    write_private(folder / _MANIFEST, text + "\n")
    for dump in folder.glob("warehouse-*.dump"):
        if dump.name != manifest.dump:
            dump.unlink()


def sha256_of(file: Path) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
