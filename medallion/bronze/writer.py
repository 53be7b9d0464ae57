"""The only writer of Bronze: NDJSON files that are durable before their receipts are committed.

On a local disk a file is written under a temporary name, flushed to the disk, renamed, and its folder
flushed: after a crash it is either complete under its name or not there. Object stores do the same by
themselves: an object appears when its upload is closed. A file is debris until its receipt is committed.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from datetime import timezone
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from medallion.bronze.store import open_store
from medallion.errors import BronzeWriteFailed
from medallion.private_files import PRIVATE_FILE, PRIVATE_FOLDER, close_to_others, make_private
from medallion.process.fail_points import fail_point

if TYPE_CHECKING:
    from datetime import datetime

    from medallion.bronze.ndjson import Ndjson
    from medallion.bronze.store import Store


@dataclass(frozen=True)
class WrittenFile:
    """A durable file. `path` is relative to BRONZE_URL; sizes in bytes and records."""

    path: str
    records: int
    bytes: int
    sha256: str


class BronzeStore:
    """Files to write under BRONZE_URL. Raises ConfigurationError for a URL that fsspec cannot open."""

    def __init__(self, url: str, *, group_readable: bool = False) -> None:
        self._modes = (0o640, 0o750) if group_readable else (PRIVATE_FILE, PRIVATE_FOLDER)
        self._store = open_store(url)

    def file(self, path: str) -> BronzeFile:
        """A file to write; nothing is there under `path` until it is committed."""
        if self._store.is_local:
            return _LocalFile(path, Path(self._store.full(path)), *self._modes)
        return _RemoteFile(path, self._store)


def bronze_path(dataset: str, at: datetime, load_id: int, part: int) -> str:
    """`{dataset}/{date}/{load_id}-{part}.ndjson`, the date being the load's in UTC."""
    return f"{dataset}/{at.astimezone(timezone.utc):%Y-%m-%d}/{load_id}-{part}.ndjson"


class BronzeFile(ABC):
    """A file of a part. The part knows it before it is opened, so that no interruption leaves it on the disk."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.records = 0
        self.bytes = 0
        self._sha256 = hashlib.sha256()
        self._stream: IO[bytes] = BytesIO()  # in place of what is opened

    def open(self) -> None:
        """Start the file. Raises BronzeWriteFailed."""
        try:
            self._open()
        except OSError as error:
            raise self._failed(error) from error
        fail_point("bronze.created")

    def append(self, lines: Ndjson) -> None:
        """Write records. Raises BronzeWriteFailed."""
        if not lines.records:
            return
        try:
            self._stream.write(lines.text)
        except OSError as error:
            raise self._failed(error) from error
        fail_point("bronze.written")
        self._sha256.update(lines.text)
        self.records += lines.records
        self.bytes += len(lines.text)

    def commit(self) -> WrittenFile:
        """Make the file durable under its name. Raises BronzeWriteFailed."""
        try:
            self._make_durable()
        except OSError as error:
            raise self._failed(error) from error
        return WrittenFile(self.path, self.records, self.bytes, self._sha256.hexdigest())

    @abstractmethod
    def discard(self) -> None:
        """Discard the file, opened or not; leaves nothing under its name."""

    @abstractmethod
    def _open(self) -> None:
        """Open `_stream`."""

    @abstractmethod
    def _make_durable(self) -> None:
        """Close the stream, once every byte and the name are durable."""

    def _failed(self, error: OSError) -> BronzeWriteFailed:
        return BronzeWriteFailed(path=self.path, reason=error.strerror or str(error))


class _LocalFile(BronzeFile):
    def __init__(self, path: str, full: Path, file_mode: int, folder_mode: int) -> None:
        super().__init__(path)
        self._final, self._file_mode, self._folder_mode = full, file_mode, folder_mode
        self._temporary = full.with_name(f".{full.name}.tmp")

    def _open(self) -> None:
        self._above = _missing_folders(self._final.parent)
        make_private(self._final.parent, self._folder_mode)
        for folder in self._final.parents[: self.path.count("/")]:  # the root itself may belong to another account
            close_to_others(folder, self._folder_mode)
        # Nothing is kept of a file that a crash has left, not even its mode.
        self._temporary.unlink(missing_ok=True)
        descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, self._file_mode)
        self._stream = os.fdopen(descriptor, "wb")
        os.fchmod(descriptor, self._file_mode)  # the umask may have taken more

    def _make_durable(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        fail_point("bronze.flushed")
        self._stream.close()
        self._temporary.replace(self._final)
        fail_point("bronze.renamed")
        # Another process may have just made the folders, and not have flushed them yet.
        up_to_root = self._final.parents[: self.path.count("/") + 1]
        for folder in dict.fromkeys((*up_to_root, *self._above)):
            _flush_folder(folder)
        fail_point("bronze.durable")

    def discard(self) -> None:
        """Discard the file. Closing writes buffered bytes and may fail on a full disk: that must not hide the cause."""
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)
        with suppress(OSError):
            self._stream.close()


class _RemoteFile(BronzeFile):
    def __init__(self, path: str, store: Store) -> None:
        super().__init__(path)
        self._store = store

    def _open(self) -> None:
        self._stream = self._store.write(self.path)

    def _make_durable(self) -> None:
        self._stream.close()

    def discard(self) -> None:
        abandon = getattr(self._stream, "discard", None)
        if abandon is not None:
            abandon()


def _missing_folders(folder: Path) -> list[Path]:
    """Parents whose entry for a new folder must reach the disk too."""
    parents = []
    while not folder.exists():
        folder = folder.parent
        parents.append(folder)
    return parents


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
