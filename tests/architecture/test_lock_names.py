"""Lock names come from `medallion/state/locks.py`, but for two that only statements of `sql/` take."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.product_files import product_files

ROOT = Path(__file__).parents[2]
FOLDERS = ("medallion", "ingestion", "loaders", "gold", "quality", "airflow", "stack", "benchmarks", "docker")
HOME = "medallion/state/locks.py"
NAMES = {"RETENTION", "GOLD_BUILD"}
MAKERS = {"entity_lock", "range_lock", "table_lock"}
# A statement that takes a lock, or asks who holds one, by a name that is written in it.
NAMED_IN_SQL = re.compile(
    r"(take_lock|hold_lock_row)\(\s*'|into\s+meta\.lock\s*\(|\b(space|holder\.name)\s*(=|in)\s*\(?'|\|\|\s*' from '"
)
# The lock under which sql/ itself is applied, and that of a model in a build: no Python knows either.
SQL_HOMES = {"sql/lock_tables.sql", "sql/lock_functions.sql", "sql/gold_functions.sql"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for file in product_files(*FOLDERS):
        yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


def locks_taken(tree: ast.Module) -> list[ast.expr]:
    """What is locked, in every call of `locked(conn, …)`."""
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
    return [one.args[1] for one in calls if isinstance(one.func, ast.Name) and one.func.id == "locked"]


def is_named(lock: ast.expr) -> bool:
    if isinstance(lock, ast.Call) and isinstance(lock.func, ast.Name):
        return lock.func.id in MAKERS
    return isinstance(lock, ast.Name) and lock.id in NAMES


def test_every_lock_is_taken_by_a_name_that_locks_py_has_made() -> None:
    taken = [(file, lock) for file, tree in modules() for lock in locks_taken(tree)]
    assert len(taken) > 5, "this test would check nothing"
    assert {file for file, lock in taken if not is_named(lock)} == set()


def test_no_other_module_makes_a_lock() -> None:
    makers = {
        file
        for file, tree in modules()
        for one in ast.walk(tree)
        if isinstance(one, ast.ImportFrom) and one.module == "medallion.state.locks"
        for alias in one.names
        if alias.name in ("Lock", "*")
    }
    assert makers == {"loaders/state_store.py"}  # an alias of the whole module


def test_no_statement_names_a_lock_that_python_takes() -> None:
    files = [file for folder in (*FOLDERS, "sql", "dbt") for file in sorted((ROOT / folder).rglob("*.sql"))]
    assert len(files) > 20, "this test would check nothing"
    named = {str(one.relative_to(ROOT)) for one in files if NAMED_IN_SQL.search(one.read_text(encoding="utf-8"))}
    assert named <= SQL_HOMES, named - SQL_HOMES
    assert {"sql/lock_tables.sql", "sql/gold_functions.sql"} <= named, "this test would see nothing"
