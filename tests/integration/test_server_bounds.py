"""What bounds a reader, where the server lets us say so; and a server on which we may say little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest
from psycopg2 import sql

from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.database import connect
from medallion.errors import DatabaseError
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.commands.doctor_warehouse import examine_warehouse
from stack.services.postgres.roles import INGESTION, READER, TRANSFORMATION, WAREHOUSE
from tests.conftest import Settings, Source
from tests.postgres_server import PASSWORD, PostgresServer, running_server
from tests.queries import rows
from tests.roles import Platform, platform

ROLES, HARDENING = ((PROJECT_ROOT / "sql" / f"{name}.sql").read_text("utf-8") for name in ("roles", "hardening"))
MIGRATIONS = sorted((PROJECT_ROOT / "sql" / "migrations").glob("*.sql"))
DENIED = psycopg2.errors.InsufficientPrivilege
FILLING = (
    "select lo_from_bytea(0, 'x')",
    "select lo_creat(-1)",
    "select lo_create(0)",
    "select lo_put(1, 0, 'x')",
    "select lowrite(0, 'x')",
    "select lo_import('/etc/hostname')",
    "select lo_import('/etc/hostname', 1)",
    "select pg_logical_emit_message(false, 'x', 'x')",
)
LOCKING = (
    "select pg_advisory_lock(1)",
    "select pg_advisory_lock(1, 1)",
    "select pg_advisory_xact_lock_shared(1)",
    "select pg_try_advisory_lock(1)",
    "select pg_try_advisory_xact_lock_shared(1, 1)",
)


@pytest.fixture(scope="module")
def made(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(postgres_server, tmp_path_factory.mktemp("bounds")) as one:
        yield one


@pytest.mark.parametrize("statement", [*FILLING, *LOCKING])
def test_a_reader_can_fill_neither_the_disk_nor_the_lock_table(made: Platform, statement: str) -> None:
    with made.login(READER) as conn, pytest.raises(DENIED):
        rows(conn, statement)


@pytest.mark.parametrize(
    "statement", ["set temp_file_limit = -1", "alter role retail_reader connection limit -1", "reset temp_file_limit"]
)
def test_a_reader_cannot_lift_its_bounds(made: Platform, statement: str) -> None:
    with made.login(READER) as conn, pytest.raises(DENIED), conn.cursor() as cursor:
        cursor.execute(statement)


def test_a_sort_that_does_not_fit_ends_before_the_disk_is_full(made: Platform) -> None:
    with closing(psycopg2.connect(made.url(READER))) as conn:
        assert rows(conn, "show temp_file_limit") == [("2GB",)]


def test_readers_leave_connections_for_the_steps(made: Platform) -> None:
    with ExitStack() as held:
        for _ in range(20):
            held.enter_context(connect(made.url(READER)))
        with pytest.raises(DatabaseError, match="too many connections for role"):
            held.enter_context(connect(made.url(READER)))
        with made.login(INGESTION) as conn:
            assert rows(conn, "select 1") == [(1,)]


def test_what_is_taken_from_the_public_our_steps_keep(made: Platform) -> None:
    for role in (INGESTION, TRANSFORMATION, WAREHOUSE):
        with made.login(role) as conn:
            assert rows(conn, "select pg_try_advisory_lock(1)") == [(True,)]


def test_the_doctor_finds_nothing_wrong_with_our_own_server(made: Platform) -> None:
    with made.login(WAREHOUSE) as conn:
        findings = list(examine_warehouse(conn))
    assert {one.state for one in findings} == {"ok"}, findings
    assert all(one.remedy == "" for one in findings)
    assert [one.found for one in findings if one.name == "schema"] == [f"at {MIGRATIONS[-1].stem}"]


def test_the_doctor_names_a_warehouse_that_is_behind_or_ahead_of_the_checkout(made: Platform) -> None:
    def schema() -> tuple[str, str]:
        (found,) = [one for one in examine_warehouse(conn) if one.name == "schema"]
        return found.state, found.found

    with made.login(WAREHOUSE) as conn:
        with conn.cursor() as cursor:
            cursor.execute("create temporary table kept as table meta.migration; truncate meta.migration")
            conn.commit()
            assert schema() == ("warn", f"at no migration yet: {MIGRATIONS[-1].stem} is pending")
            cursor.execute("insert into meta.migration table kept")
            cursor.execute(
                "insert into meta.migration (number, name, sha256) values (9999, '9999_later', repeat('0', 64))"
            )
            conn.commit()
            state, found = schema()
            assert (state, found.split(":")[0]) == ("fail", "a newer version has migrated this warehouse to 9999_later")
            cursor.execute("delete from meta.migration where number = 9999")
            conn.commit()
            assert schema() == ("ok", f"at {MIGRATIONS[-1].stem}")


# ---------------------------------------------------------------- a server that another one runs

# As a managed service: its customer's administrator is no superuser.
SERVICE = "create role customer login createrole createdb password {password}"
# What docs/configuration.md tells that administrator.
AS_CUSTOMER = [
    ROLES,
    "grant retail to customer",
    "create database retail owner retail",
    "grant connect, temporary on database retail to retail_ingestion, retail_transformation, retail_analyst",
    "grant connect on database retail to retail_reader",
    *(f"alter role {role} password {{password}}" for role in (WAREHOUSE, INGESTION, TRANSFORMATION, READER)),
]


def administer(url: str, statements: list[str]) -> None:
    with connect(url) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        for statement in statements:
            values = {"password": sql.Literal(PASSWORD)}
            cursor.execute(sql.SQL(statement).format(**values) if "{password}" in statement else statement)


def as_role(server: PostgresServer, role: str, database: str = WAREHOUSE) -> str:
    return server.url(database).replace("//postgres:", f"//{role}:")


@pytest.fixture(scope="module")
def managed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with running_server(tmp_path_factory.mktemp("managed")) as server:
        administer(server.url("postgres"), [SERVICE])
        administer(as_role(server, "customer", "postgres"), AS_CUSTOMER)
        administer(as_role(server, "customer"), [HARDENING])
        with connect(as_role(server, WAREHOUSE)) as conn:
            prepare_schema(conn)
        yield server


def test_an_hour_passes_up_to_silver_on_a_server_without_a_superuser(
    managed: PostgresServer, source: Source, tmp_path: Path
) -> None:
    settings = Settings(source_api_url=source.url, source_api_key="key-of-the-tests", retail_home=tmp_path)
    with connect(as_role(managed, READER)) as reader:
        reader.set_session(readonly=False)
        with reader.cursor() as cursor:
            cursor.execute("select pg_advisory_lock(hashtext('retail.bronze'), hashtext('sales'))")
        reader.commit()
        with connect(as_role(managed, INGESTION)) as conn:
            for collect in (collect_customers, collect_products, collect_sales):
                collect(conn, settings, run_id="hour")
            load_all_silver(conn, settings, run_id="hour")
            assert rows(conn, "select count(*) from silver.sales_customer") == [(source.data.last_sale_id(),)]


def test_the_doctor_names_what_that_server_does_not_allow(managed: PostgresServer) -> None:
    with connect(as_role(managed, WAREHOUSE)) as conn:
        found = {one.name: one for one in examine_warehouse(conn)}
    assert {name for name, one in found.items() if one.state == "warn"} == {
        "reader: disk", "reader: large objects", "reader: locks", "analyst: disk",
    }  # fmt: skip
    assert all(one.remedy for one in found.values() if one.state != "ok")
    assert found["reader: connections"].state == "ok"


def test_the_doctor_names_roles_that_are_missing_and_a_login_that_may_do_everything(
    tmp_path: Path,
) -> None:
    with running_server(tmp_path) as server, connect(server.url("postgres")) as conn:
        prepare_schema(conn)
        found = {one.name: one for one in examine_warehouse(conn)}
    assert found["roles"].state == "warn"
    assert "retail_ingestion" in found["roles"].found
    assert found["login"].state == "warn"
    assert "superuser" in found["login"].found


def test_the_doctor_names_a_login_that_does_not_own_the_warehouse(made: Platform) -> None:
    with made.login(INGESTION) as conn:
        found = {one.name: one for one in examine_warehouse(conn)}
    assert found["login"].state == "fail"
    assert "belongs to retail" in found["login"].found
