"""Statements beside a module: by name, each with a comment that says what it is for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from medallion.settings import PROJECT_ROOT
from medallion.statements import read_statements
from tests.product_files import product_files

FOLDERS = ("gold", "ingestion", "loaders", "medallion", "quality", "stack")
DESCRIBED = """\
-- The statements of a module.

-- name: first
-- What it is for.
select 1;

-- name: second
-- Another one.
-- In two lines.
select 2;
"""


@pytest.fixture
def module(tmp_path: Path) -> str:
    (tmp_path / "some.sql").write_text(DESCRIBED, encoding="utf-8")
    return str(tmp_path / "some.py")


def test_statements_have_names_and_end_at_the_next_one(module: str) -> None:
    found = read_statements(module)
    assert list(found) == ["first", "second"]
    assert found["first"].strip() == "-- What it is for.\nselect 1;"


def test_a_statement_that_nothing_describes_is_refused(module: str) -> None:
    file = Path(module).with_suffix(".sql")
    file.write_text(DESCRIBED.replace("-- Another one.\n-- In two lines.\n", ""), encoding="utf-8")
    with pytest.raises(ValueError, match=r"some\.sql: no comment says what these statements are for: second"):
        read_statements(module)


def test_every_statement_of_ours_is_described() -> None:
    files = [file for folder in FOLDERS for file in (PROJECT_ROOT / folder).rglob("*.sql")]  # not each has some
    several = [file for file in files if "-- name: " in file.read_text(encoding="utf-8")]
    assert len(several) > 10
    for file in several:
        assert read_statements(str(file)), file


def test_one_executor_sends_them() -> None:
    """A driver's function that takes no name is given the text; everything else goes by `Statements`."""
    sent = re.compile(r"cursor\.execute\(_SQL\[")
    files = product_files(*FOLDERS)
    assert [str(file) for file in files if sent.search(file.read_text(encoding="utf-8"))] == []


def test_every_name_that_a_module_sends_is_in_its_file() -> None:
    sent = re.compile(r'_SQL\.(?:execute|rows|first|one)\(\s*\w+, "(\w+)"')
    named = {file: set(sent.findall(file.read_text(encoding="utf-8"))) for file in product_files(*FOLDERS)}
    assert sum(map(len, named.values())) > 80
    missing = {str(file): names - set(read_statements(str(file))) for file, names in named.items() if names}
    assert {file: names for file, names in missing.items() if names} == {}
