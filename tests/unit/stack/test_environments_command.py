"""`./retail env`: which environments there are, what each takes, and what may be removed."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from medallion.errors import ConfigurationError, RetailError
from medallion.tool_environments import stamp_of
from stack.cli.app import app
from stack.commands.doctor import check_environments
from stack.commands.environments import Environment, list_environments, make_environment, remove_environments
from stack.host import environments
from stack.host.console import Talk
from stack.host.environments import folder_of
from stack.host.home import Home
from stack.services.processes import Record


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the locks of two tools."""
    folder = tmp_path / "locks"
    folder.mkdir()
    for name in ("kettle", "oven"):
        (folder / f"{name}.txt").write_text(f"{name}==1.0\n")
    (folder / "kettle.in").write_text("# The environment of `./retail tea`, made on first use.\nkettle==1.0\n")
    monkeypatch.setattr(environments, "LOCKS", folder)
    return folder


def make(home: Home, name: str, *, is_whole: bool = True) -> Path:
    """What making an environment leaves, without its packages."""
    place = folder_of(home, name)
    (place / "bin").mkdir(parents=True)
    (place / "bin" / "python").write_bytes(b"x" * 100_000)
    if is_whole:
        (place / "stamp").write_text(stamp_of(environments.lock_of(name)))
    return place


def listed(home: Home) -> dict[str, Environment]:
    return {one.name: one for one in list_environments(home)}


def test_every_lock_is_listed_with_what_uses_it_and_whether_it_is_made(home: Home) -> None:
    make(home, "kettle")
    found = listed(home)
    assert list(found) == ["kettle", "oven"]
    kettle, oven = found.values()
    assert (kettle.used_by, kettle.is_made, kettle.is_current) == ("./retail tea", True, True)
    assert 100_000 <= kettle.size < 200_000
    assert kettle.folder == str(home.path / "environments" / "kettle")
    assert (oven.is_made, oven.is_current, oven.size) == (False, False, 0)


def test_an_environment_of_a_former_lock_is_out_of_date_in_the_list_and_for_the_doctor(home: Home, locks: Path) -> None:
    make(home, "kettle")
    assert check_environments(home).state == "ok"
    (locks / "kettle.txt").write_text("kettle==2.0\n")
    assert (listed(home)["kettle"].is_made, listed(home)["kettle"].is_current) == (True, False)
    found = check_environments(home)
    assert (found.state, found.found) == ("warn", "out of date: kettle")
    assert "./retail env remove kettle;" in found.remedy


def test_one_that_was_half_made_takes_space_and_is_not_made(home: Home) -> None:
    make(home, "kettle", is_whole=False)
    found = listed(home)["kettle"]
    assert (found.is_made, found.size > 0) == (False, True)
    assert "half made" in found.words()
    assert remove_environments(home, ["kettle"]).environments == ("kettle",)


def test_one_whose_tool_this_version_no_longer_has_is_listed_and_can_be_removed(home: Home, locks: Path) -> None:
    make(home, "oven")
    (locks / "oven.txt").unlink()
    assert listed(home)["oven"].used_by == "nothing: this version has no such lock"
    with pytest.raises(ConfigurationError, match="there is no environment 'oven'"):
        make_environment(home, Talk(), "oven")
    remove_environments(home, ["oven"])
    assert list(listed(home)) == ["kettle"]


def test_a_removal_frees_what_no_file_outside_shares(home: Home, tmp_path: Path) -> None:
    place = make(home, "kettle")
    os.link(place / "bin" / "python", tmp_path / "cache")  # as uv does
    os.link(place / "bin" / "python", place / "bin" / "python3")
    (place / "own").write_bytes(b"y" * 500_000)
    before = listed(home)["kettle"].size
    done = remove_environments(home, ["kettle", "kettle", "oven"])
    assert done.environments == ("kettle",)
    assert done.freed + done.still_shared == before
    assert 100_000 <= done.still_shared < 200_000
    assert done.freed >= 500_000
    assert done.summary().startswith("removed: kettle; 1 MB freed; uv's cache keeps 0 MB")
    assert not place.exists()
    assert remove_environments(home, ["kettle"]).summary() == "there is nothing to remove"


def test_an_unknown_name_is_refused_and_nothing_is_removed(home: Home) -> None:
    place = make(home, "kettle")
    for name in ("toaster", "..", "kettle/bin", ""):
        with pytest.raises(ConfigurationError, match="there is no environment") as refused:
            remove_environments(home, ["kettle", name])
        assert "kettle, oven" in refused.value.remedy
    assert (place / "stamp").exists()


def test_an_environment_whose_service_runs_is_kept_and_so_are_all_others(home: Home) -> None:
    places = [make(home, "kettle"), make(home, "oven")]
    me = psutil.Process()
    record = Record("oven", me.pid, me.create_time(), "mark")
    (home.run / "oven.json").write_text(json.dumps(asdict(record)))
    with pytest.raises(RetailError, match=f"the environment oven is in use by process {me.pid}"):
        remove_environments(home, ["kettle", "oven"])
    assert all((place / "stamp").exists() for place in places)


def test_an_environment_whose_command_is_at_work_is_kept(home: Home) -> None:
    make(home, "kettle")
    with home.try_locked("kettle"), pytest.raises(RetailError, match=f"in use by process {os.getpid()}"):
        remove_environments(home, ["kettle"])


def test_the_command_lists_as_text_and_json_and_removes_all(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETAIL_HOME", str(home.path))
    make(home, "kettle")

    def env(*words: str) -> str:
        done = CliRunner().invoke(app, ["env", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    assert [line.split()[0] for line in env().splitlines()] == ["kettle", "oven"]
    assert [one["is_made"] for one in json.loads(env("--json"))] == [True, False]
    assert json.loads(env("remove", "--all", "--json"))["environments"] == ["kettle"]
    assert CliRunner().invoke(app, ["env", "remove"]).exit_code == 2
    assert CliRunner().invoke(app, ["env", "remove", "--all", "oven"]).exit_code == 2
