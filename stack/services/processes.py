"""Services as processes: started in their own session, ready when they report it, ended with all descendants.

A service is more than the process that is started: Airflow's processes fork workers, which fork again. So each service
gets its own session and a mark in its environment, which every descendant inherits; `stop` ends all of them, even when
the first process is long dead. A record on disk (`run/<service>.json`) lets another command, or the next one after
`kill -9`, do the same. It holds the process's start time, as its number may be reused by another process. A service
that ended by itself leaves how in `run/<service>.ended`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import psutil

from medallion.errors import ServiceFailed
from medallion.settings import PROJECT_ROOT
from stack.host.home import write_private
from stack.host.interrupts import raise_if_told, uninterrupted
from stack.host.logs import tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from stack.host.home import Home

MARK = "RETAIL_SERVICE"
GRACE_SECONDS = 15.0
_PROBE_SECONDS = 5
_KILL_SECONDS = 10
# Airflow sets the titles of its processes with a library that overwrites their environment, and so the mark, unless
# this variable forbids it.
_KEEP_ENVIRONMENT = {"SPT_NOENV": "1"}
_LARGEST_LOG_BYTES = 5_000_000
_CLOCK_TOLERANCE_SECONDS = 1.5


@dataclass(frozen=True)
class Service:
    """A service to start. `ready_url` answers 200 once it works; None: it is ready when it runs."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    ready_url: str | None = None
    ready_seconds: float = 120.0


@dataclass(frozen=True)
class Record:
    """The record of a started service. `mark` is in the environment of each of its processes."""

    name: str
    pid: int
    created: float
    mark: str


def start(home: Home, service: Service) -> subprocess.Popen[bytes]:
    """Start a service and record it. Its output goes to `logs/<service>.log`."""
    mark = f"{service.name}-{os.getpid()}-{time.time_ns()}"
    log = home.logs / f"{service.name}.log"
    _rotate(log)
    _ended_file(home, service.name).unlink(missing_ok=True)
    with uninterrupted(), log.open("ab") as output:
        process = subprocess.Popen(
            service.command,
            cwd=PROJECT_ROOT,
            env={**service.environment, MARK: mark, **_KEEP_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            record = Record(service.name, process.pid, psutil.Process(process.pid).create_time(), mark)
            write_private(_record_file(home, service.name), json.dumps(asdict(record)) + "\n")
        except BaseException:  # no command could find it without its record
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    return process


def await_ready(home: Home, service: Service, process: subprocess.Popen[bytes]) -> None:
    """Return once the service answers. Raises ServiceFailed when it ends first, or takes too long."""
    deadline = time.monotonic() + service.ready_seconds
    while not (service.ready_url is None or answers(service.ready_url)):
        raise_if_told()
        if process.poll() is not None:
            raise ended(home, service.name, process.returncode)
        if time.monotonic() > deadline:
            raise _failed(home, service.name, f"was not ready after {service.ready_seconds:.0f} s")
        time.sleep(0.1)


def answers(url: str) -> bool:
    """Whether the URL answers with success."""
    try:
        with _direct.open(url, timeout=_PROBE_SECONDS) as answer:
            return int(answer.status) // 100 == 2  # noqa: PLR2004 - the HTTP class of success
    except (OSError, urllib.error.URLError, ValueError):
        return False


def ended(home: Home, name: str, code: int) -> ServiceFailed:
    """The error for a service that ended by itself. How it ended is kept for the start page, until the next start."""
    how = f"ended with exit code {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"
    with contextlib.suppress(OSError):  # a disk that is full must not hide the error
        write_private(_ended_file(home, name), f"{how}\n")
    return _failed(home, name, how)


def forget_ended(home: Home) -> None:
    """Forget how services have ended."""
    for file in home.run.glob("*.ended"):
        file.unlink(missing_ok=True)


def running(home: Home, name: str) -> Record | None:
    """The service's record if its first process is alive and still the one that was started."""
    record = recorded(home, name)
    return record if record and _alive(record) else None


def recorded(home: Home, name: str) -> Record | None:
    """The record of the service, whether it still runs or not."""
    try:
        return Record(**json.loads(_record_file(home, name).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def recorded_names(home: Home) -> list[str]:
    """Services that were started and not yet stopped by a command."""
    return sorted(file.stem for file in home.run.glob("*.json"))


def stop(home: Home, names: Iterable[str], *, grace_seconds: float = GRACE_SECONDS) -> list[str]:
    """End these services, all at once, with every process they started. Returns those that had any left.

    SIGTERM goes to the first process alone, so that it can end its children in order; after the grace period, SIGKILL
    to all that are left.
    """
    records = [record for name in names if (record := recorded(home, name))]
    members = {record.name: _members(record) for record in records}
    for record in records:
        _terminate(record, members[record.name])
    _wait([process for record in records for process in members[record.name]], grace_seconds)
    for record in records:
        _kill(record)
        _record_file(home, record.name).unlink(missing_ok=True)
    return [name for name, processes in members.items() if processes]


# ---------------------------------------------------------------- below: one service

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


def _rotate(log: Path) -> None:
    """Keep one older log; a service that is started for years must not fill the disk."""
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))


def _terminate(record: Record, members: list[psutil.Process]) -> None:
    leader = [process for process in members if process.pid == record.pid]
    for process in leader or members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()


def _kill(record: Record) -> None:
    """Send SIGKILL until no process is left: a listed process may have forked before it was ended."""
    deadline = time.monotonic() + _KILL_SECONDS
    while (members := _members(record)) and time.monotonic() < deadline:
        for process in members:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        _wait(members, 1)


def _wait(processes: list[psutil.Process], seconds: float) -> None:
    """Wait until the processes are gone; children of this process are reaped."""
    deadline = time.monotonic() + seconds
    while processes and time.monotonic() < deadline:
        processes = [process for process in processes if not _gone(process)]
        time.sleep(0.05)


def _gone(process: psutil.Process) -> bool:
    try:
        with contextlib.suppress(psutil.TimeoutExpired):
            process.wait(timeout=0)
            return True
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _alive(record: Record) -> bool:
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.created) < _CLOCK_TOLERANCE_SECONDS
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _members(record: Record) -> list[psutil.Process]:
    """Every living process of the service: by its mark, or by its session while that is certainly the service's."""
    in_session = _alive(record)
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if (in_session and os.getsid(process.pid) == record.pid) or _marked(process, record.mark):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, ProcessLookupError, PermissionError):
            continue
    return found


def _marked(process: psutil.Process, mark: str) -> bool:
    try:
        return process.environ().get(MARK) == mark
    except (psutil.Error, OSError):
        return False


def _record_file(home: Home, name: str) -> Path:
    return home.run / f"{name}.json"


def _ended_file(home: Home, name: str) -> Path:
    return home.run / f"{name}.ended"


def _failed(home: Home, name: str, what: str) -> ServiceFailed:
    log = home.logs / f"{name}.log"
    words = tail(log, 15)
    return ServiceFailed(
        f"{name} {what}" + (f"; the end of its log:\n{words}" if words else ""),
        remedy=f"fix what the log names, then start again (whole log: {log})",
    )
