"""The files that follow from the declarations are what the declarations say."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from medallion.entities import generated
from medallion.entities.generated import FILES, dbt_sources, silver_grants, silver_tables
from medallion.entities.registry import DELIVERED, ENTITIES, LISTINGS, TABLES
from medallion.settings import PROJECT_ROOT


@pytest.mark.parametrize("path", FILES)
def test_a_generated_file_is_what_is_checked_in(path: str) -> None:
    found = (PROJECT_ROOT / path).read_text(encoding="utf-8")
    assert found == FILES[path](), f"{path} is out of date: python -m medallion.entities writes it"


def test_the_command_writes_every_file(tmp_path: Path) -> None:
    (tmp_path / "medallion" / "entities").mkdir(parents=True)
    for file in [
        *(PROJECT_ROOT / "medallion").glob("__init__.py"),
        *(PROJECT_ROOT / "medallion/entities").rglob("*.py"),
    ]:
        (tmp_path / file.relative_to(PROJECT_ROOT)).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.relative_to(PROJECT_ROOT)).write_bytes(file.read_bytes())
    for path in FILES:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "medallion.entities"], cwd=tmp_path, check=True)
    assert {path: (tmp_path / path).read_text() for path in FILES} == {path: made() for path, made in FILES.items()}


def test_dbt_knows_every_table_and_column_and_waits_longer_for_a_listing() -> None:
    (silver,) = yaml.safe_load(dbt_sources())["sources"]
    known = {one["name"]: [column["name"] for column in one["columns"]] for one in silver["tables"]}
    audit = ["_load_id", "_loaded_at"]
    columns = {name: [one.name for one in table.columns] for name, table in TABLES.items()}
    versions = {f"{name}_version": [*columns[name], "row_checksum"] for name in (*LISTINGS, *DELIVERED)}
    assert known == {name: [*found, *audit] for name, found in (columns | versions).items()}
    assert {one["name"] for one in silver["tables"] if "config" in one} == {*LISTINGS, *DELIVERED, *versions}


def test_where_all_is_listed_by_time_nobody_is_granted_to_delete(monkeypatch: pytest.MonkeyPatch) -> None:
    assert silver_grants().count("grant delete on") == 1
    monkeypatch.setattr(generated, "EVERY", {name: ENTITIES[name] for name in LISTINGS})
    monkeypatch.setattr(generated, "TABLES", {name: TABLES[name] for name in LISTINGS})
    assert "delete" not in silver_grants()
    assert not re.search(r"\bon\s+to\b", silver_grants())


def test_a_row_that_is_called_otherwise_changes_no_more_of_a_function_than_its_comment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = silver_tables()
    renamed = {name: replace(one, row=f"{one.row} of old") for name, one in TABLES.items()}
    monkeypatch.setattr(generated, "TABLES", renamed)
    changed = [line for line in silver_tables().splitlines() if line not in before.splitlines()]
    assert [line.split(" is ")[0] for line in changed] == [
        f"comment on function meta.{name}_checksum" for name in TABLES
    ]
