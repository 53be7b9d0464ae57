"""Outlier detectors that run in an environment of their own, as processes: IsolationForest and ECOD."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from medallion.errors import SecondOpinionFailed
from medallion.tool_environments import LOCKS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENVIRONMENT = "outliers"
DETECTORS = {"iforest": "IsolationForest", "ecod": "ECOD"}  # by the name that the program gives each
PROGRAM = LOCKS / "score_outliers.py"
_SEED = 1


@dataclass(frozen=True)
class Scores:
    """What a detector answers. `top`: numbers of the most unusual rows; `why`: for each, its features."""

    scores: list[float]
    top: list[int]
    why: list[list[str]]

    def fits(self, rows: int) -> bool:
        """Whether it can be the answer for so many rows."""
        is_whole = len(self.scores) == rows and len(self.top) == len(self.why)
        return is_whole and all(0 <= number < rows for number in self.top)


def score_rows(
    python: Path,
    detector: str,
    features: Sequence[str],
    rows: Sequence[Sequence[float]],
    *,
    share: float,
    seconds: float,
) -> Scores:
    """Score rows with a detector; `python` is that of its environment. Raises SecondOpinionFailed.

    The process knows no variable of ours, so no secret; what it caches lies in the environment.
    """
    asked = {"detector": detector, "features": features, "rows": rows, "share": share, "seed": _SEED}
    try:
        done = subprocess.run(
            [str(python), "-I", str(PROGRAM)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            timeout=seconds,
            check=False,
            env={"HOME": str(python.parents[1]), "OMP_NUM_THREADS": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise _failed(detector, f"no answer within {seconds:g} s") from error
    except OSError as error:
        raise _failed(detector, f"its program cannot be started: {error}") from error
    if done.returncode:
        raise _failed(detector, _last_line(done.stderr) or f"its program ended with code {done.returncode}")
    return _read(detector, done.stdout, len(rows))


def _read(detector: str, answer: bytes, rows: int) -> Scores:
    try:
        found = msgspec.json.decode(answer, type=Scores)
    except msgspec.DecodeError as error:
        raise _failed(detector, f"its answer cannot be read: {error}") from error
    if not found.fits(rows):
        raise _failed(detector, f"its answer is not one for {rows} rows")
    return found


def _last_line(words: bytes) -> str:
    lines = words.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else ""


def _failed(detector: str, reason: str) -> SecondOpinionFailed:
    return SecondOpinionFailed(detector=DETECTORS[detector], reason=reason)
