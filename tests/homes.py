"""Folders for a RETAIL_HOME. As root, Postgres runs under another account, which must be able to reach them."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gold import dbt_runner


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every account may pass through, unlike pytest's own; removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="retail-tests-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def spare_dbt_its_callers() -> None:
    """Have dbt not look for who called it, which it does seven times a command for the words of a warning.

    It goes through every module for every frame: in a process of pytest's that takes longer than all its models.
    """
    from dbt_common.behavior_flags import BehaviorFlagRendered

    assert callable(BehaviorFlagRendered._default_source)  # else dbt has changed, and this is needless or wrong
    BehaviorFlagRendered._default_source = staticmethod(lambda: "tests")


def spare_dbt_its_debug_log() -> None:
    """Have dbt make nothing of events that only its debug log shows: a quarter of the time of a build in a test."""
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire = EventManager.fire_event

    def remember(event: DebugLevel, *arguments: Any, **said: Any) -> None:
        event.__dict__["told"] = (arguments, said)

    def fire_what_is_shown(
        manager: EventManager, event: BaseEvent, level: Any = None, *more: Any, **named: Any
    ) -> None:
        if (level or event.level_tag()) == EventLevel.DEBUG:
            return
        if told := event.__dict__.pop("told", None):
            BaseEvent.__init__(event, *told[0], **told[1])
        fire(manager, event, level, *more, **named)

    DebugLevel.__init__ = remember
    EventManager.fire_event = fire_what_is_shown


@contextmanager
def _seen_by_python(values: dict[str, str]) -> Iterator[None]:
    """Set these environment variables where Python sees them, those of libpq also where C does."""
    libpq = {name: value for name, value in values.items() if name.startswith("PG")}
    seen, before = os.environ._data, {**os.environ._data}
    seen.update({os.fsencode(name): os.fsencode(value) for name, value in values.items()})
    os.environ.update(libpq)
    try:
        yield
    finally:
        seen.clear()
        seen.update(before)
        for name in libpq:
            os.putenv(name, os.environ[name]) if name in os.environ else os.unsetenv(name)


def spare_libfaketime_the_environment() -> None:
    """Have a command of dbt change no environment variable of C, which may be read at the same moment.

    At a shifted date the source in its thread reads variables all the time: libfaketime does, whenever it is asked for
    the number of the process. A change by another thread then ends the process with a segmentation fault.
    """
    dbt_runner._environment = _seen_by_python


def emptied(home: Path) -> Path:
    """`home` without what an earlier test left there, but for what dbt knows of our project.

    dbt parses the project for five seconds when the path, the login or the database is another one than before. So
    tests one after the other have all three in common.
    """
    home.mkdir(exist_ok=True)
    kept = {home / "dbt" / "packages", home / "dbt" / "target" / "partial_parse.msgpack"}
    for file in [file for file in home.rglob("*") if not file.is_dir() or file.is_symlink()]:
        if not any(file == one or one in file.parents for one in kept):
            file.unlink()
    for folder in sorted((folder for folder in home.rglob("*") if folder.is_dir()), reverse=True):
        if not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()
    return home
