"""The end of a log file."""

from __future__ import annotations

from pathlib import Path

from stack.host.logs import tail


def test_no_file_has_no_end(tmp_path: Path) -> None:
    assert tail(tmp_path / "none.log", 5) == ""


def test_a_short_file_is_given_whole(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("one\ntwo\n")
    assert tail(tmp_path / "a.log", 5) == "one\ntwo"


def test_of_a_long_file_only_the_last_lines_are_given(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("".join(f"line {number}\n" for number in range(100_000)))
    assert tail(tmp_path / "a.log", 2) == "line 99998\nline 99999"


def test_bytes_that_are_no_text_do_not_hide_the_rest(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(b"\xff\xfe broken\nwhole\n")
    assert tail(tmp_path / "a.log", 2).endswith("whole")
