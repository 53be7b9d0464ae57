"""How the process that reads a workbook ended, as a finding about the file and a remedy."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ingestion.spreadsheets.guard import FROM_EXCEL, SMALLER

if TYPE_CHECKING:
    from ingestion.spreadsheets.limits import Limits

_NO_MEMORY = (b"memory allocation of", b"MemoryError", b"capacity overflow")


def out_of_memory(limits: Limits) -> tuple[str, str]:
    """The reader needed more memory than it may take."""
    return f"reading it takes more than {limits.memory / 1e6:,.0f} MB of memory", SMALLER


def out_of_time(limits: Limits) -> tuple[str, str]:
    """The reader needed more time than it may take."""
    return f"reading it takes longer than {limits.seconds:g} s", SMALLER


def how_it_ended(code: int, words: bytes, limits: Limits) -> tuple[str, str]:
    """Finding and remedy for a reader that ended before it was done, by its exit code and its last words."""
    if code == -signal.SIGXCPU:
        return out_of_time(limits)
    if code == -signal.SIGKILL or any(one in words for one in _NO_MEMORY):  # the kernel kills when memory is short
        return out_of_memory(limits)
    how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
    lines = words.decode(errors="replace").strip().splitlines()
    return f"its reader ended {how}" + (f" ({lines[-1]})" if lines else ""), FROM_EXCEL
