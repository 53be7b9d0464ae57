"""The environment of a tool, as a step of the pipeline finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion import tool_environments
from medallion.tool_environments import find_python, folder_of_environment, stamp_of


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tool_environments, "LOCKS", tmp_path / "locks")
    file = tmp_path / "locks" / "kettle.txt"
    file.parent.mkdir()
    file.write_text("kettle==1.0\n")
    return file


def test_the_python_of_an_environment_is_found_only_while_it_is_that_of_its_lock(lock: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    place = folder_of_environment(home, "kettle")
    assert find_python(home, "kettle") is None
    python = place / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    assert find_python(home, "kettle") is None  # half made
    (place / "stamp").write_text(stamp_of(lock))
    assert find_python(home, "kettle") == python
    lock.write_text("kettle==1.1\n")
    assert find_python(home, "kettle") is None
    lock.unlink()
    assert find_python(home, "kettle") is None
