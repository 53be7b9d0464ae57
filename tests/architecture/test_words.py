"""Words that make a reader guess may become fewer, never more (docs/glossary.md has the words to use)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from tests.product_files import product_files

# How often each may stand in code, SQL and pages. A change that removes one lowers the number.
MOST = {
    "whoever": 1,
    "nobody": 8,
    "somebody": 0,
    "anew": 0,
    "set aside": 0,
    "held against": 0,
    "mend|mends|mended": 0,
    "once more": 1,
    "go on|goes on|went on": 10,
}


def texts() -> list[Path]:
    statements = product_files("sql", "dbt", "loaders", "medallion", "quality", "stack", suffix=".sql")
    kept = [file for file in statements if not {"migrations", "target", "dbt_packages"} & set(file.parts)]
    pages = [*product_files("docs", suffix=".md"), *PROJECT_ROOT.glob("*.md")]
    told = [file for file in pages if "decisions" not in file.parts and file.name != "CHANGELOG.md"]
    return [*product_files(), *kept, *told]


@pytest.mark.parametrize("words", MOST)
def test_a_word_that_makes_a_reader_guess_becomes_no_more_frequent(words: str) -> None:
    pattern = re.compile(rf"\b(?:{words})\b", re.IGNORECASE)
    found = [
        f"{file.relative_to(PROJECT_ROOT)}:{number}"
        for file in texts()
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for _ in pattern.finditer(line)
    ]
    assert len(found) == MOST[words], found
