"""Where the environment of a tool is, and whether it is that of its lock. `./retail env` makes and removes them.

A step of the pipeline may use one that is there. It never installs one.
"""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from pathlib import Path

# The locks, one `.txt` each, and the programs of ours that run inside an environment.
LOCKS = PROJECT_ROOT / "stack" / "environments"


def folder_of_environment(retail_home: Path, name: str) -> Path:
    """Where an environment is, or will be."""
    return retail_home / "environments" / name


def stamp_of(lock: Path) -> str:
    """What the file `stamp` of an environment holds that was made from this lock with this Python."""
    return f"{sys.version} {hashlib.sha256(lock.read_bytes()).hexdigest()}\n"


def is_made_from(place: Path, lock: Path) -> bool:
    """Whether the environment in `place` is whole, and of this lock and this Python."""
    stamp = place / "stamp"
    return lock.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == stamp_of(lock)


def find_python(retail_home: Path, name: str) -> Path | None:
    """The Python of the environment `name`; None where it is not made, or is of another lock or Python."""
    place = folder_of_environment(retail_home, name)
    python = place / "bin" / "python"
    return python if is_made_from(place, LOCKS / f"{name}.txt") and python.exists() else None
