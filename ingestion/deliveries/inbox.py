"""The inbox: a folder, or any URL that fsspec knows, with a folder for each entity, into which people put files.

A file that is still being copied is not taken. What a folder says of a file's age proves nothing, so it is looked at
twice: a file whose size or stamp has changed in between is left for the next run.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec

from medallion.errors import ConfigurationError, InboxUnreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fsspec import AbstractFileSystem

ERRORS = ".errors"  # at the end of the name of a file that goes back to its sender
# Left by programs next to the file that they are working on.
_PASSING = ("~$", ".")
_PASSING_ENDS = (".tmp", ".part", ".partial", ".crdownload", ".download", "~")
# What may hold a table. A file of any other kind, such as a note, is none of ours.
_TEXTS = (".csv", ".tsv", ".ndjson", ".jsonl")
_TABLES = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods", ".parquet", *_TEXTS, *(f"{text}.gz" for text in _TEXTS))
_STAMPS = ("size", "mtime", "LastModified", "last_modified", "updated", "ETag", "etag", "md5Hash", "generation")
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Looked:
    """What an entity's folder holds: names of files that can be taken, and of those that are being written."""

    ready: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inbox:
    """The folder of one entity. `settle_seconds` lie between the two looks at it."""

    files: AbstractFileSystem
    root: str
    settle_seconds: float = 0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    @classmethod
    def open(cls, url: str, entity: str, settle_seconds: float) -> Inbox:
        """The folder of an entity below INBOX_URL. Raises ConfigurationError for a URL that fsspec cannot open."""
        try:
            files, root = fsspec.core.url_to_fs(url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            raise ConfigurationError(
                f"INBOX_URL {url!r}: {error}", remedy="set it to a folder or to a URL that fsspec can open"
            ) from error
        return cls(files, f"{root.rstrip('/')}/{entity}", settle_seconds)

    def is_there(self) -> bool:
        """Whether the folder exists. Raises InboxUnreadable."""
        try:
            return bool(self.files.exists(self.root))
        except OSError as error:
            raise self._unreadable(self.root, error) from error

    def holds(self, name: str) -> bool:
        """Whether a file of that name is there. Raises InboxUnreadable."""
        try:
            return bool(self.files.exists(f"{self.root}/{name}"))
        except OSError as error:
            raise self._unreadable(f"{self.root}/{name}", error) from error

    def look(self) -> Looked:
        """Look twice. A folder that is not there yet is empty. Raises InboxUnreadable."""
        before = self._stamps()
        if not before:
            return Looked()
        self.sleep(self.settle_seconds)
        after = self._stamps()
        tables = {name: stamp for name, stamp in after.items() if name.lower().endswith(_TABLES)}
        ready = tuple(name for name, stamp in tables.items() if stamp == before.get(name) and stamp["size"])
        waiting = tuple(name for name in tables if name not in ready)
        return Looked(ready, waiting, tuple(name for name in after if name not in tables))

    def fetch(self, name: str, to: Path) -> tuple[str, int]:
        """Copy a file. Returns the sha256 and the bytes of what was copied. Raises InboxUnreadable."""
        digest, size = hashlib.sha256(), 0
        try:
            with self.files.open(f"{self.root}/{name}", "rb") as source, to.open("wb") as copy:
                while block := source.read(_BLOCK):
                    digest.update(block)
                    size += len(block)
                    copy.write(block)
        except OSError as error:
            raise self._unreadable(f"{self.root}/{name}", error) from error
        return digest.hexdigest(), size

    def put(self, name: str, content: bytes) -> None:
        """Write a file under its name at once, in place of one that is there. Raises InboxUnreadable."""
        full, passing = f"{self.root}/{name}", f"{self.root}/.{name}.tmp"
        try:
            self.files.pipe_file(passing, content)
            self.files.mv(passing, full)
        except OSError as error:
            raise self._unreadable(full, error) from error

    def _stamps(self) -> dict[str, Mapping[str, Any]]:
        """What the folder says of each file, by name, sorted."""
        try:
            if not self.files.exists(self.root):
                return {}
            self.files.invalidate_cache(self.root)
            found = self.files.ls(self.root, detail=True)
        except OSError as error:
            raise self._unreadable(self.root, error) from error
        files = {PurePosixPath(one["name"]).name: one for one in found if one["type"] == "file"}
        return {
            name: {stamp: one[stamp] for stamp in _STAMPS if stamp in one}
            for name, one in sorted(files.items())
            if not name.startswith(_PASSING) and not name.lower().endswith(_PASSING_ENDS)
        }

    def _unreadable(self, what: str, error: OSError) -> InboxUnreadable:
        return InboxUnreadable(
            f"{what} cannot be read or written: {error.strerror or error}",
            remedy="give the account of the platform the right to it, or set INBOX_URL; the next run tries again",
        )
