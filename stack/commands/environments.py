"""`./retail env …`: the environments of tools, each with what uses it, what it takes, and its removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from medallion.errors import ConfigurationError, RetailError
from stack.host.environments import (
    environments_locked,
    folder_of,
    is_current,
    known_environments,
    lock_of,
    open_environment,
    purpose_of,
    remove_environment,
    size_of,
)
from stack.services.processes import running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.host.console import Talk
    from stack.host.home import Home

_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Environment:
    """An environment of a tool. `is_current`: it is of its lock and this Python, else its next use makes it again."""

    name: str
    used_by: str
    is_made: bool
    is_current: bool
    size: int
    folder: str

    def words(self) -> str:
        """One line for a person."""
        made = "up to date" if self.is_current else "out of date: made again on next use"
        state = made if self.is_made else "half made" if self.size else "not made"
        size = f"{_megabytes(self.size)}" if self.size else ""
        return f"{self.name:<14} {size:>8}  {state}; {self.used_by}; {self.folder}"


@dataclass(frozen=True)
class Removed:
    """Environments that were removed. `still_shared` are bytes that uv's cache keeps of them, `freed` the others."""

    environments: tuple[str, ...]
    freed: int
    still_shared: int

    def summary(self) -> str:
        """One line for a person."""
        if not self.environments:
            return "there is nothing to remove"
        kept = f"; uv's cache keeps {_megabytes(self.still_shared)} (uv cache clean)" if self.still_shared else ""
        return f"removed: {', '.join(self.environments)}; {_megabytes(self.freed)} freed{kept}"


def list_environments(home: Home) -> list[Environment]:
    """Every environment, made or not."""
    return [_environment(home, name) for name in known_environments(home)]


def make_environment(home: Home, talk: Talk, name: str) -> None:
    """Make an environment ahead of its first use. Raises ToolUnavailable, and ConfigurationError without its lock."""
    if not lock_of(name).is_file():
        raise _unknown(name, [one for one in known_environments(home) if lock_of(one).is_file()])
    open_environment(home, name, talk)


def remove_environments(home: Home, names: Sequence[str]) -> Removed:
    """Remove these environments, those of them that are there.

    Raises ConfigurationError for a name that there is not, and RetailError while a process uses one of them. Then
    nothing is removed.
    """
    known = known_environments(home)
    for name in names:
        if name not in known:
            raise _unknown(name, known)
    with environments_locked(home):
        found = [name for name in dict.fromkeys(names) if folder_of(home, name).exists()]
        for name in found:
            _require_unused(home, name)
        sizes = [size_of(home, name) for name in found]
        for name in found:
            remove_environment(home, name)
    shared = sum(one.shared for one in sizes)
    return Removed(tuple(found), sum(one.bytes for one in sizes) - shared, shared)


def _environment(home: Home, name: str) -> Environment:
    current = is_current(home, name)
    return Environment(
        name=name,
        used_by=purpose_of(name),
        is_made=current is not None,
        is_current=current is True,
        size=size_of(home, name).bytes,
        folder=str(folder_of(home, name)),
    )


def _require_unused(home: Home, name: str) -> None:
    """Raise RetailError while a service, a command or any process of the environment runs."""
    service = running(home, name)
    pid = service.pid if service else home.holder(name) or _process_of(f"{folder_of(home, name)}/")
    if pid:
        raise RetailError(
            f"the environment {name} is in use by process {pid}",
            remedy="./retail down ends what runs; then remove it",
            why="its programs would be taken from under it",
        )


def _process_of(folder: str) -> int | None:
    """A process that was started with a program of that folder."""
    for process in psutil.process_iter(["cmdline"]):
        if any(word.startswith(folder) for word in (process.info["cmdline"] or ())[:2]):
            return process.pid
    return None


def _unknown(name: str, known: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"there is no environment {name!r}", remedy=f"use one of: {', '.join(known)}; ./retail env lists them"
    )


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.0f} MB"
