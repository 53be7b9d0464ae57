"""What tells who a person is stays out of the reader's sight, whatever becomes of its declaration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from medallion.entities import generated
from medallion.entities.entity import Column
from medallion.entities.registry import EVERY
from medallion.schema import prepare_schema
from stack.services.postgres.roles import READER, WAREHOUSE
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.roles import Platform, platform

DENIED = psycopg2.errors.InsufficientPrivilege
CUSTOMERS = EVERY["customers"]
COLUMNS = CUSTOMERS.tables[0].columns
WITHOUT_PHONE = tuple(one for one in COLUMNS if one.name != "phone")
UPDATED_AT_IS_PERSONAL = tuple(replace(one, is_personal=True) if one.name == "updated_at" else one for one in COLUMNS)
PHONE_IS_OPEN = tuple(replace(one, is_personal=False) if one.name == "phone" else one for one in COLUMNS)

# Silver has tables that nobody has declared, and one of them is known of old.
OTHERS = """
    insert into meta.entity (entity, ordered_by) values ('shelves', 'updated_at');
    insert into meta.dataset (dataset, entity) values ('shelves', 'shelves');
    create table silver.shelves (city text, phone text, updated_at timestamptz);
    create table silver.notes (city text, phone text, updated_at timestamptz);
    create table gold.dim_customer (like silver.customers);
    create table gold.dim_product (like silver.products);
"""


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        yield one


def may_read(reader: connection, column: str, table: str) -> bool:
    try:
        rows(reader, f"select {column} from {table} limit 0")
    except DENIED:
        return False
    finally:
        reader.rollback()
    return True


def declare(sql_copy: Path, monkeypatch: pytest.MonkeyPatch, columns: tuple[Column, ...]) -> None:
    """Other columns of customers."""
    changed = replace(CUSTOMERS, tables=(replace(CUSTOMERS.tables[0], columns=columns),))
    monkeypatch.setattr(generated, "EVERY", {**EVERY, "customers": changed})
    (sql_copy / "entities.sql").write_text(generated.entities(), encoding="utf-8")


@pytest.mark.parametrize("columns", [WITHOUT_PHONE, PHONE_IS_OPEN], ids=["not declared", "not personal"])
def test_a_column_that_was_personal_once_stays_hidden(
    made: Platform, sql_copy: Path, monkeypatch: pytest.MonkeyPatch, columns: tuple[Column, ...]
) -> None:
    declare(sql_copy, monkeypatch, columns)
    with made.login(WAREHOUSE) as conn, conn.cursor() as cursor:
        cursor.execute("create table gold.dim_customer (like silver.customers)")
        conn.commit()
        prepare_schema(conn)
    with made.login(READER) as reader:
        for table in ("silver.customers", "gold.dim_customer"):
            assert may_read(reader, "city", table)
            assert not may_read(reader, "phone", table)
            assert not may_read(reader, "email", table)


def test_another_declared_table_and_meta_show_a_column_of_the_same_name_and_nothing_else_does(
    made: Platform, sql_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(sql_copy, monkeypatch, UPDATED_AT_IS_PERSONAL)
    with made.login(WAREHOUSE) as conn, conn.cursor() as cursor:
        cursor.execute(OTHERS)
        conn.commit()
        prepare_schema(conn)
    hiding = ["silver.customers", "silver.shelves", "silver.notes", "gold.dim_customer", "gold.dim_product"]
    with made.login(READER) as reader:
        assert [one for one in hiding if may_read(reader, "updated_at", one)] == []
        assert [one for one in hiding[:-1] if may_read(reader, "phone", one)] == []
        assert [one for one in hiding[:-1] if not may_read(reader, "city", one)] == []
        for table in ("silver.products", "meta.ingestion_state"):
            assert may_read(reader, "updated_at", table), table
