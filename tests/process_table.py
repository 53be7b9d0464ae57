"""Looking at the processes of this machine, from a test."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import psutil


def living(word: str) -> list[psutil.Process]:
    """Processes that have `word` in their command line or environment; not those that only wait to be reaped."""
    return [process for process in psutil.process_iter() if _mentions(process, word)]


def command_lines(word: str) -> list[str]:
    """Their command lines; a process may end while it is asked for its own."""
    lines = list[str]()
    for process in living(word):
        with suppress(psutil.NoSuchProcess):  # a zombie is one too
            lines.append(" ".join(process.cmdline()))
    return lines


def eventually(condition: Callable[[], object], seconds: float = 20) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def kill_all(word: str) -> None:
    """Clean up after a test that failed: nothing it started stays."""
    for process in living(word):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _mentions(process: psutil.Process, word: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return any(word in text for text in (*process.cmdline(), *process.environ().values()))
    except (psutil.Error, OSError):
        return False
