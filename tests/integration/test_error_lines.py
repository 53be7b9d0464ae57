"""Every command that fails says what, why and what to do, each on a line of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from tests.retail_cli import Retail, retail

GONE = "http://127.0.0.1:9"
NO_WAREHOUSE = {"DATABASE_URL": "postgresql://u:canary@127.0.0.1:9/x"}
# The command, the environment, the exit code.
FAILING: list[tuple[str, dict[str, str], int]] = [
    ("fly", {}, 2),
    ("run --fly", {}, 2),
    ("down now", {}, 2),
    ("pull", {}, 2),
    ("pull shelves", {}, 2),
    ("load shelves", {}, 2),
    ("backup", {}, 2),
    ("reconcile --repair 1 --all", {}, 2),
    ("rejects list --limit 0", {}, 2),
    ("bench --sales none", {}, 2),
    ("status", {"AIRFLOW_PORT": "abc"}, 3),
    ("status", {"DATABASE_URL": "mysql://u:canary@localhost/x"}, 3),
    ("status", {"SOURCE_API_URL": "ftp://x"}, 3),
    ("plan", {"POSTGRES_BIN": "/nowhere"}, 3),
    ("run --chaos nonsense", {}, 3),
    ("run --chaos errors:0.1", {"SOURCE_API_URL": GONE, "SOURCE_API_KEY": "canary"}, 3),
    ("plan", NO_WAREHOUSE, 5),
    ("run", NO_WAREHOUSE, 5),
    ("schema --check", NO_WAREHOUSE, 5),
    ("load", NO_WAREHOUSE, 5),
    ("verify", NO_WAREHOUSE, 5),
    ("reconcile", NO_WAREHOUSE, 5),
    ("rejects list", NO_WAREHOUSE, 5),
    ("export out", NO_WAREHOUSE, 5),
    ("export out no_such_table", {}, 3),
    ("restore /nowhere/backup", {}, 3),
    ("restore .", {}, 3),
    ("backup /dev/null/below", {}, 3),
    ("backup out", {}, 3),
    ("pull sales", {"SOURCE_API_URL": GONE}, 3),
    ("pull sales", {"SOURCE_API_URL": GONE, "SOURCE_API_KEY": "canary", "SOURCE_RETRY_SECONDS": "0.1"}, 4),
    ("rejects show 1", {}, 3),
]


@pytest.fixture(scope="module")
def cli() -> Iterator[Retail]:
    with retail() as command:
        yield command
        assert command.processes() == []


def assert_three_lines(err: str) -> None:
    lines = err.splitlines()
    told = lines[next(n for n, line in enumerate(lines) if line.startswith("error: ")) :]
    assert [line[:7] for line in told] == ["error: ", "  why: ", "   do: "], err
    what, why, remedy = (line[7:].strip() for line in told)
    assert what
    assert why
    assert remedy
    assert len({what, why, remedy}) == 3
    assert why not in what
    assert "canary" not in err


@pytest.mark.parametrize(("line", "variables", "code"), FAILING, ids=[f"{one[0]} {[*one[1]]}" for one in FAILING])
def test_a_command_that_fails_says_what_why_and_what_to_do(
    cli: Retail, line: str, variables: dict[str, str], code: int, tmp_path: Path
) -> None:
    ended = cli(*line.split(), **variables, RETAIL_CALLER_FOLDER=str(tmp_path))
    assert ended.code == code, ended.err
    assert_three_lines(ended.err)
    assert ended.out == ""


@pytest.mark.parametrize("lock", ["run", "up", "backfill", "docs"])
def test_a_command_that_another_one_keeps_out_says_so_in_three_lines(cli: Retail, lock: str) -> None:
    cli.home.prepare()
    with cli.home.try_locked(lock):
        ended = cli(lock)
    assert ended.code == 1
    assert_three_lines(ended.err)


@pytest.mark.parametrize("variables", [{}, NO_WAREHOUSE, {"DATABASE_URL": "x"}], ids=["unset", "gone", "invalid"])
def test_a_step_alone_says_what_why_and_what_to_do(cli: Retail, variables: dict[str, str]) -> None:
    command = [sys.executable, "-m", "ingestion.sales"]
    ended = subprocess.run(
        command, cwd=PROJECT_ROOT, env=cli.environment | variables, capture_output=True, text=True, check=False
    )
    assert ended.returncode in (3, 5)
    assert_three_lines(ended.stderr)


def test_a_help_is_no_error(cli: Retail) -> None:
    assert cli("--help").code == cli("rejects", "--help").code == 0
    bare = cli("rejects")
    assert "Usage: " in bare.err + bare.out
    assert "error: " not in bare.err
