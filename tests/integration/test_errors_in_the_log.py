"""The ETL log holds a failed step as data: the type of its error, what to do, the exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.database import transaction
from medallion.entities.registry import TABLES
from medallion.errors import ConfigurationError, RetailError
from medallion.process.failure_file import VARIABLE, read_failure
from medallion.settings import PROJECT_ROOT
from medallion.state.loads import log_failure, logged_load
from tests.errors import example, tree
from tests.queries import rows

LOGGED = "select status, error_message, error_type, remedy, exit_code from meta.load order by load_id"


def test_every_error_comes_back_from_the_log_as_what_it_was(conn: connection) -> None:
    errors = [example(kind) for kind in tree()]
    for error in errors:
        with transaction(conn):
            log_failure(conn, run_id="r", layer="bronze", dataset="sales", error=error)
    assert rows(conn, LOGGED) == [
        ("FAILED", error.message, type(error).__name__, error.remedy, error.exit_code) for error in errors
    ]


def test_a_load_that_an_error_ends_is_logged_with_it(conn: connection) -> None:
    for error in (RetailError("no room", remedy="free space"), ZeroDivisionError("by 0")):
        with (
            pytest.raises(type(error)),
            logged_load(conn, run_id="r", layer="bronze", dataset="sales"),
        ):
            raise error
    assert rows(conn, LOGGED) == [
        ("FAILED", "no room", "RetailError", "free space", 1),
        ("FAILED", "ZeroDivisionError: by 0", "ZeroDivisionError", None, 1),
    ]


def test_no_secret_stands_in_the_log(conn: connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://retail:canary%23one@host/db")
    monkeypatch.setenv("SOURCE_API_KEY", "canary-key")
    words = "canary#one canary%23one canary-key at postgresql://u:canary-two@h/d password=canary-three "
    with (
        pytest.raises(OSError, match="canary"),
        logged_load(conn, run_id="r", layer="bronze", dataset="sales"),
    ):
        raise OSError(words)
    with transaction(conn):
        log_failure(
            conn, run_id="r", layer="bronze", dataset="sales", error=RetailError(words * 500, remedy=words * 500)
        )
    ((first, none), (second, remedy)) = rows(conn, "select error_message, remedy from meta.load order by load_id")
    assert first == f"OSError: {'*** ' * 3}at postgresql://u:***@h/d password=*** "
    assert none is None
    assert "canary" not in second + remedy
    assert max(len(second), len(remedy)) < 4_100


@pytest.mark.parametrize(
    ("module", "words", "said"),
    [
        ("ingestion.listing", [], "one entity of one dataset has to be named, 0 were"),
        ("ingestion.listing", ["sales"], "no entity of one dataset is named 'sales'"),
        ("ingestion.listing", ["customers", "products"], "one entity of one dataset has to be named, 2 were"),
        ("loaders.load_table", [], "one table has to be named, 0 were"),
        ("loaders.load_table", ["custmers"], "no table is named 'custmers'"),
    ],
)
def test_a_step_of_an_unknown_name_says_which_there_are(
    database_url: str, module: str, words: list[str], said: str
) -> None:
    step = [sys.executable, "-m", module, *words]
    environment = os.environ | {"DATABASE_URL": database_url}
    ended = subprocess.run(step, cwd=PROJECT_ROOT, env=environment, check=False, capture_output=True, text=True)
    known = TABLES if module == "loaders.load_table" else ("customers", "products", "stores")
    what, why, remedy = ended.stderr.splitlines()
    assert (what, remedy) == (f"error: {said}", f"   do: name one of {', '.join(known)}")
    assert why.startswith("  why: the module serves more than one ")
    assert ended.returncode == ConfigurationError.exit_code


def test_a_step_leaves_its_error_to_the_command_that_waits_for_it(tmp_path: Path) -> None:
    file = tmp_path / "step.failure"
    environment = os.environ | {"DATABASE_URL": "mysql://nowhere", VARIABLE: str(file)}
    step = [sys.executable, "-m", "ingestion.sales"]
    ended = subprocess.run(step, cwd=PROJECT_ROOT, env=environment, check=False, capture_output=True, text=True)
    found = read_failure(file)
    assert found is not None
    assert (found.error_type, found.exit_code) == ("SettingInvalid", ended.returncode)
    what, why, remedy = ended.stderr.splitlines()
    assert (what, remedy) == ("error: DATABASE_URL is not valid", f"   do: {found.remedy}")
    assert found.error_message == f"DATABASE_URL: {why.removeprefix('  why: ')}"
