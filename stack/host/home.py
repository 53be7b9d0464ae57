"""RETAIL_HOME: the folder for what must outlive a process, and the locks that control access to it.

`state.json` remembers choices (ports, the start of the data set) so that the next start makes the same ones.
`secrets.json`, mode 0600, holds generated passwords. `run/` holds lock and pid files.

Locks are `flock`, not files that exist or not: the kernel releases them when their holder dies, however it dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.errors import ConfigurationError
from medallion.private_files import PRIVATE_FILE, PRIVATE_FOLDER, close_to_others, make_private

if TYPE_CHECKING:
    from collections.abc import Iterator

_PASSED_THROUGH = 0o711
_CLOSED = "closed_to_others"  # remembered: files that an older version left open were closed


@dataclass(frozen=True)
class Home:
    """One RETAIL_HOME. Platforms that run side by side differ only in it."""

    path: Path

    @property
    def logs(self) -> Path:
        """One log per service."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """Pid and lock files."""
        return self.path / "run"

    @property
    def airflow(self) -> Path:
        """AIRFLOW_HOME."""
        return self.path / "airflow"

    def prepare(self) -> Home:
        """Create the folders. Raises ConfigurationError when that is not allowed."""
        try:
            # For root, Postgres runs under another account and has its data below: it may pass through, but not list.
            own_mode = _PASSED_THROUGH if os.geteuid() == 0 else PRIVATE_FOLDER
            make_private(self.path, own_mode)
            if not self.path.stat().st_mode & stat.S_ISVTX:  # a folder shared by all accounts is not ours to close
                close_to_others(self.path, own_mode)
            for folder in (self.logs, self.run, self.airflow, self.path / "bronze", self.path / "dbt"):
                make_private(folder)
                close_to_others(folder, PRIVATE_FOLDER)
            self._close_once()
        except OSError as error:
            raise ConfigurationError(
                f"RETAIL_HOME={self.path} cannot be used: {error.strerror}",
                remedy="set RETAIL_HOME to a folder you may write to",
            ) from error
        return self

    def _close_once(self) -> None:
        """Close every file to others, except those of Postgres, which does so itself."""
        if self.recall(_CLOSED):
            return
        for folder, folders, files in os.walk(self.path):
            if Path(folder) == self.path:
                folders[:] = [name for name in folders if name != "postgres"]
            for name in folders:
                close_to_others(Path(folder, name), PRIVATE_FOLDER)
            for name in files:
                close_to_others(Path(folder, name), PRIVATE_FILE)
        self.remember(_CLOSED, value=True)

    def recall(self, key: str) -> Any:
        """The value remembered under `key`, or None."""
        return _read(self.path / "state.json").get(key)

    def remember(self, key: str, value: Any) -> None:
        """Keep `value` for the next start."""
        with self.locked("files"):
            file = self.path / "state.json"
            write_private(file, json.dumps(_read(file) | {key: value}, indent=2) + "\n")

    def secret(self, name: str) -> str:
        """The generated secret of that name, made on first use: letters, digits, `-` and `_` only."""
        with self.locked("files"):
            file = self.path / "secrets.json"
            known = _read(file)
            if name not in known:
                known[name] = secrets.token_urlsafe(32)
                write_private(file, json.dumps(known, indent=2) + "\n")
            return str(known[name])

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Wait for the lock `name` and hold it exclusively."""
        with _lock_file(self.run / f"{name}.lock") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextmanager
    def shared(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, shared with other processes."""
        with _lock_file(self.run / f"{name}.lock") as handle:
            fcntl.flock(handle, fcntl.LOCK_SH)
            yield

    @contextmanager
    def try_locked(self, name: str) -> Iterator[bool]:
        """Hold the lock `name` exclusively if it is free; yields whether it was. The holder writes down its pid."""
        with _lock_file(self.run / f"{name}.lock") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                os.ftruncate(handle, 0)
                os.pwrite(handle, str(os.getpid()).encode(), 0)
                yield True

    def holder(self, name: str) -> int | None:
        """The process that holds the lock `name` by `try_locked`, or None."""
        with _lock_file(self.run / f"{name}.lock") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(os.pread(handle, 20, 0) or 0) or None
        return None


def write_private(file: Path, text: str) -> None:
    """Replace `file` in one step by a version that only its owner can read."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error}",
            remedy="restore that file, or move RETAIL_HOME away to start again",
        ) from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file} holds no JSON object", remedy="restore that file from a backup")
    return content


@contextmanager
def _lock_file(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_FOLDER)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        yield handle
    finally:
        os.close(handle)
