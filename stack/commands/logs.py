"""`./retail logs`: finds the logs of services and tasks, and reads them as lines for a person.

A service writes `logs/<service>.log`. Airflow writes the log of a task as JSON lines, one file for each attempt, under
`airflow/logs/dag_id=…/run_id=…/task_id=…/attempt=N.log`; a mapped task has a folder `map_index=N` in between.
"""

from __future__ import annotations

import glob
import json
import os
import re
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from medallion.errors import ConfigurationError
from medallion.foreign_text import escaped
from medallion.wording import ago

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from stack.host.home import Home

_ATTEMPT = re.compile(r"/run_id=([^/]+)/task_id=([^/]+)/(?:map_index=\d+/)?attempt=(\d+)\.log$")
_MARKS = ("::group::", "::endgroup::")  # with which Airflow's web UI folds lines
_PAUSE_SECONDS = 0.3
_LONGEST_NAME = 240  # in bytes: a file system takes 255, of which Airflow uses some


@dataclass(frozen=True)
class Log:
    """The log of a service, or of the last attempt of a task (then with its run). `stat` is of its file."""

    name: str
    file: Path
    stat: os.stat_result
    run: str = ""
    attempt: int = 0


def find_logs(home: Home) -> list[Log]:
    """Every service's log by name, then every task's last one, in the order in which they were written."""
    return [*_of_services(home), *sorted(_of_tasks(home, "*"), key=lambda log: log.stat.st_mtime_ns)]


def find_log(home: Home, name: str) -> Log:
    """The log of that service or task. Raises ConfigurationError with the names that there are."""
    found = _search(home, name)
    if found is None:
        names = ", ".join(log.name for log in find_logs(home))
        raise ConfigurationError(
            f"there is no log of '{escaped(name)}'\n{f'the logs are {names}' if names else 'nothing has run yet'}",
            remedy="./retail logs shows them with their age" if names else "start with ./retail run",
        )
    return found


def _search(home: Home, name: str) -> Log | None:
    services = [log for log in _of_services(home) if log.name == name]
    if services or len(os.fsencode(name)) > _LONGEST_NAME:
        return next(iter(services), None)
    return next(iter(_of_tasks(home, glob.escape(name))), None)


def _of_services(home: Home) -> list[Log]:
    found = [(file, _stat_of(file)) for file in sorted(home.logs.glob("*.log"))]
    return [Log(file.stem, file, stat) for file, stat in found if stat]


def _of_tasks(home: Home, pattern: str) -> list[Log]:
    """The log of the last attempt of each task that the pattern names, whatever its run."""
    last: dict[str, Log] = {}
    for file in (home.airflow / "logs").glob(f"dag_id=*/run_id=*/task_id={pattern}/**/attempt=*.log"):
        parts = _ATTEMPT.search(file.as_posix())
        stat = _stat_of(file)
        if parts is None or stat is None:
            continue
        log = Log(parts[2], file, stat, run=parts[1], attempt=int(parts[3]))
        before = last.setdefault(log.name, log)
        if (before.stat.st_mtime_ns, before.attempt) < (log.stat.st_mtime_ns, log.attempt):
            last[log.name] = log
    return list(last.values())


def _stat_of(file: Path) -> os.stat_result | None:
    """The state of a file; None for one that was moved away a moment ago, and for a link that leads nowhere."""
    try:
        return file.stat()
    except FileNotFoundError:
        return None


def list_lines(logs: Iterable[Log], now: float) -> list[str]:
    """A table of logs: name, size, age, and of a task its run."""
    rows = [
        (
            log.name,
            f"{log.stat.st_size / 1000:,.1f} kB",
            ago(now - log.stat.st_mtime),
            f"{log.run}, attempt {log.attempt}" if log.attempt else "",
        )
        for log in logs
    ]
    return [
        f"{name:<28} {size:>12} {age:>14}  {of}".rstrip()
        for name, size, age, of in [("log", "size", "changed", "run of a task"), *rows]
    ]


def last_lines(log: Log, lines: int) -> list[str]:
    """The last lines of a log."""
    with log.file.open("rb") as stream:
        return list(deque(_texts(stream, log, unfinished=True), maxlen=lines))


def follow(home: Home, name: str, lines: int) -> Iterator[str]:
    """The last lines, then each line as it is written, also of the next attempt, run or start. Never ends."""
    log = find_log(home, name)
    stream = log.file.open("rb")
    try:
        yield from deque(_texts(stream, log), maxlen=lines)
        while True:
            successor = _successor(home, log)
            if successor is None:
                time.sleep(_PAUSE_SECONDS)
            else:
                log = successor
                stream.close()
                stream = log.file.open("rb")
                yield f"==> {log.file}"
            yield from _texts(stream, log)
    finally:
        stream.close()


def _successor(home: Home, log: Log) -> Log | None:
    """The log that has taken the place of this one, if any."""
    with suppress(FileNotFoundError):  # renamed at this moment
        newest = _search(home, log.name)
        if newest and newest.stat.st_ino != log.stat.st_ino:
            return newest
    return None


def _texts(stream: IO[bytes], log: Log, *, unfinished: bool = False) -> Iterator[str]:
    """The readable lines from here on. A last line that is still being written waits, unless `unfinished` is asked."""
    while raw := stream.readline():
        if not raw.endswith(b"\n") and not unfinished:
            stream.seek(-len(raw), os.SEEK_CUR)
            return
        line = raw.decode("utf-8", errors="replace").rstrip("\r\n")
        text = readable(line) if log.attempt else line
        if text is not None:
            yield escaped(text, keep="\n\t")


def readable(line: str) -> str | None:
    """A JSON line of Airflow as time (UTC), level and message; None for a mark of its web UI, another line as it is."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if not isinstance(entry, dict) or "event" not in entry:
        return line
    message = str(entry["event"])
    if message.startswith(_MARKS):
        return None
    moment = str(entry.get("timestamp", "")).replace("T", " ")[:19]
    return "\n".join([f"{moment} {entry.get('level', '')!s:<8} {message}", *_errors(entry.get("error_detail"))])


def _errors(detail: Any) -> Iterator[str]:
    """The exceptions of an entry, each with the places that it passed."""
    for error in detail if isinstance(detail, list) else ():
        for frame in error.get("frames", ()):
            yield f"    {frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
        yield f"  {error.get('exc_type')}: {error.get('exc_value')}"
