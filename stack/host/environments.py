"""Environments for tools that do not fit our own lock: each is made on first use from a lock of its own, and kept."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from medallion.errors import ToolUnavailable
from stack.host.logs import tail

if TYPE_CHECKING:
    from stack.host.console import Talk
    from stack.host.home import Home

LOCKS = Path(__file__).parents[1] / "environments"


def open_environment(home: Home, name: str, talk: Talk) -> Path:
    """The folder of the programs of the environment `name`, made on first use from the lock of that name.

    Raises ToolUnavailable.
    """
    with home.locked("environments"):
        began = time.monotonic()
        programs = prepare_environment(home.path / "environments" / name, LOCKS / f"{name}.txt")
        talk.done(f"environment of {name}", time.monotonic() - began)
    return programs


def prepare_environment(place: Path, lock: Path) -> Path:
    """The folder of the programs of an environment in `place` with what `lock` names. Raises ToolUnavailable.

    An environment of another lock, of another Python, or one that was half made, is made again.
    """
    stamp, programs = place / "stamp", place / "bin"
    wanted = f"{sys.version} {hashlib.sha256(lock.read_bytes()).hexdigest()}\n"
    if not _is_made(stamp, wanted) or not (programs / "python").exists():
        _make(place, lock)
        stamp.write_text(wanted, encoding="utf-8")  # last: an environment half made does not count
    return programs


def _is_made(stamp: Path, wanted: str) -> bool:
    return stamp.exists() and stamp.read_text(encoding="utf-8") == wanted


def _make(place: Path, lock: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    log = place.parent / f"{place.name}.log"
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
