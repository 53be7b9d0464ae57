"""`./retail test`: which commands it runs."""

from __future__ import annotations

import pytest

from loaders.config import PROJECT_ROOT
from stack.checks import checks


def pytest_arguments(*arguments: str, fast: bool = False, everything: bool = False) -> list[str]:
    """What pytest is called with, behind its own options."""
    command = list(checks(list(arguments), fast=fast, everything=everything)[-1].command)
    return command[command.index("--dist") + 2 :]


def test_the_suite_is_lint_format_types_sql_and_tests() -> None:
    names = ["ruff check", "ruff format", "mypy", "sqlfluff", "pytest"]
    assert [check.name for check in checks([], fast=False)] == names
    assert [check.name for check in checks([], fast=True)] == names


def test_nothing_is_repaired() -> None:
    for check in checks([], fast=False):
        assert "--fix" not in check.command
        assert "fix" not in check.command
        assert "format" not in check.command or "--check" in check.command


def test_fast_leaves_out_what_starts_processes_and_slow_ones_are_asked_for() -> None:
    assert pytest_arguments() == ["tests", "-m", "not slow"]
    assert pytest_arguments(fast=True) == ["tests/unit", "tests/architecture", "-m", "not slow"]


def test_slow_tests_run_when_everything_is_asked_for() -> None:
    """As in CI."""
    assert pytest_arguments(everything=True) == ["tests"]
    assert "./retail test --all\n" in (PROJECT_ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("options", [["-k", "watermark"], ["-x"], ["-m", "not airflow"], ["--maxfail", "1"]])
def test_an_option_and_its_value_leave_the_folders_as_they_are(options: list[str]) -> None:
    """`./retail test --fast -k watermark` is the example that its help gives: it must stay fast."""
    assert pytest_arguments(*options, fast=True) == ["tests/unit", "tests/architecture", "-m", "not slow", *options]


@pytest.mark.parametrize("chosen", ["tests/unit/loaders", "tests/conftest.py", "tests/conftest.py::anything"])
def test_a_path_takes_the_place_of_the_folders(chosen: str) -> None:
    assert pytest_arguments(chosen, "-x") == [chosen, "-x"]
    assert pytest_arguments("-k", "watermark", chosen, fast=True) == ["-k", "watermark", chosen]
