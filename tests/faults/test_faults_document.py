"""docs/faults.md names tests: each of them exists, and each fault test is named there."""

from __future__ import annotations

import re
from pathlib import Path

from loaders.config import PROJECT_ROOT
from loaders.fail_point import POINTS, VARIABLE

TESTS = PROJECT_ROOT / "tests"
TEXT = (PROJECT_ROOT / "docs" / "faults.md").read_text(encoding="utf-8")


def named() -> set[str]:
    found = set(re.findall(r"`(\w+(?:/\w+)+\.py)`", TEXT))
    assert found, "docs/faults.md names no test"
    return found


def test_every_test_that_the_table_names_exists() -> None:
    assert [name for name in sorted(named()) if not (TESTS / name).is_file()] == []


def test_every_test_of_faults_and_properties_is_named_in_the_table() -> None:
    here = {
        str(file.relative_to(TESTS)) for folder in ("faults", "property") for file in (TESTS / folder).glob("test_*.py")
    }
    assert here - named() == {str(Path("faults") / "test_faults_document.py")}


def test_the_example_of_a_fail_point_is_one() -> None:
    assert re.findall(rf"{VARIABLE}=([a-z.]+)", TEXT)[0] in POINTS
