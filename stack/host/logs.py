"""Log files of commands: written by a program that is run, and their end, to show in an error."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_BYTES_PER_LINE = 400


def run_into(
    log: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    *,
    given: str = "",
    seconds: float | None = None,
) -> bool:
    """Run a program in a folder with its output at the end of a log; whether it ended well.

    `given` is its standard input. Raises OSError if it cannot be started, TimeoutExpired after `seconds`.
    """
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            env=environment,
            cwd=folder,
            input=given.encode(),
            stdout=output,
            stderr=output,
            check=False,
            timeout=seconds,
        )
    return done.returncode == 0


def tail(file: Path, lines: int) -> str:
    """The last lines of a file, however long it is; empty when there is none."""
    try:
        with file.open("rb") as stream:
            stream.seek(0, os.SEEK_END)
            stream.seek(max(0, stream.tell() - lines * _BYTES_PER_LINE))
            text = stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
