"""The store of Bronze files: the only place that opens a store, by any URL that fsspec knows.

A local disk and an object store differ in two things. A local file is read as needed, a remote file is fetched at once.
A local file is made durable by `medallion.bronze.writer`, a remote file by its store.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem


@dataclass(frozen=True)
class Store:
    """Files under one URL. Paths are relative to it; every method raises OSError as the store does."""

    files: AbstractFileSystem
    root: str

    @property
    def is_local(self) -> bool:
        """Whether it is a disk of this machine."""
        return isinstance(self.files, LocalFileSystem)

    def full(self, path: str) -> str:
        """The path as the store knows it."""
        return f"{self.root}/{path}"

    def info(self, path: str) -> dict[str, Any]:
        """The file's `type` and `size` in bytes."""
        found: dict[str, Any] = self.files.info(self.full(path))
        return found

    def read(self, path: str) -> IO[bytes]:
        """Open the file for reading."""
        if self.is_local:
            opened: IO[bytes] = self.files.open(self.full(path), "rb")
            return opened
        return io.BytesIO(self.files.cat_file(self.full(path)))

    def write(self, path: str) -> IO[bytes]:
        """Open the file for writing; it exists once it is closed. Not for a local disk."""
        full = self.full(path)
        self.files.makedirs(full.rsplit("/", 1)[0], exist_ok=True)
        opened: IO[bytes] = self.files.open(full, "wb")
        return opened

    def remove(self, path: str) -> None:
        """Remove the file, if it is there."""
        try:
            self.files.rm_file(self.full(path))
        except FileNotFoundError:
            return

    def paths(self) -> list[str]:
        """Every file in the store, sorted by name; empty before the first write."""
        if not self.files.exists(self.root):
            return []
        return sorted(path.removeprefix(self.root).lstrip("/") for path in self.files.find(self.root))


def open_store(url: str) -> Store:
    """The store at BRONZE_URL. Raises ConfigurationError for a URL that fsspec cannot open."""
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"BRONZE_URL {url!r}: {error}", remedy="set it to a folder or to a URL that fsspec can open"
        ) from error
    return Store(files, root)
