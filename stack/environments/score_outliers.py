"""Scores rows by how unusual they are among each other, with a detector of scikit-learn or PyOD, and says why.

This program runs in the environment `outliers`, so it imports nothing of ours. It reads one JSON object from stdin:

    {"detector": "iforest" or "ecod", "features": [names], "rows": [[numbers]], "share": 0.01, "seed": 1}

and writes one to stdout: `scores`, one for each row, higher is more unusual; `top`, the numbers of the most unusual
rows, as many as `share` of all, strongest first; `why`, for each of these the features that make it unusual, strongest
first. A feature makes a row unusual if the score falls when the feature is replaced by its median of all rows. The same
input and seed give the same output. Input that is not valid: one line on stderr, exit code 2.
"""

from __future__ import annotations

import json
import math
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Scorer = Callable[[Any], Any]

SHARE, SEED = 0.01, 1
_TREES = 200
_MOST_SEED = 2**32 - 1
_NOT_VALID = 2


def main() -> None:
    """Read, score, write."""
    try:
        asked = read_request(sys.stdin.read())
    except (ValueError, OverflowError) as error:
        sys.stderr.write(f"score_outliers: {' '.join(str(error).split())}\n")
        sys.exit(_NOT_VALID)
    json.dump(answer(asked), sys.stdout)


def read_request(text: str) -> dict[str, Any]:
    """The request with its defaults. Raises ValueError, which says what is not valid."""
    asked = json.loads(text)
    if not isinstance(asked, dict):
        raise ValueError("the input is not a JSON object")  # noqa: TRY004 - every refusal is a ValueError
    asked = {"share": SHARE, "seed": SEED, **asked}
    if asked.get("detector") not in list(_DETECTORS):
        raise ValueError(f"detector is {asked.get('detector')!r}, not one of {', '.join(_DETECTORS)}")
    share, seed = asked["share"], asked["seed"]
    if not _is_number(share) or not 0 < share <= 1:
        raise ValueError(f"share is {share!r}, not a number above 0 and up to 1")
    if type(seed) is not int or not 0 <= seed <= _MOST_SEED:
        raise ValueError(f"seed is {seed!r}, not a whole number from 0 to {_MOST_SEED}")
    _require_table(asked.get("features"), asked.get("rows"))
    return asked


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """Scores, the top rows, and why each of them is one."""
    np = import_module("numpy")
    rows = np.array(asked["rows"], dtype=float)
    score = _DETECTORS[asked["detector"]](rows, asked["seed"])
    scores = score(None)
    top = np.argsort(-scores, kind="stable")[: max(1, math.floor(len(rows) * asked["share"]))]
    return {
        "scores": scores.tolist(),
        "top": top.tolist(),
        "why": _reasons(rows, top, score, asked["features"]),
    }


def _reasons(rows: Any, top: Any, score: Scorer, features: list[str]) -> list[list[str]]:
    """For each top row, the features without which its score is lower, strongest first.

    The rows are scored in one go with their replacements, as a detector may compare what it is given with each other.
    """
    np = import_module("numpy")
    medians = np.median(rows, axis=0)
    changed = [rows[top]]
    for column, median in enumerate(medians):
        replaced = rows[top].copy()
        replaced[:, column] = median
        changed.append(replaced)
    scores = score(np.concatenate(changed)).reshape(len(changed), len(top))
    falls = (scores[0] - scores[1:]).T
    return [[features[column] for column in np.argsort(-one, kind="stable") if one[column] > 0] for one in falls]


def _isolation_forest(rows: Any, seed: int) -> Scorer:
    """How soon random cuts separate a row from the others."""
    forest = import_module("sklearn.ensemble").IsolationForest(n_estimators=_TREES, random_state=seed).fit(rows)

    def score(others: Any) -> Any:
        return -forest.score_samples(rows if others is None else others)

    return score


def _ecod(rows: Any, seed: int) -> Scorer:  # noqa: ARG001 - nothing in it is random
    """How far out a row is in the tails of each feature."""
    detector = import_module("pyod.models.ecod").ECOD().fit(rows)

    def score(others: Any) -> Any:
        return detector.decision_scores_ if others is None else detector.decision_function(others)

    return score


_DETECTORS: dict[str, Callable[[Any, int], Scorer]] = {"iforest": _isolation_forest, "ecod": _ecod}


def _require_table(features: Any, rows: Any) -> None:
    if not isinstance(features, list) or not features or not all(isinstance(one, str) for one in features):
        raise ValueError("features is not a list of names")
    if not isinstance(rows, list) or not rows:
        raise ValueError("rows is not a list of rows")
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != len(features) or not all(map(_is_number, row)):
            raise ValueError(f"row {number} is not a list of {len(features)} finite numbers")


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


if __name__ == "__main__":
    main()
