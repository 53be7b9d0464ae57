"""Who writes `meta`: the pipeline with the statements beside its modules, dbt through the functions of `sql/`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
WRITES = re.compile(r"\b(insert\s+into|update|delete\s+from|truncate(\s+table)?|merge\s+into)\s+meta\.", re.IGNORECASE)


def writers(folder: str, ending: str) -> set[str]:
    files = sorted((ROOT / folder).rglob(f"*{ending}"))
    assert files, f"{folder} holds no {ending}: this test would check nothing"
    return {str(file.relative_to(ROOT)) for file in files if WRITES.search(file.read_text(encoding="utf-8"))}


def test_no_scheduler_and_no_command_writes_to_meta() -> None:
    for folder, ending in (
        ("ingestion", ".py"),
        ("gold", ".py"),
        ("stack", ".py"),
        ("stack", ".sql"),
        ("airflow", ".py"),
    ):
        assert writers(folder, ending) == set()


def test_models_and_tests_of_dbt_write_to_meta_by_its_functions_alone() -> None:
    assert writers("dbt", ".sql") == set()


def test_the_search_finds_a_statement_that_writes() -> None:
    assert "medallion/state/watermarks.sql" in writers("medallion", ".sql")
    assert "medallion/schema.py" in writers("medallion", ".py")
