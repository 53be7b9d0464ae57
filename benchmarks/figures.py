"""From seconds to ratios: what is compared with what, and what was promised of it. Pure; nothing is measured here."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.engine import Timing

    Seconds = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Group:
    """Rows that do the same work, each related to `reference`, which is ours."""

    title: str
    reference: str
    rows: tuple[str, ...]


@dataclass(frozen=True)
class Goal:
    """`name` takes at least `ratio` times as long as `reference`."""

    name: str
    reference: str
    ratio: float
    words: str


@dataclass(frozen=True)
class Row:
    """One engine in one group. `ratio` is the median over the rounds of its seconds by those of the reference.

    `processor` is the median of processor seconds, None for what is a part of a run.
    """

    name: str
    median: float
    least: float
    most: float
    ratio: float | None
    processor: float | None


@dataclass(frozen=True)
class Outcome:
    """A goal and what came of it; `seen` is None when one of the two was not measured."""

    words: str
    wanted: float
    seen: float | None

    @property
    def is_reached(self) -> bool | None:
        """Whether it is; None when it was not measured."""
        return None if self.seen is None else self.seen >= self.wanted


# Parts of a run that are rows of their own: the steps they are the sum of.
PARTS = {
    "bronze": ("ours", ("bronze",)),
    "silver": ("ours", ("silver",)),
    "gold-steps": ("gold", ("deps", "core", "mart", "tests")),
}
PART_TITLES = {
    "bronze": "ours: pages into receipted Bronze files",
    "silver": "ours: validation, receipts, merge",
    "gold-steps": "of these, the steps without dbt's start",
}
GROUPS = (
    Group("API → Silver", "ours", ("ours", "dlt", "singer", "singer-lean", "naive", "floor")),
    Group("API → Bronze", "bronze", ("bronze", "floor")),
    Group("Bronze → Silver", "silver", ("silver", "copy")),
    Group("Silver → Gold", "gold", ("gold", "gold-steps", "psql", "ctas")),
)
GOALS = (
    Goal("dlt", "ours", 10, "dlt takes at least 10 times as long as ours"),
    Goal("singer", "ours", 8, "the Singer pair takes at least 8 times as long as ours"),
    Goal("copy", "silver", 0.5, "the COPY limit takes at least 0.5 of our Silver load"),
)


def seconds_of(timings: Mapping[str, Sequence[Timing]]) -> dict[str, list[float]]:
    """Seconds by round of every engine, and of the parts that engines report."""
    found = {name: [one.seconds for one in rounds] for name, rounds in timings.items()}
    for part, (engine, steps) in PARTS.items():
        if engine in timings:
            found[part] = [sum(one.steps[step] for step in steps) for one in timings[engine]]
    return found


def rows_of(group: Group, timings: Mapping[str, Sequence[Timing]]) -> list[Row]:
    """The rows of a group that were measured, in its order."""
    seconds = seconds_of(timings)
    return [_row(name, group, seconds, timings) for name in group.rows if seconds.get(name)]


def parts_of(timings: Mapping[str, Sequence[Timing]], name: str) -> dict[str, float]:
    """The median seconds of each step that an engine reports, in its order; empty when it was not measured."""
    rounds = timings.get(name, ())
    return {step: statistics.median(one.steps[step] for one in rounds) for one in rounds[:1] for step in one.steps}


def _row(name: str, group: Group, seconds: Seconds, timings: Mapping[str, Sequence[Timing]]) -> Row:
    took, used = seconds[name], [one.processor_seconds for one in timings.get(name, ())]
    return Row(
        name=name,
        median=statistics.median(took),
        least=min(took),
        most=max(took),
        ratio=ratio(seconds, name, group.reference),
        processor=statistics.median(used) if used else None,
    )


def ratio(seconds: Seconds, name: str, reference: str) -> float | None:
    """The median of the rounds' ratios: each compares two runs that stood close to each other."""
    pairs = list(zip(seconds.get(name, ()), seconds.get(reference, ()), strict=False))
    return statistics.median(mine / base for mine, base in pairs) if pairs else None


def outcomes(seconds: Seconds) -> list[Outcome]:
    """What came of every goal."""
    return [Outcome(goal.words, goal.ratio, ratio(seconds, goal.name, goal.reference)) for goal in GOALS]
