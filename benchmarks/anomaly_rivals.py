"""Other detectors on the same series: three deviations from the mean, and IsolationForest and ECOD of PyOD.

Each judges orders, revenue and the average order of every slice, hour by hour. Three deviations are those of the same
hour in the last eight weeks. The two of PyOD see how far an hour is from that mean, and call the farthest one in five
hundred an outlier. Outliers of a slice within a day are one alert.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.anomaly_scores import Alert
from medallion.errors import ToolUnavailable
from medallion.tool_environments import LOCKS
from quality.anomalies.detectors import DETECTORS, ENVIRONMENT, score_rows
from stack.host.environments import prepare_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.planted_sales import PlantedSeries
    from quality.anomalies.panel import Flags, Floats

    Detector = Callable[[PlantedSeries, datetime], list[Alert]]

_FEATURES = ("orders", "revenue", "average order")
_WEEK, _WEEKS = 168, 8
_DEVIATIONS = 3.0
_SHARE = 0.002
_LEAST = 10.0  # orders that are expected of an hour, without which nothing is said
_REST = timedelta(hours=24)
_SECONDS = 1_800


def rivals() -> dict[str, Detector]:
    """The detectors by name. Those of PyOD only where its environment can be made; else a line says why."""
    found: dict[str, Detector] = {"three deviations": three_deviations}
    try:
        python = prepare_environment(
            Path.home() / ".cache" / "retail-bench" / "environments" / ENVIRONMENT, LOCKS / f"{ENVIRONMENT}.txt"
        )
    except (OSError, ToolUnavailable) as error:
        print(f"IsolationForest and ECOD are skipped: {error}", flush=True)
        return found
    for detector, name in DETECTORS.items():
        found[name] = partial(_by_pyod, python / "python", detector)
    return found


def three_deviations(series: PlantedSeries, since: datetime) -> list[Alert]:
    """Hours farther than three deviations from the mean of the same hour in the last eight weeks."""
    flags = np.zeros((len(series.hours.slices), series.hours.points), dtype=bool)
    expects = _means(series.hours.by_slice["orders"])[0] >= _LEAST
    for values in _figures(series):
        mean, deviation = _means(values)
        flags |= expects & (np.abs(values - mean) > _DEVIATIONS * deviation)
    return _alerts(series, flags, since)


def _by_pyod(python: Path, detector: str, series: PlantedSeries, since: datetime) -> list[Alert]:
    """The farthest hours of each slice, by a detector that sees all of its hours at once."""
    first = (since - series.hours.begins) // timedelta(hours=1)
    flags = np.zeros((len(series.hours.slices), series.hours.points), dtype=bool)
    ratios = [values / np.maximum(_means(values)[0], 1e-9) for values in _figures(series)]
    expects = _means(series.hours.by_slice["orders"])[0] >= _LEAST
    for row in range(len(flags)):
        at = np.nonzero(expects[row] & (np.arange(flags.shape[1]) >= first))[0]
        if at.size < 1 / _SHARE:
            continue
        rows = np.stack([one[row, at] for one in ratios], axis=1).round(6).tolist()
        found = score_rows(python, detector, _FEATURES, rows, share=_SHARE, seconds=_SECONDS)
        flags[row, at[found.top]] = True
    return _alerts(series, flags, since)


def _figures(series: PlantedSeries) -> list[Floats]:
    orders, revenue = series.hours.by_slice["orders"], series.hours.by_slice["sold_revenue"]
    return [orders, revenue, revenue / np.maximum(orders, 1)]


def _means(values: Floats) -> tuple[Floats, Floats]:
    """Mean and deviation of the same hour in the weeks before; not a number in the first weeks."""
    before = np.full((_WEEKS, *values.shape), np.nan)
    for week in range(1, _WEEKS + 1):
        before[week - 1, :, _WEEK * week :] = values[:, : -_WEEK * week]
    return before.mean(axis=0), before.std(axis=0)


def _alerts(series: PlantedSeries, flags: Flags, since: datetime) -> list[Alert]:
    """The flagged hours of each slice from `since` on, those of a day together."""
    return [one for row in range(len(flags)) for one in _of_slice(series, row, flags[row], since)]


def _of_slice(series: PlantedSeries, row: int, flags: Flags, since: datetime) -> Iterator[Alert]:
    of, hour, last = series.hours.slices[row], timedelta(hours=1), None
    for point in np.nonzero(flags)[0]:
        at = series.hours.at(int(point))
        if at < since:
            continue
        if last is not None and at <= last.until + _REST:
            last = Alert(of, last.since, at + hour, last.found_at)
            continue
        if last is not None:
            yield last
        last = Alert(of, at, at + hour, at + hour)
    if last is not None:
        yield last
