"""Folders and files that only their owner can read, whatever the umask is: they hold personal data."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
PRIVATE_UMASK = 0o077


def make_private(folder: Path, mode: int = PRIVATE_FOLDER) -> None:
    """Make a folder and those above it that are missing, each closed to others. Raises OSError."""
    if folder.is_dir():
        return
    make_private(folder.parent, mode)
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        if not folder.is_dir():  # unless another process has just made it
            raise
    else:
        folder.chmod(mode)  # the umask may have taken more


def close_to_others(path: Path, mode: int) -> None:
    """Reduce the mode of a file or folder of this user to `mode` for others.

    What belongs to another user stays as it is, and so do links, devices and sockets.
    """
    with suppress(PermissionError, FileNotFoundError):
        found = path.lstat()
        is_ours = found.st_uid == os.geteuid() and (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))
        if is_ours and stat.S_IMODE(found.st_mode) & 0o077 & ~mode:
            path.chmod(stat.S_IMODE(found.st_mode) & (0o7700 | mode))


@contextmanager
def private_files() -> Iterator[None]:
    """Within the block, files that libraries create (dbt) are closed to others. It applies to all threads."""
    before = os.umask(PRIVATE_UMASK)
    try:
        yield
    finally:
        os.umask(before)
