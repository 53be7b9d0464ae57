"""Which points are anomalies: a score beyond what the KPI's own past makes likely, an effect, and persistence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from quality.anomalies.panel import Flags, Floats, Grain
    from quality.anomalies.residuals import Residuals


@dataclass(frozen=True)
class Rule:
    """One way to be an anomaly: over `size` points, farther than `score` and off by `effect`, as a share.

    `score` counts deviations of the series' own past residuals. `least_sales`: with fewer expected, nothing is said.
    `steady`: so many of the points deviate by themselves.
    """

    size: int
    score: float
    effect: float
    least_sales: float
    steady: int = 1


RULES: dict[Grain, tuple[Rule, ...]] = {
    "hour": (
        Rule(size=3, score=5.2, effect=0.22, least_sales=60, steady=2),
        Rule(size=1, score=6.5, effect=0.7, least_sales=40),
    ),
    "day": (Rule(size=1, score=5.2, effect=0.2, least_sales=80),),
}
SLOW_RULE = Rule(size=7, score=5.0, effect=0.3, least_sales=200)
PAST: dict[Grain, int] = {"hour": 42 * 24, "day": 84}  # points from which a deviation is taken
LEAST_PAST: dict[Grain, int] = {"hour": 7 * 24, "day": 14}
# A share of the past scores, and the deviations of a bell curve that it lies within. Of days there are few, and those
# of an anomaly that was not found are many of them.
QUANTILE: dict[Grain, tuple[float, float]] = {"hour": (0.95, 1.96), "day": (0.85, 1.44)}
_LEAST_DEVIATION = 0.8


def deviations(past: Floats, grain: Grain) -> Floats:
    """The deviation of each series' past scores; infinite where too few are known."""
    quantile, of_bell = QUANTILE[grain]
    is_known = np.isfinite(past)
    known = is_known.sum(axis=1)
    ordered = np.sort(np.where(is_known, np.abs(past), np.inf), axis=1)
    at = np.minimum((known * quantile).astype(int), np.maximum(known - 1, 0))
    found = np.maximum(np.take_along_axis(ordered, at[:, None], 1)[:, 0] / of_bell, _LEAST_DEVIATION)
    return np.where(known >= LEAST_PAST[grain], found, np.inf)


def judge(rule: Rule, of_window: Residuals, of_point: Residuals, deviation: Floats) -> Flags:
    """Whether the window that ends at each point is an anomaly."""
    with np.errstate(invalid="ignore"):
        score = of_window.score / deviation[:, None]
        said = (np.abs(score) >= rule.score) & (np.abs(of_window.effect) >= rule.effect)
        said &= of_window.sales >= rule.least_sales
    return said & (_steady(of_point.effect, np.sign(score), rule) >= rule.steady)


def _steady(effect: Floats, direction: Floats, rule: Rule) -> Floats:
    """How many points of each window deviate in its direction by half of the rule's effect or more."""
    count = np.zeros_like(direction)
    for back in range(rule.size):
        count[:, back:] += direction[:, back:] * effect[:, : effect.shape[1] - back] >= rule.effect / 2
    return count


def most_of(values: Floats, size: int) -> Floats:
    """The largest of each point and those before it, `size` in all."""
    found = values.copy()
    for back in range(1, size):
        found[:, back:] = np.maximum(found[:, back:], values[:, : values.shape[1] - back])
    return found
