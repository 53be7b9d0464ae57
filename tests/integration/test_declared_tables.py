"""Tables of Silver that follow from the declarations are those that the migrations have made of old."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion import schema
from medallion.database import connect
from medallion.entities import generated
from medallion.entities.column_types import ID, MOMENT, TEXT
from medallion.entities.entity import ByUpdatedAt, Column, Entity, Table
from medallion.entities.registry import EVERY, TABLES
from medallion.errors import MigrationRefused
from medallion.migrations import read_migrations
from medallion.schema import prepare_schema
from tests.catalog import catalog
from tests.queries import rows

TABLES_THERE = """
    select relname::text from pg_class
    where relnamespace = 'silver'::regnamespace and relkind = 'r'
    order by 1
"""
DECLARED = [name for table in TABLES.values() for name in (table.name, table.versions) if name]
# A table that no migration has made.
SHELVES = (Column("shelf_id", ID, "Natural key."), Column("updated_at", MOMENT, "When this version came to be (UTC)."))
PHONE = Column("phone", TEXT, "Telephone number.")


def declare_shelves(sql_copy: Path, monkeypatch: pytest.MonkeyPatch, *columns: Column) -> None:
    table = Table("shelves", "shelf", "One row per shelf.", ("shelf_id",), columns, version="updated_at")
    for module in (schema, generated):
        monkeypatch.setattr(module, "TABLES", {**TABLES, "shelves": table})
    shelves = Entity("shelves", "shelf_id", ByUpdatedAt(), (table,))
    monkeypatch.setattr(generated, "EVERY", {**EVERY, "shelves": shelves})
    for name in ("entities", "silver_tables", "silver_grants"):
        (sql_copy / f"{name}.sql").write_text(generated.FILES[f"sql/{name}.sql"](), encoding="utf-8")


def made_anew(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(f"drop table {', '.join(f'silver.{name}' for name in DECLARED)} cascade")
    prepare_schema(conn, even_if_unchanged=True)


def test_declared_tables_are_those_of_the_migrations(conn: connection) -> None:
    """But for the order of columns, which a migration cannot choose."""
    prepare_schema(conn)  # for roles that another test has made on this server
    before = catalog(conn)
    made_anew(conn)
    assert catalog(conn) == before
    assert rows(conn, TABLES_THERE) == [(name,) for name in sorted(DECLARED)]


def test_a_column_that_is_declared_and_not_migrated_would_be_seen(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("alter table silver.customers drop column segment cascade")
    before = catalog(conn)
    made_anew(conn)
    assert any("silver.customers.segment" in line for line in catalog(conn) - before)


def test_a_table_that_is_there_is_left_to_those_that_write_to_it(conn: connection, database_url: str) -> None:
    with connect(database_url) as loader, loader.cursor() as loading:
        loading.execute("lock table silver.customers in row exclusive mode")
        assert prepare_schema(conn, even_if_unchanged=True) == ()
        loader.rollback()


def test_a_declared_column_without_a_migration_is_refused_with_the_one_to_write(
    conn: connection, sql_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_shelves(sql_copy, monkeypatch, *SHELVES)
    prepare_schema(conn)
    before = catalog(conn)
    declare_shelves(sql_copy, monkeypatch, *SHELVES, PHONE)
    with pytest.raises(MigrationRefused, match=r"silver\.shelves lacks the column phone, which is declared") as caught:
        prepare_schema(conn)
    number = len(read_migrations(sql_copy / "migrations")) + 1
    assert f"sql/migrations/{number:04}_" in str(caught.value.remedy)
    assert "alter table if exists silver.shelves add column phone text not null" in str(caught.value.remedy)
    assert catalog(conn) == before


def test_a_migration_that_forgets_the_table_of_versions_is_refused(
    conn: connection, sql_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_shelves(sql_copy, monkeypatch, *SHELVES)
    prepare_schema(conn)
    with conn, conn.cursor() as cursor:
        cursor.execute("alter table silver.shelves add column phone text not null")
    declare_shelves(sql_copy, monkeypatch, *SHELVES, PHONE)
    with pytest.raises(MigrationRefused, match=r"silver\.shelves_version lacks the column phone") as caught:
        prepare_schema(conn)
    assert "alter table if exists silver.shelves_version add column phone" in str(caught.value.remedy)


def test_with_its_migration_a_new_warehouse_and_one_in_use_come_to_the_same(
    conn: connection, beside: connection, sql_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_shelves(sql_copy, monkeypatch, *SHELVES)
    prepare_schema(conn)
    with conn, conn.cursor() as cursor:
        cursor.execute("insert into silver.shelves (shelf_id, updated_at, _load_id) values (1, now(), 1)")
    declare_shelves(sql_copy, monkeypatch, *SHELVES, PHONE)
    number = len(read_migrations(sql_copy / "migrations")) + 1
    (sql_copy / "migrations" / f"{number:04}_phones_of_shelves.sql").write_text("""
        alter table if exists silver.shelves add column phone text not null default '';
        alter table if exists silver.shelves alter column phone drop default;
        alter table if exists silver.shelves_version add column phone text not null default '';
        alter table if exists silver.shelves_version alter column phone drop default;
    """)
    for one in (conn, beside):
        assert prepare_schema(one)[-1:] == (f"{number:04}_phones_of_shelves",)
    assert catalog(conn) == catalog(beside)
    assert rows(conn, "select shelf_id, phone from silver.shelves") == [(1, "")]
