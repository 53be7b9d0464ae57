"""The dates at which the tests run, and what shifts a process to them."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from stack.commands.shifted_dates import (
    date_of_commit,
    find_library,
    remove_leftovers,
    repair_sleep,
    share_clock,
    shifted,
    shifted_dates,
    unshifted,
)

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
# Around each of the dates themselves, a century without a leap day among them.
BEGINNINGS = [
    NOON,
    datetime(2027, 12, 31, 23, 58, tzinfo=timezone.utc),
    datetime(2028, 2, 29, 12, tzinfo=timezone.utc),
    datetime(2027, 3, 28, 0, 58, tzinfo=timezone.utc),
    datetime(2096, 3, 1, tzinfo=timezone.utc),
]
LIBRARY = find_library()
needs_library = pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime (Debian: apt install faketime)")
TELL = """
import json, subprocess, sys, threading, time
from datetime import datetime
began = time.monotonic()
time.sleep(0.2)
threading.Event().wait(0.2)
child = subprocess.run([sys.executable, "-c", "import time; print(time.time())"], capture_output=True, text=True)
print(json.dumps([datetime.now().isoformat(), time.time(), float(child.stdout), time.monotonic() - began]))
"""
# The wait of C, by the monotonic clock, in which threads of Python stand in line for the interpreter.
WAIT = """
import ctypes, time
libc = ctypes.CDLL(None)
class Moment(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]
attributes, condition, mutex = (ctypes.create_string_buffer(64) for _ in range(3))
libc.pthread_condattr_init(attributes)
libc.pthread_condattr_setclock(attributes, time.CLOCK_MONOTONIC)
libc.pthread_cond_init(condition, attributes)
libc.pthread_mutex_init(mutex, None)
libc.pthread_mutex_lock(mutex)
began = time.monotonic_ns()
libc.pthread_cond_timedwait(condition, mutex, ctypes.byref(Moment(*divmod(began + 200_000_000, 10**9))))
print(time.monotonic_ns() - began)
"""


@pytest.mark.parametrize("now", BEGINNINGS)
def test_every_date_lies_ahead(now: datetime) -> None:
    assert all(date.moment > now for date in shifted_dates(now))


@pytest.mark.parametrize("now", BEGINNINGS)
def test_the_clock_changes_soon_after_the_tests_began_where_daylight_saving_is_the_date(now: datetime) -> None:
    dates = {date.name: date for date in shifted_dates(now)}
    for name, change in (("summer-time-begins", timedelta(hours=1)), ("summer-time-ends", timedelta(hours=-1))):
        zone = ZoneInfo(dates[name].zone)
        before = dates[name].moment.astimezone(zone)
        after = (dates[name].moment + timedelta(minutes=5)).astimezone(zone)
        assert after.utcoffset() - before.utcoffset() == change  # type: ignore[operator]


@pytest.mark.parametrize("now", BEGINNINGS)
def test_the_other_dates_are_what_their_names_say(now: datetime) -> None:
    dates = {date.name: date.moment for date in shifted_dates(now)}
    assert (dates["leap-day"].month, dates["leap-day"].day) == (2, 29)
    assert dates["new-year"].year < (dates["new-year"] + timedelta(minutes=5)).year
    assert dates["three-days"] - now == timedelta(days=3)
    assert dates["a-year"] - now == timedelta(days=365)


def test_a_commit_has_one_date_and_all_dates_have_commits() -> None:
    dates = shifted_dates(NOON)
    commits = [hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest() for number in range(100)]
    assert {date_of_commit(commit, dates).name for commit in commits} == {date.name for date in dates}
    assert date_of_commit(commits[5], dates) == date_of_commit(commits[5], dates)
    assert date_of_commit("", dates) in dates  # outside of a git checkout


def test_a_program_that_must_see_the_real_time_keeps_the_rest_of_its_environment() -> None:
    given = {"PATH": "/bin", "LD_PRELOAD": "/lib/other.so"}
    changed = shifted(given, shifted_dates(NOON)[0], NOON, Path("/lib/libfaketime.so.1"))
    assert changed["LD_PRELOAD"] == "/lib/libfaketime.so.1 /lib/other.so"
    assert changed["FAKETIME"] == f"+{3 * 86_400}"
    kept = unshifted(changed)
    assert kept["LD_PRELOAD"] == "/lib/other.so"
    assert not [name for name in kept if name.startswith("FAKETIME")]
    assert "LD_PRELOAD" not in unshifted({"LD_PRELOAD": "/lib/libfaketime.so.1"})


@needs_library
def test_a_shifted_process_and_its_child_are_at_the_date_and_wait_as_long_as_ever() -> None:
    assert LIBRARY is not None
    repair_sleep()
    for date in shifted_dates(_real_now()):
        environment = shifted(unshifted(os.environ), date, _real_now(), LIBRARY)
        told = subprocess.run([sys.executable, "-c", TELL], env=environment, capture_output=True, text=True, check=True)
        local, here, there, waited = json.loads(told.stdout)
        assert abs(here - date.moment.timestamp()) < 30
        assert abs(there - here) < 30
        assert datetime.fromisoformat(local).hour == datetime.fromtimestamp(here, ZoneInfo(date.zone)).hour
        assert 0.4 <= waited < 30


@needs_library
def test_threads_of_a_shifted_process_do_not_spin_while_they_wait() -> None:
    assert LIBRARY is not None
    for date in shifted_dates(_real_now()):
        environment = shifted(unshifted(os.environ), date, _real_now(), LIBRARY)
        told = subprocess.run([sys.executable, "-c", WAIT], env=environment, capture_output=True, text=True, check=True)
        assert 200_000_000 <= int(told.stdout) < 30_000_000_000


def test_other_accounts_may_share_the_clock_of_a_shifted_process(tmp_path: Path) -> None:
    mine = [tmp_path / "faketime_shm_11", tmp_path / "sem.faketime_sem_11"]
    others = [tmp_path / "faketime_shm_12", tmp_path / "sem.faketime_sem_12"]
    for file in (*mine, *others):
        file.touch(mode=0o600)
    share_clock(11, tmp_path)
    assert [file.stat().st_mode & 0o777 for file in (*mine, *others)] == [0o666, 0o666, 0o600, 0o600]
    share_clock(13, tmp_path, seconds=0)  # nothing is shared


def test_an_interpreter_that_is_not_shifted_keeps_its_own_sleep(tmp_path: Path) -> None:
    repair_sleep(tmp_path)
    (file,) = tmp_path.iterdir()
    tell = f"exec({file.read_text()!r}); import time; print(time.sleep)"
    for environment, is_replaced in (
        (unshifted(os.environ), False),
        (unshifted(os.environ) | {"FAKETIME": "+0"}, True),
    ):
        told = subprocess.run(
            [sys.executable, "-S", "-c", tell], env=environment, capture_output=True, text=True, check=True
        )
        assert ("built-in" not in told.stdout) is is_replaced


def test_shared_memory_of_dead_processes_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("faketime_shm_11", "sem.faketime_sem_11", "faketime_shm_12", "sem.faketime_sem_12", "other_11"):
        (tmp_path / name).touch()
    remove_leftovers(lambda pid: pid == 12, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"faketime_shm_12", "sem.faketime_sem_12", "other_11"}


def _real_now() -> datetime:
    """Also while these tests are shifted themselves."""
    tell = "import time; print(time.time())"
    told = subprocess.run([sys.executable, "-c", tell], env=unshifted(os.environ), capture_output=True, check=True)
    return datetime.fromtimestamp(float(told.stdout), timezone.utc)
