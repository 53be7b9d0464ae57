"""AutoETS and MSTL of statsforecast over the series of a benchmark: JSON in, JSON out. Runs in the peer's environment.

In: for each origin, the days of each series up to it, the newest last, in whole days. Out: for each origin, series and
model the 28 days after it. AutoETS has a season of a week, MSTL one of a week and one of 364 days where there are two.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import MSTL, AutoETS

_WEEK, _YEAR, _AHEAD = 7, 364, 28


def main() -> None:
    """Forecast what the first argument holds, and write it to the second."""
    given = json.loads(Path(sys.argv[1]).read_text())
    found = {origin: _forecast(series) for origin, series in given.items()}
    Path(sys.argv[2]).write_text(json.dumps(found))


def _forecast(series: dict[str, list[float]]) -> dict[str, dict[str, list[float]]]:
    rows = [(name, day, value) for name, values in series.items() for day, value in enumerate(values[-2 * _YEAR :])]
    frame = pd.DataFrame(rows, columns=["unique_id", "ds", "y"])
    lengths = frame.groupby("unique_id").size()
    seasons = [_WEEK, _YEAR] if lengths.min() >= 2 * _YEAR else [_WEEK]
    models = [AutoETS(season_length=_WEEK), MSTL(season_length=seasons)]
    ahead = StatsForecast(models=models, freq=1, n_jobs=-1).forecast(df=frame, h=_AHEAD)
    names = [one for one in ahead.columns if one not in ("unique_id", "ds")]
    return {
        model: {name: np.maximum(part[model], 0).tolist() for name, part in ahead.groupby("unique_id")}
        for model in names
    }


if __name__ == "__main__":
    main()
