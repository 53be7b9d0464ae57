"""A warehouse that an old version has left its checks on takes another entity, and no list of entities forgets one.

How one is declared is `test_extending.py`; here its rows in `meta` are written by hand.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi import FastAPI
from psycopg2.extensions import connection

from ingestion.collector import collect
from ingestion.entity import Entity
from ingestion.products import collect_products
from loaders.columns import KINDS
from loaders.dataset import DATASETS, Dataset
from loaders.load_products import load_products
from loaders.silver import load
from medallion import schema
from medallion.bronze.ndjson import Ndjson
from medallion.bronze.verify import require_intact, verify_bronze
from medallion.entities.column_types import ID, MOMENT, TEXT
from medallion.entities.registry import EVERY, TABLES
from medallion.process.steps import DELIVERIES, entities, tables
from medallion.schema import SQL_FOLDER, prepare_schema
from medallion.settings import PROJECT_ROOT, Settings
from stack.commands.layer_report import read_report
from tests.conftest import Source, serving
from tests.former_versions import BEFORE_NUMBERS
from tests.queries import rows

# The checks that an older version of sql/ left on every warehouse.
OLD_CHECKS = f"""
    {BEFORE_NUMBERS}
    delete from meta.dataset where dataset = 'stores';
    delete from meta.ingestion_state where entity = 'stores';
    drop table silver.stores cascade;
    alter table meta.bronze_file drop constraint if exists bronze_file_dataset_known;
    alter table meta.ingestion_state drop constraint if exists ingestion_state_entity_check;
    alter table meta.bronze_file drop constraint if exists bronze_file_dataset_check;
    alter table meta.ingestion_state
    add constraint ingestion_state_entity_check check (entity in ('customers', 'products', 'sales'));
    alter table meta.bronze_file
    add constraint bronze_file_dataset_check
    check (dataset in ('customers', 'products', 'sales_customer', 'sales_product'));
"""
# What a declaration comes to, by hand.
ADDED = """
    insert into meta.entity (entity, ordered_by) values ('shelves', 'updated_at');
    insert into meta.ingestion_state (entity, cursor_name) values ('shelves', 'updated_at');
    insert into meta.dataset (dataset, entity) values ('shelves', 'shelves');
    create table silver.shelves (
        shelf_id bigint primary key, name text not null, updated_at timestamptz not null,
        _load_id bigint not null, _loaded_at timestamptz not null default now()
    );
"""
SHELVES = Entity(
    name="shelves", datasets=("shelves",), split_by_dataset=lambda records: {"shelves": Ndjson.of(records)}
)
VERSIONS = {table.versions for table in TABLES.values() if table.versions}
SILVER_SHELVES = Dataset(
    name="shelves",
    key=("shelf_id",),
    version="updated_at",
    columns={"shelf_id": KINDS[ID], "name": KINDS[TEXT], "updated_at": KINDS[MOMENT]},
)


def shelves_source() -> FastAPI:
    app = FastAPI()
    items = [{"shelf_id": 1, "name": "North wall", "updated_at": "2026-11-06T10:00:00Z"}]

    @app.get("/shelves")
    async def shelves(cursor: str | None = None) -> dict[str, Any]:
        found = [] if cursor else items
        return {"items": found, "count": len(found), "has_more": False, "next_cursor": "1" if found else None}

    return app


@pytest.fixture
def used(conn: connection, settings: Settings) -> connection:
    """A warehouse of an older version, with data."""
    collect_products(conn, settings, run_id="before")
    load_products(conn, settings, run_id="before")
    with conn, conn.cursor() as cursor:
        cursor.execute(OLD_CHECKS)
    return conn


def test_a_warehouse_in_use_takes_another_entity(
    used: connection, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sql"
    shutil.copytree(SQL_FOLDER, folder)
    number = 1 + len(list((folder / "migrations").glob("*.sql")))
    (folder / "migrations" / f"{number:04}_shelves.sql").write_text(ADDED)
    monkeypatch.setattr(schema, "SQL_FOLDER", folder)
    for _ in range(2):
        prepare_schema(used, even_if_unchanged=True)
    with serving(shelves_source()) as url:
        of_shelves = settings.model_copy(update={"source_api_url": url})
        collect(SHELVES, used, of_shelves, run_id="after")
        load(SILVER_SHELVES, used, of_shelves, run_id="after")
    assert rows(used, "select shelf_id, name from silver.shelves") == [(1, "North wall")]
    assert rows(used, "select cursor_value from meta.ingestion_state where entity = 'shelves'") == [("1",)]
    collect_products(used, settings, run_id="after")
    assert load_products(used, settings, run_id="after").files == 0
    require_intact(verify_bronze(used, settings))


def test_a_receipt_of_a_dataset_that_is_not_known_is_refused(used: connection) -> None:
    import psycopg2

    prepare_schema(used, even_if_unchanged=True)
    copy = """
        insert into meta.bronze_file (path, dataset, load_id, part, records, bytes, sha256, cursor_through)
        select 'x', 'prodcts', load_id, 99, records, bytes, sha256, cursor_through from meta.bronze_file
    """
    with pytest.raises(psycopg2.errors.ForeignKeyViolation), used, used.cursor() as cursor:
        cursor.execute(copy)


# ---------------------------------------------------------------- lists that must agree


def sources_of_dbt() -> list[str]:
    text = (PROJECT_ROOT / "dbt/models/silver/_silver__sources.yml").read_text(encoding="utf-8")
    (silver,) = yaml.safe_load(text)["sources"]
    return [table["name"] for table in silver["tables"]]


LISTS: dict[str, Callable[[], list[str]]] = {
    "what is declared": lambda: list(TABLES),
    "what dbt knows as sources": lambda: [name for name in sources_of_dbt() if name not in VERSIONS],
    "what a retry in quarantine, a rebuild and a plan know": lambda: list(DATASETS),
    "what an hour and a day load": lambda: [name for name in tables("silver") if name not in VERSIONS],
}


@pytest.mark.parametrize("named", LISTS)
def test_every_list_of_datasets_names_the_datasets_of_the_warehouse(conn: connection, named: str) -> None:
    known = [dataset for (dataset,) in rows(conn, "select dataset from meta.dataset order by 1")]
    assert sorted(LISTS[named]()) == known


def test_every_dataset_has_its_table_in_silver_and_every_table_its_dataset(conn: connection) -> None:
    tables = {name for (name,) in rows(conn, "select tablename::text from pg_tables where schemaname = 'silver'")}
    assert tables - VERSIONS == {name for (name,) in rows(conn, "select dataset from meta.dataset")}
    assert tables > VERSIONS


def test_every_list_of_entities_names_the_entities_of_the_warehouse(conn: connection) -> None:
    known = [entity for (entity,) in rows(conn, "select entity from meta.ingestion_state order by 1")]
    assert known == [entity for (entity,) in rows(conn, "select distinct entity from meta.dataset order by 1")]
    assert sorted([*entities(), *entities(DELIVERIES)]) == sorted(EVERY) == known


def test_the_table_of_steps_names_the_models_of_dbt() -> None:
    files = (PROJECT_ROOT / "dbt/models/gold").rglob("*.sql")
    no_tables = {"dashboards", "staging"}  # views, which no step owns, and parts of other models
    models = sorted(file.stem for file in files if file.parent.name not in no_tables)
    assert sorted(tables("gold")) == models


def test_the_report_of_a_warehouse_without_a_run_counts_every_table(source: Source, database_url: str) -> None:
    found = read_report(database_url, None)
    assert set(found.rows["silver"]) == {*DATASETS, *VERSIONS}
    assert set(found.rows["gold"]) == set(tables("gold"))
