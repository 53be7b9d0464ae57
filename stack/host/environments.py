"""Environments for tools that do not fit our own lock: each is made on first use from a lock of its own, and kept."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from medallion import tool_environments
from medallion.errors import ToolUnavailable
from medallion.tool_environments import folder_of_environment, is_made_from, stamp_of
from stack.host.logs import tail

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stack.host.console import Talk
    from stack.host.home import Home

LOCKS = tool_environments.LOCKS


@dataclass(frozen=True)
class Size:
    """Bytes of a folder on the disk. `shared` are those that files outside hold too: uv links them to its cache."""

    bytes: int
    shared: int


def open_environment(home: Home, name: str, talk: Talk) -> Path:
    """The folder of the programs of the environment `name`, made on first use from the lock of that name.

    Raises ToolUnavailable.
    """
    with talk.step(f"environment of {name}"), environments_locked(home):
        return prepare_environment(folder_of(home, name), lock_of(name))


def environments_locked(home: Home) -> AbstractContextManager[None]:
    """Wait until no other command makes or removes an environment, and keep the others waiting."""
    return home.locked("environments")


def lock_of(name: str) -> Path:
    """The lock of an environment."""
    return LOCKS / f"{name}.txt"


def folder_of(home: Home, name: str) -> Path:
    """Where an environment is, or will be."""
    return folder_of_environment(home.path, name)


def known_environments(home: Home) -> list[str]:
    """Names of environments: those that have a lock, and those that were made from a lock of another version."""
    place = home.path / "environments"
    made = [one.name for one in place.iterdir() if one.is_dir()] if place.is_dir() else []
    return sorted({*(lock.stem for lock in LOCKS.glob("*.txt")), *made})


def purpose_of(name: str) -> str:
    """What uses the environment: what the first line of its `.in` names in backticks, or else that line."""
    file = LOCKS / f"{name}.in"
    first = file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") if file.is_file() else ""
    named = re.search(r"`([^`]+)`", first)
    return named[1] if named else first or "nothing: this version has no such lock"


def is_current(home: Home, name: str) -> bool | None:
    """Whether the environment is of its lock and this Python; None: it is not made, or half made."""
    place = folder_of(home, name)
    return is_made_from(place, lock_of(name)) if (place / "stamp").exists() else None


def size_of(home: Home, name: str) -> Size:
    """How much of the disk an environment takes; 0 if it is not there."""
    inside: Counter[int] = Counter()
    files = {}
    for folder, folders, names in os.walk(folder_of(home, name)):
        for one in (*folders, *names):
            found = os.lstat(os.path.join(folder, one))  # noqa: PTH118 - tens of thousands of files
            inside[found.st_ino] += 1
            files[found.st_ino] = found
    shared = (one for inode, one in files.items() if stat.S_ISREG(one.st_mode) and one.st_nlink > inside[inode])
    return Size(sum(map(_bytes_of, files.values())), sum(map(_bytes_of, shared)))


def remove_environment(home: Home, name: str) -> None:
    """Remove an environment. One that is half removed counts as not made."""
    place = folder_of(home, name)
    (place / "stamp").unlink(missing_ok=True)
    if place.exists():
        shutil.rmtree(place)
    _log_of(place).unlink(missing_ok=True)


def prepare_environment(place: Path, lock: Path) -> Path:
    """The folder of the programs of an environment in `place` with what `lock` names. Raises ToolUnavailable.

    An environment of another lock, of another Python, or one that was half made, is made again.
    """
    stamp, programs = place / "stamp", place / "bin"
    wanted = stamp_of(lock)
    if not is_made_from(place, lock) or not (programs / "python").exists():
        _make(place, lock)
        stamp.write_text(wanted, encoding="utf-8")  # last: an environment half made does not count
    return programs


def _bytes_of(file: os.stat_result) -> int:
    return file.st_blocks * 512  # whatever the size of a block of the disk


def _log_of(place: Path) -> Path:
    return place.parent / f"{place.name}.log"


def _make(place: Path, lock: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    log = _log_of(place)
    python = str(place / "bin" / "python")
    with log.open("wb") as words:

        def run(*command: str) -> bool:
            done = subprocess.run(command, stdout=words, stderr=words, stdin=subprocess.DEVNULL, check=False)
            return done.returncode == 0

        made = run(sys.executable, "-m", "venv", str(place))
        if made and any(run(*install, "-r", str(lock)) for install in _installers(python)):
            return
    raise ToolUnavailable(
        f"the environment {place.name} cannot be installed: {tail(log, 3)}",
        remedy=f"fix the cause (often the network), then start again; log: {log}",
    )


def _installers(python: str) -> list[tuple[str, ...]]:
    """Commands that install a lock, which names every package: uv where it is, as it is quick, or else pip.

    pip knows the index and the proxy that the user has set for it, and uv does not.
    """
    options = ("--quiet", "--no-deps", "--require-hashes")
    uv = Path(sys.executable).parent / "uv"
    pip = (python, "-m", "pip", "install", *options)
    return [(str(uv), "pip", "install", "--python", python, *options), pip] if uv.exists() else [pip]
