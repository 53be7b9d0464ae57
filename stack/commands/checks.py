"""`./retail test`: what CI runs, in the same order; it checks and never repairs. Also `./retail bench`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NoReturn

import psutil

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.commands.deep_tests import chosen_rooms, record, summary
from stack.commands.shifted_dates import (
    date_of_commit,
    find_library,
    remove_leftovers,
    repair_sleep,
    share_clock,
    shifted,
    shifted_dates,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from stack.commands.deep_tests import Room
    from stack.commands.shifted_dates import ShiftedDate
    from stack.host.console import Talk

_PYTHON = (sys.executable, "-m")
# More workers than cores, as the tests wait for a service half of the time. tests/workers.py decides which tests share
# a worker, and which begin first.
_PARALLEL = ("-n", "3", "--dist", "load")
_WITHOUT_SLOW = ("-m", "not slow")
# Which of the slow tests pytest keeps (tests/slow_share.py). A run has so many shares, one of them for each commit.
SLOW_SHARE = "RETAIL_SLOW_SHARE"
_SHARES = 20
# The longest tests first, so that no worker ends with one alone.
_SHIFTED_FOLDERS = ("tests/integration", "tests/property", "tests/unit")
_LONGEST_FOLDERS = ("tests/dags", "tests/containers", "tests/faults")
# Complete runs through Airflow exceed their time limits under libfaketime: they run today.
_WHOLE_RUNS = tuple(
    f"tests/integration/test_{name}.py"
    for name in (
        *("backfill_cli", "backup", "failed_runs", "notebooks"),
        *("retail_cli", "secrets_of_a_run", "tour", "upgrade"),
    )
)
# `airflow/` must not be a package, as it is the name of an installed one.
_NO_PACKAGES = ("--explicit-package-bases", "airflow/dags", "airflow/plugins", "airflow/config", "docker")
# A command that takes longer is ended. Each test has its own limit, but pytest waits forever for a lost worker.
_LONGEST_SECONDS = 3600
_LONGEST_ROOM_SECONDS = 6 * 3600
_GRACE_SECONDS = 60
_NO_LIBRARY = "libfaketime is not installed (Debian: apt install faketime)"
# The last results of the deep tests; checked in.
DEEP_RESULTS = PROJECT_ROOT / ".ci" / "deep-tests.json"
_NOTHING_CHOSEN = 5  # pytest's exit code when its arguments leave no test


@dataclass(frozen=True)
class Check:
    """One command of the suite, the date it is shifted to (None: today), and its time limit."""

    name: str
    command: tuple[str, ...]
    date: ShiftedDate | None = None
    longest: float = _LONGEST_SECONDS


@dataclass(frozen=True)
class Result:
    """The result of a check. `code` is its exit code."""

    check: Check
    code: int
    seconds: float


def checks(
    pytest_arguments: list[str], *, fast: bool = False, everything: bool = False, date: ShiftedDate | None = None
) -> list[Check]:
    """The suite. `fast` leaves out what starts processes or a database; `everything` has slow tests too.

    With `everything` and a `date`, the unit, property and integration tests run at that date, other tests today.
    """
    return [
        Check("ruff check", (*_PYTHON, "ruff", "check", ".")),
        Check("ruff format", (*_PYTHON, "ruff", "format", "--check", ".")),
        Check("mypy", (*_PYTHON, "mypy")),
        Check("mypy of airflow/ and docker/", (*_PYTHON, "mypy", *_NO_PACKAGES)),
        Check("sqlfluff", (*_PYTHON, "sqlfluff", "lint", "sql", "dbt")),
        *_tests(pytest_arguments, fast=fast, everything=everything, date=date),
    ]


def checks_at_dates(pytest_arguments: list[str], dates: tuple[ShiftedDate, ...]) -> list[Check]:
    """All tests, or those that the arguments select, at each date."""
    chosen = () if any(_is_path(one) for one in pytest_arguments) else ("tests",)
    return [Check(f"pytest at {date.name}", _pytest(*chosen, *pytest_arguments), date) for date in dates]


def run_checks(talk: Talk, pytest_arguments: list[str], *, fast: bool = False, everything: bool = False) -> int:
    """Run all checks, continue after a failure, and end with a summary. Returns 0 or 1."""
    library, commit = find_library(), _commit()
    date = date_of_commit(commit, shifted_dates(_now())) if everything and library else None
    share = share_of_commit(commit) if everything and not pytest_arguments else ""
    results = [
        _run(check, library, talk, {SLOW_SHARE: share})
        for check in checks(pytest_arguments, fast=fast, everything=everything, date=date)
    ]
    failed = _failed(results)
    if everything and library is None:
        talk.warn(f"no test ran at another date than today's: {_NO_LIBRARY}")
    passed = _passed(pytest_arguments, fast=fast, everything=everything, share=share)
    talk.say(f"failed: {', '.join(failed)}" if failed else passed)
    talk.say(summary(DEEP_RESULTS))
    return 1 if failed else 0


def share_of_commit(commit: str) -> str:
    """The share of the slow tests for a commit, as `2/10`. It follows the commit, as the date does."""
    return f"{int(commit[-8:] or '0', 16) % _SHARES + 1}/{_SHARES}"


def run_deep(talk: Talk, pytest_arguments: list[str], name: str, results: Path = DEEP_RESULTS) -> int:
    """Run one room of the deep tests, or all of them, and record the results. Returns 0 or 1."""
    codes = []
    for room in chosen_rooms(name):
        began = time.monotonic()
        talk.say(f"{room.name}: {room.claim}")
        codes.append(_run_room(talk, room, pytest_arguments))
        seconds = time.monotonic() - began
        if not pytest_arguments:  # else it was only a part of the room
            record(results, room, passed=codes[-1] == 0, moment=_now(), commit=_commit(), seconds=seconds)
    talk.say(summary(results))
    return max(codes)


def _run_room(talk: Talk, room: Room, pytest_arguments: list[str]) -> int:
    if room.at_every_date:
        return run_at_dates(talk, pytest_arguments)
    command = _pytest(*room.tests, "--timeout", "0", *pytest_arguments)
    check = Check(f"deep tests: {room.name}", command, longest=_LONGEST_ROOM_SECONDS)
    return 1 if _failed([_run(check, None, talk, room.environment)]) else 0


def run_at_dates(talk: Talk, pytest_arguments: list[str], *, only: str | None = None) -> int:
    """Run the tests at each shifted date, or at one, and end with a table. Returns 0 or 1.

    Raises ConfigurationError without libfaketime, and for an unknown date.
    """
    library = find_library()
    if library is None:
        raise ConfigurationError(_NO_LIBRARY, remedy="install it, then start again")
    results = [_run(check, library, talk) for check in checks_at_dates(pytest_arguments, _chosen_dates(only))]
    failed = _failed(results)
    for one in results:
        verdict = "failed" if one.check.name in failed else "passed"
        talk.say(f"  {_described(one.check.date):<60} {verdict}  {one.seconds:7.1f} s")
    talk.say(f"failed: {', '.join(failed)}" if failed else "passed at every date")
    return 1 if failed else 0


def run_benchmarks(arguments: list[str]) -> NoReturn:
    """Become `python -m benchmarks`: a signal then reaches the process that ends what the comparison started."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    os.chdir(PROJECT_ROOT)
    os.execve(sys.executable, [*_PYTHON, "benchmarks", *arguments], environment)  # noqa: S606 - no shell is wanted


def is_pipeline_setting(name: str) -> bool:
    """Whether an environment variable would point the tests to a real warehouse, source or Airflow."""
    ours = ("DATABASE_URL", "BRONZE_URL", "RETAIL_HOME", "RETAIL_TASK_RETRIES", "RETAIL_FAIL_AT_ONCE")
    return name in ours or name.startswith(("SOURCE_", "AIRFLOW_"))


def _is_path(argument: str) -> bool:
    """Whether an argument names tests to run; any other is an option or its value, as in `-k watermark`."""
    file = argument.partition("::")[0]
    return bool(file) and (PROJECT_ROOT / file).exists()


def _environment() -> dict[str, str]:
    """The environment of this process, without the user's settings of the pipeline."""
    kept = {name: value for name, value in os.environ.items() if not is_pipeline_setting(name)}
    return {**kept, "PYTHONPATH": str(PROJECT_ROOT)}


# ---------------------------------------------------------------- below: which tests run when


def _tests(pytest_arguments: list[str], *, fast: bool, everything: bool, date: ShiftedDate | None) -> list[Check]:
    if any(_is_path(one) for one in pytest_arguments):
        return [Check("pytest", _pytest(*pytest_arguments))]
    if everything and date is not None and not fast:
        later = [f"--ignore={file}" for file in _WHOLE_RUNS]
        return [
            Check(f"pytest at {date.name}", _pytest(*_SHIFTED_FOLDERS, *later, *pytest_arguments), date),
            Check("pytest today", _pytest(*_WHOLE_RUNS, *_other_folders(), *pytest_arguments)),
        ]
    folders = ("tests/unit", "tests/architecture") if fast else ("tests",)
    return [Check("pytest", _pytest(*folders, *(() if everything else _WITHOUT_SLOW), *pytest_arguments))]


def _other_folders() -> list[str]:
    """Folders with tests that are not run at a shifted date."""
    folders = {f"tests/{file.parent.name}" for file in (PROJECT_ROOT / "tests").glob("*/test_*.py")}
    return [*_LONGEST_FOLDERS, *sorted(folders - {*_SHIFTED_FOLDERS, *_LONGEST_FOLDERS})]


def _pytest(*arguments: str) -> tuple[str, ...]:
    return (*_PYTHON, "pytest", "-q", *_PARALLEL, *arguments)


def _chosen_dates(only: str | None) -> tuple[ShiftedDate, ...]:
    dates = shifted_dates(_now())
    chosen = tuple(one for one in dates if only in (None, one.name))
    if not chosen:
        names = ", ".join(one.name for one in dates)
        raise ConfigurationError(f"there is no date {only!r}", remedy=f"use one of: {names}")
    return chosen


def _passed(pytest_arguments: list[str], *, fast: bool, everything: bool, share: str) -> str:
    """Text that says what has passed and what was not run: a tier that was not run is not green."""
    if pytest_arguments:
        return "all checks passed, with the tests that the arguments chose"
    if everything:
        return f"all checks passed, with share {share} of the slow tests (all of them: --deep slow)"
    return f"all checks passed; not run: {'all but the fast tests' if fast else 'the slow tests (--all)'}"


def _run(check: Check, library: Path | None, talk: Talk, added: Mapping[str, str] | None = None) -> Result:
    began = time.monotonic()
    if check.date is None or library is None:
        code = _call(check, _environment() | dict(added or {}))
    else:
        talk.say(f"pytest at {_described(check.date)}")
        repair_sleep()
        environment = _environment() | dict(added or {})
        code = _call(check, shifted(environment, check.date, _now(), library), share_clock)
        remove_leftovers(psutil.pid_exists)
    result = Result(check, code, time.monotonic() - began)
    _print_result(result, talk)
    return result


def _call(check: Check, environment: dict[str, str], begun: Callable[[int], None] | None = None) -> int:
    """Run the command and return its exit code. `begun` is called with its process id; a stop signal stops it too."""
    with subprocess.Popen(check.command, cwd=PROJECT_ROOT, env=environment) as process:
        try:
            if begun is not None:
                begun(process.pid)
            return _wait(process, check.longest)
        except BaseException:
            process.kill()
            raise


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int:
    """Wait for the exit code; it is never 0 for a command that took too long.

    Such a command is interrupted first, so that pytest reports what has failed until then.
    """
    with suppress(subprocess.TimeoutExpired):
        return process.wait(seconds)
    process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        return process.wait(_GRACE_SECONDS) or 1
    process.kill()
    return process.wait()


def _print_result(result: Result, talk: Talk) -> None:
    if result.code == 0:
        talk.done(result.check.name, result.seconds)
    elif result.code == _NOTHING_CHOSEN:
        talk.skipped(result.check.name, "no test of these is chosen")
    else:
        talk.failed(result.check.name, result.seconds, f"exit code {result.code}")


def _failed(results: list[Result]) -> list[str]:
    """Names of failed checks. Arguments that select no test are a failure only if no call found any."""
    tests = [one for one in results if "pytest" in one.check.command]
    is_nothing_chosen = all(one.code == _NOTHING_CHOSEN for one in tests)
    forgiven = (0,) if is_nothing_chosen else (0, _NOTHING_CHOSEN)
    return [one.check.name for one in results if one.code not in forgiven]


def _described(date: ShiftedDate | None) -> str:
    return f"{date.name}: from {date.moment:%Y-%m-%d %H:%M} UTC, TZ={date.zone}" if date else "today"


def _commit() -> str:
    """The id of the commit under test; empty outside of a git checkout."""
    command = ("git", "rev-parse", "HEAD")
    try:
        return subprocess.run(command, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _now() -> datetime:
    """The real date; the shifted dates are after it."""
    return datetime.now(timezone.utc)
