"""`./retail test`: which commands it runs."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from medallion.errors import ConfigurationError
from medallion.settings import PROJECT_ROOT
from stack.commands import checks as module
from stack.commands.checks import checks, checks_at_dates, run_at_dates, run_checks
from stack.commands.shifted_dates import shifted_dates
from stack.host.console import Talk

DATES = shifted_dates(datetime(2026, 11, 6, 12, tzinfo=timezone.utc))
SHIFTED = ["tests/integration", "tests/property", "tests/unit"]


def pytest_arguments(*arguments: str, fast: bool = False, everything: bool = False) -> list[str]:
    """What pytest is called with, behind its own options."""
    command = list(checks(list(arguments), fast=fast, everything=everything)[-1].command)
    return command[command.index("--dist") + 2 :]


def test_the_suite_is_lint_format_types_sql_and_tests() -> None:
    names = ["ruff check", "ruff format", "mypy", "mypy of airflow/ and docker/", "sqlfluff", "pytest"]
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


# ---------------------------------------------------------------- at another date than today


def test_in_ci_unit_property_and_integration_tests_run_at_one_date_and_the_others_today() -> None:
    shifted, today = checks([], everything=True, date=DATES[2])[-2:]
    assert shifted.date == DATES[2]
    assert set(SHIFTED) <= set(shifted.command)
    assert today.date is None
    left_out = {one.removeprefix("--ignore=") for one in shifted.command if one.startswith("--ignore=")}
    here = {one for one in today.command if one.startswith("tests/")}
    folders = {f"tests/{file.parent.name}" for file in (PROJECT_ROOT / "tests").glob("*/test_*.py")}
    assert left_out
    assert left_out <= here
    assert here - left_out == folders - set(SHIFTED)
    assert all((PROJECT_ROOT / one).exists() for one in here)


def test_a_chosen_path_runs_once_and_today() -> None:
    tests = [check for check in checks(["tests/unit"], everything=True, date=DATES[2]) if "pytest" in check.command]
    assert [check.date for check in tests] == [None]


def test_every_date_runs_all_tests_or_what_the_arguments_choose() -> None:
    for arguments, chosen in (([], ["tests"]), (["-x"], ["tests", "-x"]), (["tests/unit"], ["tests/unit"])):
        found = checks_at_dates(arguments, DATES)
        assert [check.date for check in found] == list(DATES)
        assert all(list(check.command[-len(chosen) :]) == chosen for check in found)
        assert all("not slow" not in check.command for check in found)


def test_without_libfaketime_the_suite_says_so_and_the_dates_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never silently: a run that was to be shifted and was not would be a green that says more than it knows."""
    monkeypatch.setattr(module, "find_library", lambda: None)
    monkeypatch.setattr(module, "checks", lambda *_, **__: [])
    assert run_checks(Talk(), [], everything=True) == 0
    assert "no test ran at another date than today's: libfaketime is not installed" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="libfaketime is not installed"):
        run_at_dates(Talk(), [])


def test_a_date_that_there_is_not_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_library", lambda: Path("/lib/libfaketime.so.1"))
    with pytest.raises(ConfigurationError) as refused:
        run_at_dates(Talk(), [], only="easter")
    assert "leap-day" in refused.value.remedy


@pytest.mark.parametrize(("codes", "exit_code"), [((0, 0), 0), ((0, 5), 0), ((5, 5), 1), ((1, 5), 1)])
def test_a_call_without_a_chosen_test_fails_only_if_no_call_had_one(
    monkeypatch: pytest.MonkeyPatch, codes: tuple[int, int], exit_code: int
) -> None:
    pending = list(codes)
    monkeypatch.setattr(module, "find_library", lambda: None)
    monkeypatch.setattr(module, "checks", lambda *_, **__: checks_at_dates([], DATES[:2]))
    monkeypatch.setattr(module, "_run", lambda check, *_: module.Result(check, pending.pop(0), 0.0))
    assert run_checks(Talk(), [], everything=False) == exit_code


def test_ci_installs_what_shifts_the_clock() -> None:
    assert "packages+=(faketime)" in (PROJECT_ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("on_interrupt", "code"), [("raise SystemExit(0)", 1), ("raise SystemExit(2)", 2), ("pass", -9)]
)
def test_a_command_that_does_not_end_is_ended_and_never_counts_as_passed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on_interrupt: str, code: int
) -> None:
    monkeypatch.setattr(module, "_GRACE_SECONDS", 5 if code >= 0 else 0.2)
    ready = tmp_path / "ready"
    program = f"""
import pathlib, signal, time

def interrupted(*_):
    {on_interrupt}

signal.signal(signal.SIGINT, interrupted)
pathlib.Path({str(ready)!r}).touch()
while True:
    time.sleep(60)
"""

    def begun(_: int) -> None:
        while not ready.exists():
            time.sleep(0.01)

    check = module.Check("endless", (sys.executable, "-c", program), longest=0)
    assert module._call(check, dict(os.environ), begun) == code
