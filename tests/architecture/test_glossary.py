"""docs/glossary.md names tables, folders and files that there are."""

from __future__ import annotations

import re

import pytest

from medallion.settings import PROJECT_ROOT

TEXT = (PROJECT_ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
NAMES = sorted(set(re.findall(r"`([a-z_]+[/.][a-z_./]*)`", TEXT)))
TABLES = [name for name in NAMES if re.fullmatch(r"(meta|silver|gold)\.\w+", name)]
FILES = [name for name in NAMES if name not in TABLES]
SQL = "\n".join(file.read_text(encoding="utf-8") for file in sorted((PROJECT_ROOT / "sql").rglob("*.sql")))


def test_it_names_something() -> None:
    assert len(TABLES) > 15
    assert len(FILES) > 15


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_glossary_is_made_by_our_sql(name: str) -> None:
    assert re.search(rf"(create (or replace )?(table|view)( if not exists)? {name}\b|rename to {name[5:]};)", SQL), name


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_the_glossary_is_there(name: str) -> None:
    assert (PROJECT_ROOT / name).exists()


def test_every_table_of_meta_that_a_declaration_or_a_pull_writes_is_explained() -> None:
    """Those of our own bookkeeping need no word of a reader's."""
    ours = {"meta.applied_schema", "meta.gold_rebuild", "meta.gold_state", "meta.incident_message", "meta.lock"}
    ours |= {"meta.lock_holder", "meta.sale_repair", "meta.source_sample"}
    made = set(re.findall(r"create table(?: if not exists)? (meta\.\w+)", SQL))
    assert made - ours == {name for name in TABLES if name.startswith("meta.")} - {"meta.gap", "meta.backfill_range"}
