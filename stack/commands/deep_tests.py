"""The deep tier of the suite: tests that are too heavy for CI, in rooms, each with its last result.

`.ci/deep-tests.json` records, for each room, when it last ran to its end, at which commit, and whether it passed. It is
checked in, so that the last line of the suite can say what was not run: a room without a result is not green.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path


@dataclass(frozen=True)
class Room:
    """One heavy part of the suite: its tests, and the settings that make them search further than in CI."""

    name: str
    claim: str
    tests: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    at_every_date: bool = False


@dataclass(frozen=True)
class LastResult:
    """The last result of a room. `date` is a day in UTC, `commit` the id of the commit under test."""

    passed: bool
    date: str
    commit: str
    seconds: float


ROOMS = (
    Room("dates", "every test at every shifted date", ("tests",), at_every_date=True),
    Room(
        "hours",
        "30 hours of anything that moves a sale end as a full refresh of Gold does",
        ("tests/integration/test_gold_hours.py",),
        {"RETAIL_CHAOTIC_HOURS": "30"},
    ),
    Room(
        "nemesis",
        "500 hours of random faults lose and double nothing",
        ("tests/faults/test_nemesis.py",),
        {"RETAIL_NEMESIS_HOURS": "500"},
    ),
    Room(
        "search",
        "what holds for any input, over many more inputs",
        ("tests/property",),
        {"HYPOTHESIS_PROFILE": "search"},
    ),
    Room("slow", "all slow tests, of which CI runs a twentieth for each commit", ("tests", "-m", "slow")),
    Room(
        "sparse",
        "100,000 sales in steps cost an hourly run ten requests",
        ("tests/integration/test_sparse_ids.py",),
        {"RETAIL_SPARSE_SALES": "100000"},
    ),
)


def chosen_rooms(name: str) -> tuple[Room, ...]:
    """The room of that name, or all of them for "every". Raises ConfigurationError."""
    if name == "every":
        return ROOMS
    found = tuple(room for room in ROOMS if room.name == name)
    if not found:
        names = ", ".join(room.name for room in ROOMS)
        raise ConfigurationError(f"there is no room {name!r} of deep tests", remedy=f"use one of: {names}, every")
    return found


def last_results(file: Path) -> dict[str, LastResult]:
    """The last result of each room that has one, by its name."""
    if not file.exists():
        return {}
    return {name: LastResult(**one) for name, one in json.loads(file.read_text(encoding="utf-8")).items()}


def record(file: Path, room: Room, *, passed: bool, moment: datetime, commit: str, seconds: float) -> None:
    """Record the room's result in place of the previous one."""
    found = last_results(file) | {room.name: LastResult(passed, f"{moment:%Y-%m-%d}", commit[:7], round(seconds, 1))}
    text = json.dumps({name: asdict(found[name]) for name in sorted(found)}, indent=2)
    file.write_text(f"{text}\n", encoding="utf-8")


def summary(file: Path) -> str:
    """One line about the last results of the deep tier."""
    results = last_results(file)
    return "deep tests: " + "; ".join(_described(room, results.get(room.name)) for room in ROOMS)


def _described(room: Room, result: LastResult | None) -> str:
    if result is None:
        return f"{room.name} never run"
    return f"{room.name} {'passed' if result.passed else 'FAILED'} on {result.date} at {result.commit}"
