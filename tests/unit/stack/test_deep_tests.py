"""The deep tier: which tests a room has, and that a room without a result is never called green."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.commands import checks, deep_tests
from stack.commands.checks import run_checks, run_deep
from stack.commands.deep_tests import ROOMS, Room, last_results, record, summary
from stack.host.console import Talk

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
COMMIT = "0123456789abcdef"
LOOKS_FURTHER = """
import os

def test_it_looks_further():
    assert os.environ["RETAIL_LOOKS"] == "further"
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "deep.json"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    """A room of one test, which passes only with what the room sets."""
    file = tmp_path / "test_deep.py"
    file.write_text(LOOKS_FURTHER, encoding="utf-8")
    one = Room("small", "it looks further", (str(file),), {"RETAIL_LOOKS": "further"})
    monkeypatch.setattr(deep_tests, "ROOMS", (one,))
    monkeypatch.setattr(checks, "_PARALLEL", ())
    return one


def test_a_room_is_run_as_it_says_and_its_result_is_kept(room: Room, results: Path) -> None:
    assert run_deep(Talk(), [], room.name, results) == 0
    assert last_results(results)[room.name].passed
    Path(room.tests[0]).write_text("def test_no():\n    assert False\n", encoding="utf-8")
    assert run_deep(Talk(), [], "every", results) == 1
    assert not last_results(results)[room.name].passed


def test_a_part_of_a_room_leaves_no_result(room: Room, results: Path) -> None:
    assert run_deep(Talk(), ["-k", "further"], room.name, results) == 0
    assert last_results(results) == {}


def test_a_room_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as refused:
        run_deep(Talk(), [], "cellar")
    assert all(room.name in refused.value.remedy for room in ROOMS)


def test_the_last_result_is_told_with_its_date_and_commit_and_one_that_there_is_not_too(results: Path) -> None:
    first, second, *others = ROOMS
    record(results, first, passed=True, moment=NOON, commit=COMMIT, seconds=1.25)
    record(results, second, passed=True, moment=NOON, commit=COMMIT, seconds=1.25)
    record(results, second, passed=False, moment=NOON, commit=COMMIT, seconds=1.25)
    told = summary(results)
    assert f"{first.name} passed on 2026-11-06 at 0123456" in told
    assert f"{second.name} FAILED on 2026-11-06 at 0123456" in told
    assert all(f"{room.name} never run" in told for room in others)


@pytest.mark.parametrize(
    ("tier", "left_out"), [({"fast": True}, "all but the fast tests"), ({}, "the slow tests (--all)")]
)
def test_a_tier_that_was_not_run_is_never_called_green(
    tier: dict[str, bool], left_out: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checks, "checks", lambda *_, **__: [])
    assert run_checks(Talk(), [], **tier) == 0
    said = capsys.readouterr().err
    assert f"all checks passed; not run: {left_out}" in said
    assert "deep tests: " in said


def test_every_room_names_tests_that_there_are() -> None:
    named = [word for room in ROOMS for word in room.tests if word.startswith("tests")]
    assert all((PROJECT_ROOT / file).exists() for file in named)
    last_results(checks.DEEP_RESULTS)  # it can be read
