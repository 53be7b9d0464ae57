"""The tour: the commands that it prints, and what it refuses to touch."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from medallion.errors import RetailError
from stack.commands.tour import run_tour, steps
from stack.host.console import Talk
from stack.host.settings import load_stack_settings

if TYPE_CHECKING:
    from stack.host.home import Home

NOW = datetime(2026, 11, 6, 12, 34, 56, tzinfo=timezone.utc)


def test_the_tour_loads_looks_breaks_resumes_and_compares() -> None:
    shown = [step.command() for step in steps(NOW)]
    assert shown[0] == "SOURCE_NOW=2026-11-04T12:00:00Z ./retail run"
    assert shown[2].startswith("SOURCE_NOW=2026-11-05T06:00:00Z RETAIL_FAIL_POINT=silver.copied ./retail run --chaos ")
    assert shown[4] == shown[2].replace("RETAIL_FAIL_POINT=silver.copied ", "")
    assert shown[6:] == ["SOURCE_NOW=2026-11-05T12:00:00Z ./retail reconcile --all", "./retail verify"]
    assert [step.exit_code for step in steps(NOW)] == [0, 0, 1, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("variable", "value"), [("DATABASE_URL", "postgresql://me@db/mine"), ("SOURCE_API_URL", "http://source")]
)
def test_the_tour_refuses_a_system_that_is_configured(
    home: Home, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(RetailError, match="your own warehouse or source"):
        run_tour(home, load_stack_settings(), Talk(), NOW, lambda: True)
    assert not (home.path / "tour").exists()


def test_the_tour_empties_no_folder_that_it_has_not_made(home: Home) -> None:
    (home.path / "tour").mkdir()
    (home.path / "tour" / "mine").touch()
    with pytest.raises(RetailError, match="does not empty"):
        run_tour(home, load_stack_settings(), Talk(), NOW, lambda: False)
    assert (home.path / "tour" / "mine").exists()


def test_a_tour_that_is_stopped_names_the_step_and_its_folder(home: Home) -> None:
    said = run_tour(home, load_stack_settings(), Talk(), NOW, lambda: False)
    assert said == f"stopped before step 1; the data of the tour is in {home.path / 'tour'}"
