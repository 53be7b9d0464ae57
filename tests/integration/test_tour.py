"""A tour touches nothing of the user's, removes only what a tour has made, and leaves no process behind."""

from __future__ import annotations

import io
import os
import signal
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr
from rich.console import Console

from medallion.errors import RetailError
from stack.commands.tour import _call, _environment, _fresh_folder, run_tour, steps
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.interrupts import Interrupted, interruptible
from stack.host.settings import StackSettings
from stack.services.postgres import files
from tests.retail_cli import retail

NOW = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
SLOW_TO_END = """
import pathlib, signal, sys, time
def end(*_):
    time.sleep(1)
    pathlib.Path(sys.argv[1], "ended").touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1], "began").touch()
time.sleep(60)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "a home").prepare()


def toured(home: Home, settings: StackSettings | None = None) -> str:
    """What a tour says that is stopped before its first step."""
    talk = Talk(Console(file=io.StringIO()))
    return run_tour(home, settings or StackSettings(retail_home=home.path), talk, NOW, lambda: False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", SecretStr("postgresql://u:p@localhost/warehouse")),
        ("source_api_url", "https://source.example"),
        ("bronze_url", "s3://lake/bronze"),
        ("airflow_database_url", SecretStr("postgresql+psycopg2://u:p@localhost/airflow")),
    ],
)
def test_a_system_of_the_users_own_is_refused(home: Home, name: str, value: object) -> None:
    settings = StackSettings(retail_home=home.path).model_copy(update={name: value})
    with pytest.raises(RetailError, match="systems of your own") as refused:
        toured(home, settings)
    assert name.upper() in refused.value.why
    assert not (home.path / "tour").exists()


def test_the_failure_on_purpose_sends_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALERT_EMAIL", "ALERT_WEBHOOK", "RETAIL_FAIL_POINT"):
        monkeypatch.setenv(name, "x")
    load, _, broken, *_ = steps(NOW)
    assert not {"ALERT_EMAIL", "ALERT_WEBHOOK", "RETAIL_FAIL_POINT"} & set(_environment(load, "tour"))
    assert _environment(broken, "tour")["RETAIL_FAIL_POINT"] == "silver.copied"


@pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
def test_a_folder_that_no_tour_has_made_stays_as_it_is(home: Home, tmp_path: Path, kind: str) -> None:
    other, folder = tmp_path / "other", home.path / "tour"
    (folder if kind == "folder" else other).mkdir()
    if kind != "folder":
        (other / "made-by-the-tour").touch()
        folder.symlink_to(other if kind == "link" else tmp_path / "none")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RetailError, match="does not empty"):
        toured(home)
    assert set(before) <= set(tmp_path.rglob("*"))


def test_another_tour_begins_with_an_empty_folder(home: Home) -> None:
    assert "stopped before step 1" in toured(home)
    (home.path / "tour" / "old").touch()
    assert "stopped before step 1" in toured(home)
    assert [one.name for one in (home.path / "tour").iterdir()] == ["made-by-the-tour"]


def test_the_data_of_a_platform_that_runs_on_it_stays(home: Home) -> None:
    toured(home)
    with Home(home.path / "tour").prepare().shared("users"), pytest.raises(RetailError, match="a command works"):
        toured(home)
    assert (home.path / "tour" / "state.json").exists()


def test_two_tours_at_once_are_refused(home: Home) -> None:
    with home.try_locked("tour"), pytest.raises(RetailError, match="another tour is under way"):
        toured(home)


def test_data_of_postgres_elsewhere_ends_with_its_folder(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As root, Postgres cannot pass through a closed folder, and has its data elsewhere."""
    monkeypatch.setattr(files, "_FALLBACK_PARENT", tmp_path)
    elsewhere = files._fallback(home.path / "tour" / "postgres")
    elsewhere.mkdir()
    _fresh_folder(home, StackSettings(retail_home=home.path))
    assert not elsewhere.exists()


def test_an_interrupted_step_ends_its_services_before_the_tour_ends(tmp_path: Path) -> None:
    def interrupt() -> None:
        while not (tmp_path / "began").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    Thread(target=interrupt).start()
    with pytest.raises(Interrupted), interruptible():
        _call([sys.executable, "-c", SLOW_TO_END, str(tmp_path)], dict(os.environ))
    assert (tmp_path / "ended").exists()


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_whole_tour_ends_with_a_difference_of_0_and_leaves_no_process() -> None:
    with retail() as cli:
        toured = cli("tour", "--yes", seconds=800, SOURCE_SALES_PER_HOUR="2")
        assert toured.code == 0, toured.err
        assert "the run was killed during silver_load_" in toured.err
        assert "nothing new from the source; loaded what an earlier run had pulled" in toured.out
        assert toured.out.splitlines()[-3].startswith("difference 0: ")
        assert cli.processes() == []
