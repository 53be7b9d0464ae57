"""Each entity is declared once, and the declarations can be read by a file that may import nothing."""

from __future__ import annotations

import ast
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from loaders.columns import KINDS
from loaders.dataset import DATASETS
from medallion.entities import column_types
from medallion.entities.column_types import ColumnType
from medallion.entities.entity import ById, ByUpdatedAt, Entity, Table
from medallion.entities.registry import DELIVERED, ENTITIES, LISTINGS, TABLES
from medallion.settings import PROJECT_ROOT, Settings

FOLDER = PROJECT_ROOT / "medallion" / "entities"
FILES = sorted(FOLDER.rglob("*.py"))
DECLARED = [file for file in FILES if "Entity(" in file.read_text(encoding="utf-8") and file.stem != "entity"]


@pytest.mark.parametrize("file", FILES, ids=lambda one: one.stem)
def test_declarations_import_the_standard_library_and_each_other(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    others = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in others if not name.startswith("medallion.entities")} == set()


def test_the_registry_has_every_entity_that_has_a_file() -> None:
    assert sorted([*ENTITIES, *DELIVERED]) == sorted(file.stem for file in DECLARED)


@pytest.mark.parametrize("file", DECLARED, ids=lambda one: one.stem)
def test_a_declaration_is_data_and_no_code(file: Path) -> None:
    nodes = list(ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    assert not [node for node in nodes if isinstance(node, ast.FunctionDef | ast.Lambda | ast.For | ast.comprehension)]


def test_a_declaration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        ENTITIES["customers"].name = "clients"  # type: ignore[misc]


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=lambda one: one.name)
def test_an_entity_names_columns_that_it_has(entity: Entity) -> None:
    own, *nested = sorted(entity.tables, key=lambda one: one.nested_in or "")
    assert own.nested_in is None
    assert own.key == (entity.key,)
    assert {*entity.lasting} <= {one.name for one in own.columns}
    assert all(table.key[0] == entity.key for table in nested)


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda one: one.name)
def test_a_table_has_its_key_its_version_and_a_description_of_each_column(table: Table) -> None:
    names = [one.name for one in table.columns]
    assert len(set(names)) == len(names)
    assert {*table.key} <= {*names}
    assert table.version is None or table.version in names
    assert table.description.endswith(".")
    assert all(one.description.endswith(".") for one in table.columns)


@pytest.mark.parametrize(
    ("order", "names", "words"),
    [
        (ByUpdatedAt(), ("parcels", "labels"), "parcels: records that become more than one table need a pull"),
        (ById(), ("parcels",), "parcels: a listing by id needs a pull of its own"),
        (ByUpdatedAt(), ("boxes",), "parcels: reconciliation compares one table of that name"),
    ],
)
def test_what_no_pull_could_serve_is_refused_where_it_is_declared(
    order: ById | ByUpdatedAt, names: tuple[str, ...], words: str
) -> None:
    tables = tuple(Table(name, "parcel", "Parcels.", ("parcel_id",), ()) for name in names)
    with pytest.raises(ValueError, match=words):
        Entity("parcels", "parcel_id", order, tables)


def test_each_type_of_a_column_has_the_code_that_checks_it() -> None:
    assert set(KINDS) == {one for one in vars(column_types).values() if isinstance(one, ColumnType)}


def test_a_dataset_has_the_columns_and_the_key_of_its_table() -> None:
    for name, table in TABLES.items():
        assert list(DATASETS[name].columns) == [one.name for one in table.columns]
        assert (DATASETS[name].key, DATASETS[name].version) == (table.key, table.version)


def test_a_record_that_was_divided_may_not_have_the_member_that_became_another_table() -> None:
    assert {name: one.forbidden for name, one in DATASETS.items() if one.forbidden} == {"sales_customer": ("lines",)}


@pytest.mark.parametrize("name", LISTINGS)
def test_a_listing_is_one_table_of_its_name_and_its_lookback_is_a_setting(name: str) -> None:
    assert LISTINGS[name] in Settings.model_fields
    assert [(table.name, table.version) for table in ENTITIES[name].tables] == [(name, "updated_at")]
