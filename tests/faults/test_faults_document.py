"""docs/faults.md and docs/guarantees.md name tests: each of them exists, and each fault test is named in the first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from medallion.process.fail_points import POINTS, VARIABLE
from medallion.settings import PROJECT_ROOT
from stack.commands.checks import SLOW_SHARE

TESTS = PROJECT_ROOT / "tests"
TEXT = (PROJECT_ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
GUARANTEES = (PROJECT_ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")


def named(text: str = TEXT) -> set[str]:
    found = {name for name in re.findall(r"`(\w+(?:/\w+)+\.py)`", text) if not (PROJECT_ROOT / name).is_file()}
    assert found, "the page names no test"
    return found


@pytest.mark.parametrize("text", [TEXT, GUARANTEES], ids=["faults", "guarantees"])
def test_every_test_that_a_page_names_exists(text: str) -> None:
    assert [name for name in sorted(named(text)) if not (TESTS / name).is_file()] == []


def test_every_promise_names_how_it_is_tested() -> None:
    promises = re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", GUARANTEES, re.MULTILINE)
    assert [int(number) for number, _ in promises] == list(range(1, len(promises) + 1))
    assert [number for number, tests in promises if "test_" not in tests] == []


def test_every_test_of_faults_and_properties_is_named_in_the_table() -> None:
    here = {
        str(file.relative_to(TESTS)) for folder in ("faults", "property") for file in (TESTS / folder).glob("test_*.py")
    }
    assert here - named() == {str(Path("faults") / "test_faults_document.py")}


def test_the_example_of_a_fail_point_is_one() -> None:
    assert re.findall(rf"{VARIABLE}=([a-z.]+)", TEXT)[0] in POINTS


COUNT = """
import pytest

class Counter:
    def pytest_collection_finish(self, session):
        print("injected:", sum("injected" in item.fixturenames for item in session.items))

raise SystemExit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider", "tests/faults"], [Counter()]))
"""


def test_the_figures_of_the_sweep_count_every_fault_there_is() -> None:
    command = [sys.executable, "-c", COUNT]
    every = {name: value for name, value in os.environ.items() if name != SLOW_SHARE}  # slow ones of each share, too
    said = subprocess.run(command, cwd=PROJECT_ROOT, env=every, check=True, capture_output=True, text=True).stdout
    (count,) = re.findall(r"^injected: (\d+)$", said, re.MULTILINE)
    assert re.findall(r"^\| (\d+) \| (\d+) \| (\d+) \|$", GUARANTEES, re.MULTILINE) == [(count, count, "0")]
