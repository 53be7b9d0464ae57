"""The windows of a panel that are anomalies, each at the slice that explains it.

What a slice has too little or too much, its total has, too. So the slices are looked at first, the clearest of them
before the others; once it is found, its cells count as expected, and the rest is judged again. What then remains is the
total's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from quality.anomalies.baseline import METHODS, SLOW, cleaned, expected
from quality.anomalies.judging import PAST, RULES, SLOW_RULE, deviations, judge, most_of
from quality.anomalies.residuals import residuals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from quality.anomalies.baseline import Method
    from quality.anomalies.judging import Rule
    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Flags, Floats, Panel

_MOST_ROUNDS = 40
_SMALLEST = 0.5
AGAIN = 3  # days that are judged again: what is usual is learned from the days before them


@dataclass(frozen=True)
class Finding:
    """A window of a KPI of a slice that is an anomaly.

    The points from `first` to `last`, both in it, are those of the window that are off; it ends at `seen_at`.
    `score` counts deviations of the series' own past; it is negative where less was seen than expected. `seen`, `hoped`
    and `sales` are those of the window (`residuals.Residuals`).
    """

    row: int
    kpi: Kpi
    first: int
    last: int
    seen_at: int
    score: float
    seen: float
    hoped: float
    sales: float
    rule: Rule

    @property
    def direction(self) -> int:
        """1 above what was expected, -1 below."""
        return 1 if self.score > 0 else -1

    @property
    def effect(self) -> float:
        """How far it is off, as a share of what was expected."""
        return self.seen / self.hoped - 1

    @property
    def distance(self) -> float:
        """How far it is off, on a scale on which half and twice are equally far."""
        return abs(log((max(self.seen, 0) + _SMALLEST) / (max(self.hoped, 0) + _SMALLEST)))


@dataclass(frozen=True)
class Past:
    """What is known of a panel apart from its figures.

    `is_outlier`: by cell and point, whether it trains nothing. `least_below` and `least_above`: by slice and point, the
    effect without which too little or too much is no anomaly.
    """

    is_outlier: Flags
    least_below: Floats
    least_above: Floats


@dataclass(frozen=True)
class Judge:
    """A panel with what its past says of it.

    `clean` is the panel without known outliers. `by_past`: expectations by slice, `of_cells`: by cell. `deviation`: of
    each KPI's and rule's past scores, by slice. `begins`: the first point that is judged.
    """

    panel: Panel
    clean: Panel
    kpis: Sequence[Kpi]
    rules: Sequence[Rule]
    by_past: Mapping[str, Floats]
    of_cells: Mapping[str, Floats]
    deviation: Mapping[tuple[str, Rule], Floats]
    past: Past
    begins: int

    @classmethod
    def of(
        cls,
        panel: Panel,
        kpis: Sequence[Kpi],
        rules: Sequence[Rule],
        method: Method,
        past: Past,
        begins: int,
    ) -> Judge:
        """Learn from the points before the last days, but for those cells that train nothing."""
        is_outlier = past.is_outlier
        learned = max(begins, panel.points - AGAIN * method.day)
        since = max(0, begins - PAST[panel.grain])
        clean = panel.with_parts({name: cleaned(values, is_outlier, method) for name, values in panel.parts.items()})
        by_past = {name: expected(values, method, since) for name, values in clean.by_slice.items()}
        of_cells = {name: expected(values, method, begins - method.day) for name, values in clean.parts.items()}
        deviation = {
            (kpi.name, rule): deviations(
                residuals(clean, by_past, kpi, rule.size).score[:, max(0, learned - PAST[panel.grain]) : learned],
                panel.grain,
            )
            for kpi in kpis
            for rule in rules
        }
        return cls(panel, clean, kpis, rules, by_past, of_cells, deviation, past, begins)

    def find(self) -> list[Finding]:
        """The findings of the windows that end at point `begins` or later."""
        reach = max(rule.size for rule in self.rules) - 1
        first = max(0, self.begins - reach)
        # What was found before the first point is explained already.
        parts = {
            name: np.concatenate([self.clean.parts[name][:, first : self.begins], values[:, self.begins :]], axis=1)
            for name, values in self.panel.parts.items()
        }
        accepted: list[Finding] = []
        for _ in range(_MOST_ROUNDS):
            found = [one for one in self._look(parts, first) if not _is_known(one, accepted)]
            if not found:
                break
            chosen = self._clearest(found)
            accepted += chosen
            self._explain(chosen, parts, first)
        return accepted

    def _look(self, parts: Mapping[str, Floats], first: int) -> Iterator[Finding]:
        some = self.panel.with_parts(parts)
        by_past = {name: values[:, first:] for name, values in self.by_past.items()}
        for kpi in self.kpis:
            of_point = residuals(some, by_past, kpi, 1)
            for rule in self.rules:
                of_window = of_point if rule.size == 1 else residuals(some, by_past, kpi, rule.size)
                deviation = self.deviation[kpi.name, rule]
                flags = judge(rule, of_window, of_point, deviation)
                too_little = -of_window.effect >= most_of(self.past.least_below[:, first:], rule.size)
                too_much = of_window.effect >= most_of(self.past.least_above[:, first:], rule.size)
                flags &= np.where(of_window.effect < 0, too_little, too_much)
                flags[:, : self.begins - first] = False
                for row, at in zip(*np.nonzero(flags), strict=True):
                    window = np.arange(at - rule.size + 1, at + 1)
                    effects = of_point.effect[row, window] * np.sign(of_window.effect[row, at])
                    is_off = window[effects >= rule.effect / 2] if rule.steady > 1 else window
                    yield Finding(
                        row=int(row),
                        kpi=kpi,
                        first=first + int(is_off[0]),
                        last=first + int(is_off[-1]),
                        seen_at=first + int(at),
                        score=float(of_window.score[row, at] / deviation[row]),
                        seen=float(of_window.seen[row, at]),
                        hoped=float(of_window.hoped[row, at]),
                        sales=float(of_window.sales[row, at]),
                        rule=rule,
                    )

    def _clearest(self, found: list[Finding]) -> list[Finding]:
        """The findings of the slice that is farthest off; those of totals only when no slice is left.

        A price that is wrong in one store moves the channels as well, but less: so the farthest one is the cause.
        """
        of_slices = [one for one in found if self.panel.slices[one.row].level != "total"]
        candidates = of_slices or found
        worst = max(candidates, key=lambda one: one.distance)
        return [one for one in candidates if one.row == worst.row]

    def _explain(self, chosen: list[Finding], parts: dict[str, Floats], first: int) -> None:
        """Have the cells of a slice be as expected in the windows that were found.

        So are the points of the day around them that are off in the same direction, though each is too small to be
        found: a wrong price at night, say, with a sale or two.
        """
        some = self.panel.with_parts(parts)
        by_past = {name: values[:, first:] for name, values in self.by_past.items()}
        cells = self.panel.members[chosen[0].row] > 0
        day = METHODS[self.panel.grain].day - 1
        is_off = np.zeros(some.points, dtype=bool)
        for kpi in {one.kpi for one in chosen}:
            effect = residuals(some, by_past, kpi, 1).effect[chosen[0].row]
            for one in (one for one in chosen if one.kpi == kpi):
                is_off[max(0, one.first - first) : one.last + 1 - first] = True
                near = slice(max(0, one.first - first - day), one.last + 1 - first + day)
                is_off[near] |= one.direction * effect[near] >= one.rule.effect / 2
        for name, values in parts.items():
            hoped = self.of_cells[name][:, first:]
            is_known = is_off & np.isfinite(hoped)
            values[cells] = np.where(is_known, hoped, values)[cells]


def find(panel: Panel, kpis: Sequence[Kpi], past: Past, begins: int) -> list[Finding]:
    """The findings of the windows that end at point `begins` or later."""
    return Judge.of(panel, kpis, RULES[panel.grain], METHODS[panel.grain], past, begins).find()


def find_slow(panel: Panel, kpis: Sequence[Kpi], past: Past, begins: int) -> list[Finding]:
    """The slices that have drifted away from their neighbors over weeks, however slowly; `panel` is of days.

    Known outliers are left out of what is judged, too: a day that was found by itself is no drift.
    """
    clean = panel.with_parts(
        {name: cleaned(values, past.is_outlier, METHODS[panel.grain]) for name, values in panel.parts.items()}
    )
    found = Judge.of(clean, [one for one in kpis if not one.whole], (SLOW_RULE,), SLOW, past, begins).find()
    return [one for one in found if panel.slices[one.row].level != "total"]


def _is_known(one: Finding, accepted: Sequence[Finding]) -> bool:
    return any(
        (one.row, one.kpi, one.rule, one.seen_at) == (old.row, old.kpi, old.rule, old.seen_at) for old in accepted
    )
