"""Words that make a reader guess never become more frequent (docs/glossary.md has the words to use)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from tests.product_files import product_files

# How often each may stand in code, SQL and pages. A change that removes one lowers the number.
MOST = {
    "whoever": 1,
    "nobody": 6,
    "somebody": 0,
    "anew": 0,
    "set (?:it |them )?aside": 0,
    "beside": 21,
    "tells?|told": 101,
    "held against": 0,
    "mend|mends|mended": 0,
    "once more": 0,
    "go on|goes on|went on": 0,
}
GENERATED_OR_HISTORY = {"CHANGELOG.md", "data-dictionary.md"}


def texts() -> list[Path]:
    """What people read: code, statements, descriptions and pages, except history and generated files."""
    statements = product_files("sql", "dbt", "loaders", "medallion", "quality", "stack", suffix=".sql")
    pages = product_files("docs", "airflow", "dbt", "benchmarks", suffix=".md")
    read = [*product_files(), *statements, *product_files("dbt", suffix=".yml"), *pages, *PROJECT_ROOT.glob("*.md")]
    others = {"decisions", "migrations", "target", "dbt_packages"}
    return [file for file in read if not others & set(file.parts) and file.name not in GENERATED_OR_HISTORY]


@pytest.mark.parametrize("words", MOST)
def test_a_word_that_makes_a_reader_guess_becomes_no_more_frequent(words: str) -> None:
    pattern = re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE)  # parts of names, too
    found = [
        f"{file.relative_to(PROJECT_ROOT)}:{number}"
        for file in texts()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for _ in pattern.finditer(line)
    ]
    assert len(found) == MOST[words], found
