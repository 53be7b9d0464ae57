"""The command line: every command explains itself with an example, and a wrong word is a usage error."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from medallion.settings import PROJECT_ROOT
from stack.cli.app import app

COMMANDS = sorted(typer.main.get_group(app).commands)


def test_the_commands_are_those_of_the_design() -> None:
    assert set(COMMANDS) >= {"run", "up", "down", "status", "psql", "docs", "doctor", "test"}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_has_an_example(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert "Example: " in told.output
    assert f"./retail {command}" in told.output.split("Example: ")[1]


@pytest.mark.parametrize(
    "arguments", [["fly"], ["run", "--fly"], ["down", "now"], ["reconcile", "--repair", "1", "--all"]]
)
def test_a_wrong_word_is_a_usage_error(arguments: list[str]) -> None:
    assert CliRunner().invoke(app, arguments).exit_code == 2


@pytest.mark.parametrize(
    ("day", "why"), [("0001-01-01", "no calendar begins before"), ("9999-01-01", "last complete day")]
)
def test_a_business_date_that_cannot_be_is_a_usage_error(day: str, why: str) -> None:
    told = CliRunner().invoke(app, ["nightly", "--as-of", day])
    assert told.exit_code == 2
    assert why in " ".join(told.output.split())


def test_the_operators_page_names_commands_that_exist_and_no_module() -> None:
    page = (PROJECT_ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\./retail ([a-z][a-z-]*)", page))
    assert named - {*COMMANDS} == set()
    assert {"backup", "restore", "export", "pull", "load", "schema", "retention"} <= named
    assert "python -m" not in page


def test_the_module_ends_with_the_exit_code_of_the_command_line() -> None:
    for arguments, code in ((["--help"], 0), (["fly"], 2)):
        done = subprocess.run(
            [sys.executable, "-m", "stack", *arguments],
            cwd=PROJECT_ROOT,
            env=os.environ | {"NO_COLOR": "1"},
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == code, done.stderr
