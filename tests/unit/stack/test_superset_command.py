"""`./retail superset up` and `check`: what is refused at once, and what a killed process leaves."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from medallion.errors import ToolUnavailable
from stack.commands.superset import require_python
from stack.commands.superset_check import put_in_place
from stack.services.superset import copy_database

# Writes half of a transaction to the file, as its cache is small, and is killed.
KILLED = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("pragma cache_size = 1")
database.execute("begin")
database.executemany("update t set b = ?", [("half",)])
os.kill(os.getpid(), 9)
"""


def test_a_python_that_superset_does_not_support_is_refused_with_one_that_it_does() -> None:
    with pytest.raises(ToolUnavailable, match=r"Python 3\.13") as refused:
        require_python((3, 13))
    assert "RETAIL_PYTHON=python3.12" in refused.value.remedy
    require_python((3, 12))


def test_what_a_killed_superset_has_half_written_is_not_in_the_copy(tmp_path: Path) -> None:
    database, draft = tmp_path / "superset.db", tmp_path / "superset.new"
    with closing(sqlite3.connect(database)) as made:
        made.execute("create table t (a integer primary key, b text)")
        made.executemany("insert into t values (?, ?)", [(number, "whole" * 200) for number in range(500)])
        made.commit()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(database)], check=False)
    assert killed.returncode == -9
    assert database.with_name("superset.db-journal").stat().st_size > 0
    assert b"half" in database.read_bytes()
    copy_database(database, draft)
    with closing(sqlite3.connect(draft)) as prepared:  # what comes between the copy and its taking the place
        prepared.executemany("insert into t values (?, ?)", [(1000 + number, "new" * 300) for number in range(500)])
        prepared.commit()
    draft.replace(database)
    with closing(sqlite3.connect(database)) as found:
        assert found.execute("pragma integrity_check").fetchall() == [("ok",)]
        assert found.execute("select distinct b from t order by b").fetchall() == [("new" * 300,), ("whole" * 200,)]


def test_new_references_leave_what_else_their_folder_holds(tmp_path: Path) -> None:
    draft, folder = tmp_path / ".2026-01-31.new", tmp_path / "2026-01-31"
    for place, name, text in ((folder, "a.csv", "old"), (folder, "approval.txt", "yes"), (draft, "a.csv", "new")):
        place.mkdir(exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    put_in_place(draft, folder)
    assert {one.name: one.read_text(encoding="utf-8") for one in folder.iterdir()} == {
        "a.csv": "new",
        "approval.txt": "yes",
    }
    assert not draft.exists()
