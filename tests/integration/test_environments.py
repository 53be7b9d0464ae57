"""An environment of a tool is made once from its lock, and made again if the lock changed or it was half made."""

from __future__ import annotations

from pathlib import Path

import pytest

from medallion.errors import ToolUnavailable
from stack.host.environments import prepare_environment

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
