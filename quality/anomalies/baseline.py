"""What each point should be, by the past alone: the same hour of the week, at today's level.

The expectation of a point is a mean over the same hour of the last weeks (the same weekday, for days). Each of these is
first brought to today's level: by how the last seven days compare with the seven days that lie just as far before it,
as the median of the seven. So a slow trend is followed, and no profile has to be fitted. The seven days end with the
day before the point, so that the judged point and what happens around it train nothing. Known outliers are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from quality.anomalies.panel import median

if TYPE_CHECKING:
    from quality.anomalies.panel import Flags, Floats, Grain, Points

_SPREAD = 3.0  # a week that is farther from the median than so many deviations is left out of the mean
_MAD_TO_DEVIATION = 1.4826
_WEEK = 7
_LEAST_DAYS = 2  # that have to be known of a recent week


@dataclass(frozen=True)
class Method:
    """How far the baseline looks back.

    `day`: points of a day. `gap` and `window`: days from a point's day to the level that it is brought to, and how many
    that level is taken from. The weeks are those from `first_lag` to `last_lag` ago.
    """

    day: int
    gap: int = 0
    window: int = _WEEK
    first_lag: int = 1
    last_lag: int = 8
    least_lags: int = 3

    @property
    def period(self) -> int:
        """Points of a week."""
        return self.day * _WEEK

    @property
    def learns(self) -> int:
        """Days of history without which nothing can be expected."""
        return _WEEK * (self.first_lag + self.least_lags - 1) + self.gap + self.window

    @property
    def reaches(self) -> int:
        """Days of history that are of use."""
        return _WEEK * self.last_lag + self.gap + self.window


METHODS: dict[Grain, Method] = {"hour": Method(day=24), "day": Method(day=1)}
# Against a level of four weeks ago: what a level that follows the series would never see.
SLOW = Method(day=1, gap=28, window=28, first_lag=5, last_lag=12)


def expected(values: Floats, method: Method, since: int = 0) -> Floats:
    """The expectation of each value of (series, points) from point `since` on; not a number where it is unknown.

    The first point begins a day. The expectation of a point depends on earlier days only. What is not a number in
    `values` is left out.
    """
    at = np.arange(max(since, method.learns * method.day), values.shape[1])
    found = np.full_like(values, np.nan)
    found[:, at] = _expected_at(values, method, at)
    return found


def cleaned(values: Floats, is_outlier: Flags, method: Method) -> Floats:
    """The values with each outlier replaced by its expectation, without any outlier in it.

    Where that is unknown, by what was there a week before; the first week stays as it is.
    """
    at = np.nonzero(is_outlier[:, method.learns * method.day :].any(axis=0))[0] + method.learns * method.day
    hoped = np.full_like(values, np.nan)
    hoped[:, at] = _expected_at(np.where(is_outlier, np.nan, values), method, at)
    filled = np.where(is_outlier & np.isfinite(hoped), hoped, values)
    is_left = is_outlier & ~np.isfinite(hoped)
    for begins in range(method.period, values.shape[1], method.period) if is_left.any() else ():
        week = slice(begins, begins + method.period)
        before = filled[:, begins - method.period : begins][:, : filled[:, week].shape[1]]
        filled[:, week] = np.where(is_left[:, week], before, filled[:, week])
    return filled


def _expected_at(values: Floats, method: Method, at: Points) -> Floats:
    """The expectation of the points `at`, which rise."""
    if not at.size:
        return values[:, at]
    lags = np.arange(method.first_lag, method.last_lag + 1)[:, None] * method.period
    references = values[:, np.maximum(at[None, :] - lags, 0)]
    days, day_of = np.unique(at // method.day, return_inverse=True)
    level = _levels(_by_day(values, method.day), days, method)[:, :, day_of]
    return _mean_without_outliers(references * level, method.least_lags)


def _by_day(values: Floats, day: int) -> Floats:
    """The sum of each complete day."""
    count = values.shape[1] // day
    found: Floats = values[:, : count * day].reshape(len(values), count, day).sum(axis=2)
    return found


def _levels(sums: Floats, days: Points, method: Method) -> Floats:
    """How the level of each day compares with that of so many weeks ago: (series, weeks, days)."""
    lags = np.arange(method.first_lag, method.last_lag + 1)[:, None, None] * _WEEK
    now = days[None, :] - method.gap - np.arange(1, method.window + 1)[:, None]
    then = now[None] - lags
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = sums[:, now][:, None] / sums[:, np.maximum(then, 0)]
    ratio[:, then < 0] = np.nan
    is_enough = np.isfinite(ratio).sum(axis=2) >= _LEAST_DAYS
    return np.where(is_enough, median(ratio, axis=2), np.nan)


def _mean_without_outliers(values: Floats, least: int) -> Floats:
    """The mean over axis 1 of what lies near the median; not a number where fewer than `least` values are known."""
    is_known = np.isfinite(values)
    middle = median(values, axis=1)[:, None]
    apart = np.abs(values - middle)
    deviation = median(apart, axis=1)[:, None] * _MAD_TO_DEVIATION
    is_near = is_known & (apart <= _SPREAD * np.maximum(deviation, np.sqrt(np.abs(middle))))
    mean = np.where(is_near, values, 0.0).sum(axis=1) / np.maximum(is_near.sum(axis=1), 1)
    return np.where(is_known.sum(axis=1) >= least, mean, np.nan)
