"""What the program of the detectors refuses, before it imports one."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from stack.environments.score_outliers import SEED, SHARE, read_request
from stack.host.environments import LOCKS

VALID: dict[str, Any] = {"detector": "ecod", "features": ["a", "b"], "rows": [[1, 2.5]]}


def test_a_request_has_defaults() -> None:
    assert read_request(json.dumps(VALID)) == {**VALID, "share": SHARE, "seed": SEED}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"detector": "svm"}, "detector is 'svm', not one of iforest, ecod"),
        ({"detector": []}, "detector is"),
        ({"share": 0}, "share is 0"),
        ({"share": "1"}, "share is '1'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"features": []}, "features is not"),
        ({"rows": []}, "rows is not"),
        ({"rows": [[1, 2], [1]]}, "row 1 is not a list of 2 finite numbers"),
        ({"rows": [[1, float("nan")]]}, "row 0 is not"),
        ({"rows": [[1, None]]}, "row 0 is not"),
    ],
)
def test_a_request_that_is_not_valid_is_refused_by_what_is_wrong(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("[", r"\[")):
        read_request(json.dumps({**VALID, **change}))


@pytest.mark.parametrize("words", ["", "{", "[]", json.dumps({**VALID, "rows": [[10**400, 1]]})])
def test_bad_input_ends_the_program_with_code_2_and_one_line(words: str) -> None:
    command = [sys.executable, "-I", str(LOCKS / "score_outliers.py")]
    done = subprocess.run(command, input=words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith("score_outliers: ")
