"""Dates other than today at which the tests run: libfaketime shifts the wall clock of pytest and of all it starts.

The shift is an offset in whole seconds, the same for every process, so that two processes never disagree about the
time and the clock advances while the tests run. The tempting alternative, an absolute date, would start again at that
date in each new process. The monotonic clock stays real: timeouts measure the time that really passes.

libfaketime 0.9.10, which Debian has, breaks the one sleep that Python 3.11 and later use
(github.com/wolfcw/libfaketime/issues/426): `repair_sleep` replaces it in the interpreters of this environment.

It cannot shift one thing: a signal handler that interrupts a wait sees the real time. So a timeout of Postgres, such as
`lock_timeout`, does not end a wait at a later date: no test that runs at a shifted date may need it.
"""

from __future__ import annotations

import calendar
import os
import sysconfig
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

# The single-threaded variant: the other takes a mutex in each call, and Postgres asks for the time in signal handlers,
# where it would wait for itself.
_LIBRARIES = (
    "usr/lib/*/faketime/libfaketime.so.1",
    "usr/lib*/faketime/libfaketime.so.1",
    "usr/local/lib/faketime/*.so.1",
)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where POSIX puts it, not a folder for temporary files
_SLEEP = """\
import os; "FAKETIME" in os.environ and exec("import select, time\\ndef sleep(seconds, /): \
select.select((), (), (), seconds)\\ntime.sleep = sleep", {})
"""


@dataclass(frozen=True)
class ShiftedDate:
    """A moment at which the tests begin, and the time zone in which they run."""

    name: str
    moment: datetime
    zone: str = "UTC"


def shifted_dates(now: datetime) -> tuple[ShiftedDate, ...]:
    """The dates, the next ones after `now`. Where the clock changes, the tests begin minutes before."""
    spring, autumn = _next(now, _change_in(3)), _next(now, _change_in(10))
    return (
        ShiftedDate("three-days", now + timedelta(days=3)),
        ShiftedDate("a-year", now + timedelta(days=365)),
        ShiftedDate("leap-day", _next(now, _leap_day)),
        ShiftedDate("summer-time-begins", spring, "Europe/Berlin"),
        ShiftedDate("summer-time-ends", autumn, "Europe/Berlin"),
        ShiftedDate("new-year", _next(now, _last_minutes)),
    )


def date_of_commit(commit: str, dates: tuple[ShiftedDate, ...]) -> ShiftedDate:
    """The date for this commit: always the same for one commit, and each date in turn over many commits."""
    return dates[int(commit[:12] or "0", 16) % len(dates)]


def find_library(root: Path = Path("/")) -> Path | None:
    """libfaketime, where Debian and others install it; None on a machine without it."""
    return next((found for pattern in _LIBRARIES for found in sorted(root.glob(pattern))), None)


def shifted(environment: Mapping[str, str], date: ShiftedDate, now: datetime, library: Path) -> dict[str, str]:
    """`environment`, changed so that a process started now sees `date`."""
    preloaded = " ".join(filter(None, (str(library), environment.get("LD_PRELOAD", ""))))
    return {
        **environment,
        "LD_PRELOAD": preloaded,
        "FAKETIME": f"{(date.moment - now).total_seconds():+.0f}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Otherwise a wait by the monotonic clock ends at once, as its end is shifted and the clock is not. Python waits
        # this way for its interpreter lock: its threads would spin and take the lock from each other all the time.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "FAKETIME_CACHE_DURATION": "1000000000",  # the offset never changes: read it once
        "NO_FAKE_STAT": "1",  # files keep the real time in every program, as some could not be shifted
        "TZ": date.zone,
    }


def unshifted(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` for a program that must see the real time, such as one that checks internet certificates."""
    kept = {name: value for name, value in environment.items() if not name.startswith("FAKETIME")}
    others = [one for one in kept.pop("LD_PRELOAD", "").split() if "libfaketime" not in one]
    return kept | ({"LD_PRELOAD": " ".join(others)} if others else {})


def repair_sleep(site_packages: Path | None = None) -> None:
    """Give every interpreter of this environment a `time.sleep` that works under libfaketime, and only there."""
    folder = site_packages or Path(sysconfig.get_path("purelib"))
    draft = folder / f"retail-shifted-sleep.{os.getpid()}"
    draft.write_text(_SLEEP, encoding="utf-8")
    draft.replace(folder / "retail_shifted_sleep.pth")


def share_clock(pid: int, folder: Path = _SHARED_MEMORY, seconds: float = 5.0) -> None:
    """Let other accounts open the shared memory of the shifted process `pid`.

    A process that cannot open it, such as Postgres under its own account, makes its own shared memory and leaves it
    when it is killed; a later process with the same number then does not start. Without effect where nothing is shared.
    """
    wanted = [folder / f"faketime_shm_{pid}", folder / f"sem.faketime_sem_{pid}"]
    deadline = time.monotonic() + seconds
    while not all(file.exists() for file in wanted) and time.monotonic() < deadline:
        time.sleep(0.01)
    for file in wanted:
        with suppress(OSError):
            file.chmod(0o666)


def remove_leftovers(is_alive: Callable[[int], bool], folder: Path = _SHARED_MEMORY) -> None:
    """Remove the shared memory of killed processes: a later shifted process with the same number would fail."""
    for file in _shared_by_processes(folder):
        owner = file.name.rpartition("_")[2]
        if owner.isdigit() and not is_alive(int(owner)):
            with suppress(OSError):
                file.unlink()


def _shared_by_processes(folder: Path) -> Iterable[Path]:
    return [*folder.glob("faketime_shm_*"), *folder.glob("sem.faketime_sem_*")]


def _next(now: datetime, in_year: Callable[[int], datetime | None]) -> datetime:
    """The first of these moments after `now`. 29 February may be eight years away, around the turn of a century."""
    found = (in_year(year) for year in range(now.year, now.year + 9))
    return next(moment for moment in found if moment is not None and moment > now)


def _leap_day(year: int) -> datetime | None:
    return datetime(year, 2, 29, 12, tzinfo=timezone.utc) if calendar.isleap(year) else None


def _last_minutes(year: int) -> datetime:
    return datetime(year, 12, 31, 23, 57, tzinfo=timezone.utc)


def _change_in(month: int) -> Callable[[int], datetime]:
    """Three minutes before the clocks of the European Union change: at 01:00 UTC on the last Sunday of the month."""

    def in_year(year: int) -> datetime:
        last = datetime(year, month, 31, 0, 57, tzinfo=timezone.utc)
        return last - timedelta(days=(last.weekday() + 1) % 7)

    return in_year
