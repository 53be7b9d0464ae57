"""The end of a log file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stack.host.logs import run_into, tail


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


ECHO = "import os, sys; print(sys.stdin.read(), os.environ['WORD'], os.getcwd()); sys.exit(int(os.environ['CODE']))"


@pytest.mark.parametrize(("code", "is_good"), [("0", True), ("3", False)])
def test_what_a_program_says_is_added_to_its_log(tmp_path: Path, code: str, is_good: bool) -> None:
    log = tmp_path / "log"
    log.write_text("before\n", encoding="utf-8")
    command = (sys.executable, "-c", ECHO)
    assert run_into(log, command, {"WORD": "word", "CODE": code}, tmp_path, given="given") is is_good
    assert tail(log, 2) == f"before\ngiven word {tmp_path}"


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    sleeper = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(subprocess.TimeoutExpired):
        run_into(tmp_path / "log", sleeper, {}, tmp_path, seconds=0.5)
