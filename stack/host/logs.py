"""The end of a log file, to show in an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BYTES_PER_LINE = 400


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
