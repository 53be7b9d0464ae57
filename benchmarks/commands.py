"""Processes of an engine: started in a session of their own, timed, and ended with all they began."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from benchmarks.engine import Timing
from medallion.errors import EngineFailed
from stack.host.interrupts import uninterrupted
from stack.host.logs import tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH")


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """What every engine is given: nothing that the user has configured, and no proxy."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "NO_PROXY": "*", **extra}


def timed(commands: Sequence[Sequence[str]], variables: Mapping[str, str], folder: Path) -> Timing:
    """From the first start to the last end of commands that feed one another. Raises EngineFailed.

    Standard output of each goes into the next one's input, the last one's to `folder`/out; words to `folder`/err-N.
    """
    began, used = time.perf_counter(), _used_by_children()
    with _pipeline(commands, environment(variables), folder) as processes:
        codes = [process.wait() for process in processes]
    timing = Timing(time.perf_counter() - began, _used_by_children() - used)
    for number, code in enumerate(codes):
        if code != 0:
            words = tail(folder / f"err-{number}", 15)
            raise EngineFailed(
                f"{commands[number][0]} ended with code {code}; the end of its words:\n{words}",
                remedy="fix what it names; the other engines are not concerned",
            )
    return timing


def _used_by_children() -> float:
    """Processor seconds of every child that has ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def _pipeline(
    commands: Sequence[Sequence[str]], variables: Mapping[str, str], folder: Path
) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    feed: int | None = subprocess.DEVNULL
    try:
        for number, command in enumerate(commands):
            last = number == len(commands) - 1
            with uninterrupted(), (folder / f"err-{number}").open("wb") as words, (folder / "out").open("wb") as out:
                process = subprocess.Popen(
                    command,
                    stdin=feed,
                    stdout=out if last else subprocess.PIPE,
                    stderr=words,
                    env=dict(variables),
                    cwd=folder,
                    start_new_session=True,
                )
                processes.append(process)
            if number > 0 and processes[-2].stdout:
                processes[-2].stdout.close()  # it is the reader's now: a reader that dies must be noticed
            feed = process.stdout.fileno() if process.stdout else None
        yield processes
    finally:
        with uninterrupted():
            for process in processes:
                _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, with all of its session; one that has ended took its children along."""
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
