"""An environment of a tool is made once from its lock, made again if that changed, and not removed while in use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medallion.errors import RetailError, ToolUnavailable
from stack.commands.environments import remove_environments
from stack.host.environments import folder_of, prepare_environment
from stack.host.home import Home

NOT_THERE = "--no-index\nnot-there==1.0 --hash=sha256:" + "0" * 64 + "\n"


@pytest.mark.slow
def test_an_environment_is_made_once_and_again_for_another_lock(tmp_path: Path) -> None:
    lock, place = tmp_path / "tool.txt", tmp_path / "environments" / "tool"
    lock.write_text(NOT_THERE)
    with pytest.raises(ToolUnavailable, match=r"(?s)environment tool cannot be installed.*not-there"):
        prepare_environment(place, lock)
    lock.write_text("# nothing\n")
    programs = prepare_environment(place, lock)
    assert (programs / "python").exists()
    mark = place / "mark"
    mark.touch()
    assert prepare_environment(place, lock) == programs
    assert mark.exists()
    lock.write_text("# nothing, in other words\n")
    prepare_environment(place, lock)
    assert not mark.exists()


def test_an_environment_from_which_a_process_runs_is_not_removed(tmp_path: Path) -> None:
    """A service may have another name than its environment."""
    home = Home(tmp_path / "home").prepare()
    program = folder_of(home, "pgadmin") / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    process = subprocess.Popen([program, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(RetailError, match=f"the environment pgadmin is in use by process {process.pid}"):
            remove_environments(home, ["pgadmin"])
        assert program.exists()
    finally:
        process.communicate(b"\n")
    assert remove_environments(home, ["pgadmin"]).environments == ("pgadmin",)
    assert not program.exists()
