"""Findings that belong together as one episode: of a slice, in one direction, without a day's rest between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from quality.anomalies.baseline import METHODS
from quality.anomalies.findings import Past, find, find_slow
from quality.anomalies.judging import LEAST_PAST
from quality.anomalies.panel import STEP, Slice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from quality.anomalies.calendar import Calendar
    from quality.anomalies.findings import Finding
    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Flags, Grain, Level, Panel

STORE_LEVELS: frozenset[Level] = frozenset({"total", "channel", "store"})
CATEGORY_LEVELS: frozenset[Level] = frozenset({"category"})
REST = timedelta(hours=24)  # a finding that follows later than this is another episode
NEW_NORMAL = timedelta(days=7)  # after this, what an episode brings trains the baseline
_DAY = timedelta(days=1)
_PASSES = 2  # the second knows the outliers that the first has found


@dataclass(frozen=True)
class Episode:
    """Findings of one slice in one direction. `until` is the end of its last point.

    `metric`, `grain`, `score` and `reach` are those of its clearest finding: the band reaches from the expectation
    divided by `reach` to the expectation times `reach`. `metrics`: every KPI that was found. `found_at`: the end of
    the first window that shows it. `is_usual`: a person has said that nothing is wrong, so it trains the baseline.
    """

    of: Slice
    direction: int
    since: datetime
    until: datetime
    grain: Grain
    metric: str
    score: float
    reach: float
    metrics: frozenset[str]
    found_at: datetime
    is_usual: bool = False

    def overlaps(self, since: datetime, until: datetime) -> bool:
        """Whether it shares a moment with that time."""
        return self.since < until and since < self.until


def judge_span(
    panel: Panel,
    kpis: Sequence[Kpi],
    calendar: Calendar,
    known: Sequence[Episode],
    begins: int,
    levels: frozenset[Level] = STORE_LEVELS,
) -> list[Episode]:
    """The known episodes, with what the points from `begins` on add to them at these levels.

    What is found at others explains what the levels show, and is left to the panel that has it in more detail.
    """
    episodes = list(known)
    for _ in range(_PASSES):
        found = find(panel, kpis, past_of(episodes, panel, calendar), begins)
        before, episodes = episodes, fold(known, [one for one in found if panel.slices[one.row].level in levels], panel)
        if {*before} == {*episodes}:
            break
    if panel.grain == "day":
        found = find_slow(panel, kpis, past_of(episodes, panel, calendar), begins)
        episodes = fold(episodes, [one for one in found if panel.slices[one.row].level in levels], panel)
    return episodes


def past_of(episodes: Sequence[Episode], panel: Panel, calendar: Calendar) -> Past:
    """What is known of a panel by its episodes and the calendar."""
    is_outlier = outliers(episodes, panel) | calendar.untypical(panel)
    return Past(is_outlier, calendar.least_effect(panel, -1), calendar.least_effect(panel, 1))


def fold(known: Sequence[Episode], found: Iterable[Finding], panel: Panel) -> list[Episode]:
    """The episodes with these findings of the panel: one that continues is extended, others begin."""
    new = [_episode(one, panel) for one in found]
    joined: dict[tuple[Slice, int], list[Episode]] = {}
    for one in sorted([*known, *new], key=lambda episode: episode.since):
        of_slice = joined.setdefault((one.of, one.direction), [])
        if of_slice and one.since <= of_slice[-1].until + REST:
            of_slice[-1] = _joined(of_slice[-1], one)
        else:
            of_slice.append(one)
    return [one for of_slice in joined.values() for one in of_slice]


def outliers(episodes: Iterable[Episode], panel: Panel) -> Flags:
    """Which points of each cell train nothing: those of the episodes of its slices.

    An episode of hours makes its day an outlier if it lasts a quarter of it. After a week, it is the new normal.
    """
    flags = np.zeros((panel.members.shape[1], panel.points), dtype=bool)
    step, rows = STEP[panel.grain], {one: row for row, one in enumerate(panel.slices)}
    for one in episodes:
        until = min(one.until, one.since + NEW_NORMAL)
        if one.of not in rows or one.is_usual:
            continue
        cells = panel.members[rows[one.of]] > 0
        first = max(0, (one.since - panel.begins) // step)
        for point in range(first, min(panel.points, (until - panel.begins - timedelta(microseconds=1)) // step + 1)):
            begins = panel.at(point)
            if (min(until, begins + step) - max(one.since, begins)) * 4 >= step:
                flags[cells, point] = True
    return flags


def days_needed(grain: Grain) -> int:
    """Days of history before anything is judged."""
    return METHODS[grain].learns + LEAST_PAST[grain] // METHODS[grain].day


def _episode(one: Finding, panel: Panel) -> Episode:
    return Episode(
        panel.slices[one.row],
        one.direction,
        panel.at(one.first),
        panel.at(one.last + 1),
        panel.grain,
        one.kpi.name,
        one.score,
        exp(one.rule.score * one.distance / abs(one.score)),
        frozenset({one.kpi.name}),
        panel.at(one.seen_at + 1),
    )


def _joined(old: Episode, new: Episode) -> Episode:
    """Both as one. Hours say when it began and ended on a day that was found as well."""
    timed = [one for one in (old, new) if one.grain == "hour"]
    since, until = min(old.since, new.since), max(old.until, new.until)
    begins = min((one.since for one in timed), default=since)
    ends = max((one.until for one in timed), default=until)
    return replace(
        max(timed or [old, new], key=lambda one: abs(one.score)),
        since=begins if begins.date() == since.date() else since,
        until=ends if until - ends < _DAY else until,
        metrics=old.metrics | new.metrics,
        found_at=min(old.found_at, new.found_at),
        is_usual=old.is_usual or new.is_usual,
    )
