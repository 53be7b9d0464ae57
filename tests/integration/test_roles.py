"""Who may do what: the reader logs in for real and tries every verb on every schema."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2 import sql
from psycopg2.extensions import connection

from loaders.database import connect
from loaders.schema import prepare_schema
from tests.postgres_server import PASSWORD, PostgresServer
from tests.queries import rows

READER = "retail_reader"
TABLES = ("meta.load", "silver.products", "silver.sales_product", "gold.fact", "meta.vw_recent_etl_runs")
CONTACT = ("first_name", "last_name", "email", "phone")
DENIED = psycopg2.errors.InsufficientPrivilege


@pytest.fixture
def warehouse(conn: connection, postgres_server: PostgresServer) -> connection:
    """A warehouse with a Gold fact and a dimension, and a reader who was let in."""
    with connect(postgres_server.url("postgres")) as admin, admin, admin.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(4711)")
        cursor.execute("select from pg_roles where rolname = %s", (READER,))
        if cursor.fetchone() is None:
            cursor.execute(sql.SQL("create role {} login").format(sql.Identifier(READER)))
        cursor.execute(sql.SQL("alter role {} password {}").format(sql.Identifier(READER), sql.Literal(PASSWORD)))
    with conn, conn.cursor() as cursor:
        cursor.execute("create table gold.fact (n int); create table gold.dim_customer (like silver.customers)")
    prepare_schema(conn)
    return conn


@pytest.fixture
def reader(warehouse: connection, postgres_server: PostgresServer) -> Iterator[connection]:
    url = postgres_server.url(warehouse.info.dbname).replace("//postgres:", f"//{READER}:")
    with connect(url) as conn:
        yield conn


@pytest.mark.parametrize("table", TABLES)
def test_the_reader_reads(reader: connection, table: str) -> None:
    rows(reader, f"select * from {table}")


@pytest.mark.parametrize("table", [*TABLES[:4], "silver.customers", "gold.dim_customer", "meta.rejected_record"])
@pytest.mark.parametrize(
    "verb",
    ["insert into {} default values", "delete from {}", "truncate {}", "drop table {}", "alter table {} add x int"],
)
def test_the_reader_changes_nothing(reader: connection, table: str, verb: str) -> None:
    with pytest.raises(DENIED):
        rows(reader, verb.format(table))


@pytest.mark.parametrize("schema", ["meta", "silver", "gold", "public"])
def test_the_reader_creates_nothing(reader: connection, schema: str) -> None:
    with pytest.raises(DENIED):
        rows(reader, f"create table {schema}.mine (n int)")


@pytest.mark.parametrize("table", ["silver.customers", "gold.dim_customer"])
@pytest.mark.parametrize("column", CONTACT)
def test_contact_data_is_out_of_the_readers_sight(reader: connection, table: str, column: str) -> None:
    with pytest.raises(DENIED):
        rows(reader, f"select {column} from {table}")


def test_the_reader_sees_where_customers_live_and_why_records_were_refused(reader: connection) -> None:
    rows(reader, "select customer_id, city, segment from silver.customers")
    rows(reader, "select dataset, reason, field, status from meta.rejected_record")
    with pytest.raises(DENIED):
        rows(reader, "select raw from meta.rejected_record")


def test_the_reader_moves_no_watermark_by_function(reader: connection) -> None:
    with pytest.raises(DENIED):
        rows(reader, "select meta.close_gold('sales_item', 0)")


def test_a_gold_table_that_was_swapped_in_is_readable_once_its_build_closes(
    warehouse: connection, reader: connection
) -> None:
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("drop table gold.fact; create table gold.fact (n int, email text)")
    with pytest.raises(DENIED):
        rows(reader, "select n from gold.fact")
    reader.rollback()
    with warehouse, warehouse.cursor() as cursor:
        cursor.execute("select meta.close_gold('fact', 0)")
    rows(reader, "select n from gold.fact")
    with pytest.raises(DENIED):
        rows(reader, "select email from gold.fact")
