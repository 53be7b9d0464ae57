"""The steps of the pipeline under the role that each is given, and what becomes of warehouses older than the roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest
from psycopg2 import sql

from ingestion.reconciliation import reconcile_all
from ingestion.sales import collect_sales
from loaders.config import PROJECT_ROOT
from loaders.database import connect
from loaders.errors import DatabaseError, EntityLocked
from loaders.gold import check_all_gold
from loaders.load_all_silver import load_all_silver
from loaders.load_customers import load_customers
from loaders.rejects import list_rejects, retry_rejects
from loaders.retention import expire_bronze
from loaders.schema import prepare_schema
from loaders.state_store import locked
from loaders.statements import read_statements
from loaders.verify import verify_receipts
from stack.postgres_roles import INGESTION, READER, TRANSFORMATION, WAREHOUSE
from tests.conftest import NOON, serving
from tests.figures import expected_mart, mart
from tests.integration.test_silver import customer, load_lines
from tests.ledger_source import LedgerSource
from tests.postgres_server import PASSWORD, PostgresServer, running_server
from tests.queries import rows
from tests.roles import Platform, platform

DENIED = psycopg2.errors.InsufficientPrivilege
NARROW = (INGESTION, TRANSFORMATION, READER)
ROLES = (PROJECT_ROOT / "sql" / "roles.sql").read_text(encoding="utf-8")
CONTACT = ("first_name", "last_name", "email", "phone")
# Who may run each statement of the pipeline, besides the owner. Every one is tried by both roles.
ALLOWED = {
    "state_store": {
        INGESTION: """
            try_lock lock_holder unlock try_share unshare claim_entity advance_watermark open_load abandon_loads
            add_to_load close_load succeed_load fail_load log_failure add_receipt unloaded_files mark_loaded
            reject_record receipts
            add_gaps expire_gaps open_gaps gaps_checked close_gap add_gap_pieces sales_waiting
        """,
        TRANSFORMATION: """
            try_lock lock_holder unlock try_share unshare open_load log_failure unloaded_files receipts open_gaps
            sales_waiting gold_pending open_gold_test close_gold_test want_gold_rebuild gold_rebuild_wanted gold_rebuilt
            succeed_load
        """,
    },
    "backfill": {
        INGESTION: """
            has_ranges add_ranges open_ranges claim_range advance_range finish_range hold_watermark pass_finished
            forget_finished progress
        """,
        TRANSFORMATION: "has_ranges",
    },
    "reconciliation": {
        INGESTION: "bronze_counts silver_totals sales_of_silver",
        TRANSFORMATION: """
            span_to_check silver_totals bronze_counts gold_totals sales_of_silver set_aside add_reconciliation
            has_open_difference was_accepted looked_at_through sales_that_differ_in_gold
        """,
    },
    "rejects": {INGESTION: "", TRANSFORMATION: ""},
    "incidents": {
        INGESTION: "fold_failure close_incidents untold_incidents keep_untold hour_began",
        TRANSFORMATION: "hour_began",
    },
    "retention": {
        INGESTION: "expire_files files_to_remove file_removed files_only_in_silver",
        TRANSFORMATION: "files_to_remove files_only_in_silver",
    },
}


@pytest.fixture
def made(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Platform]:
    with platform(postgres_server, tmp_path) as one:
        yield one


class Nothing(dict[str, None]):
    """Null for every parameter: what a role may do does not depend on values."""

    def __missing__(self, _: str) -> None:
        return None


def test_each_role_may_run_its_own_statements_and_no_others(made: Platform) -> None:
    made.hour()
    for file, allowed in ALLOWED.items():
        for role, names in allowed.items():
            with made.login(role) as conn:
                found = {name for name, statement in read_statements(file).items() if _may(conn, statement)}
            assert found == set(names.split()), f"{file} as {role}"


def _may(conn: psycopg2.extensions.connection, statement: str) -> bool:
    """Whether it would run: a plan checks the rights, and changes nothing."""
    try:
        with conn.cursor() as cursor:
            cursor.execute(f"explain {statement}", Nothing())
    except DENIED:
        return False
    finally:
        conn.rollback()
    return True


def test_hours_and_nights_pass_under_the_narrow_roles(made: Platform) -> None:
    for hours in range(2):
        made.source.set_clock(NOON + timedelta(hours=hours))
        assert "all layers agree" in made.hour()
    with made.login(INGESTION) as conn:
        verify_receipts(conn, made.settings, run_id="night")
        expire_bronze(conn, made.settings.model_copy(update={"bronze_retention_days": 1}), run_id="night")
    with made.login(TRANSFORMATION) as conn:
        assert "all layers agree" in reconcile_all(conn, made.settings, run_id="night").summary()
        check_all_gold(conn, made.settings, run_id="night")
        assert mart(conn) == expected_mart(made.source)


def test_late_sales_and_refused_records_pass_under_the_ingestion_role(made: Platform) -> None:
    ledger = LedgerSource()
    with serving(ledger.app) as url, made.login(INGESTION) as conn:
        settings = made.settings.model_copy(update={"source_api_url": url})
        ledger.commit_all([*range(1, 100), 105])
        collect_sales(conn, settings, run_id="r1")
        ledger.commit(102)
        collect_sales(conn, settings, run_id="r2")
        load_all_silver(conn, settings, run_id="r2")
        gaps = "select from_id, to_id, status from meta.sales_gap order by 1"
        assert rows(conn, gaps) == [(100, 101, "OPEN"), (102, 102, "FILLED"), (103, 104, "OPEN")]
        expired = settings.model_copy(update={"sales_gap_ttl_hours": 1e-9})
        collect_sales(conn, expired, run_id="r3")
        assert rows(conn, "select distinct status from meta.sales_gap order by 1") == [("EXPIRED",), ("FILLED",)]


def test_what_ingestion_sets_aside_the_owner_tries_again(made: Platform) -> None:
    with made.login(INGESTION) as conn:
        load_lines(conn, made.settings, customer(), customer(customer_id="x"))
        with pytest.raises(DatabaseError, match="permission denied"):
            list_rejects(conn)
    with made.login(WAREHOUSE) as conn:
        assert retry_rejects(conn, list_rejects(conn), run_id="by hand").summary() == "0 loaded, 1 still refused"


def test_who_holds_a_lock_is_named_to_another_role(made: Platform) -> None:
    named = r"worked on by another run: pid \d+ \(rebuild\)"
    with connect(made.url(WAREHOUSE), application_name="rebuild") as owner, made.login(INGESTION) as conn:
        with locked(owner, "silver", "customers"), pytest.raises(EntityLocked, match=named):
            load_customers(conn, made.settings, run_id="r")


# ---------------------------------------------------------------- contact data


@pytest.mark.parametrize("table", ["silver.customers", "gold.dim_customer"])
def test_contact_data_is_out_of_the_readers_sight(made: Platform, table: str) -> None:
    made.hour()
    with made.login(READER) as conn:
        assert rows(conn, f"select customer_id, city, segment from {table} where city <> ''")
        for hidden in (*CONTACT, "*", f"({table.split('.')[1]}).email"):
            with pytest.raises(DENIED):
                rows(conn, f"select {hidden} from {table}")
            conn.rollback()


def test_why_a_record_was_refused_can_be_read_but_not_the_record(made: Platform) -> None:
    with made.login(READER) as conn:
        rows(conn, "select dataset, reason, field, status from meta.rejected_record")
        with pytest.raises(DENIED):
            rows(conn, "select raw from meta.rejected_record")


def test_the_reader_keeps_its_sight_while_a_table_is_swapped_and_behind_it(made: Platform) -> None:
    made.hour()
    with made.login(READER) as reader:
        before = rows(reader, "select count(*) from gold.dim_customer")
        with made.login(TRANSFORMATION) as conn, conn, conn.cursor() as cursor:
            cursor.execute("create table gold.swapped (like gold.dim_customer)")
            cursor.execute("insert into gold.swapped select * from gold.dim_customer")
            reader.set_session(autocommit=True)
            assert rows(reader, "select count(*) from gold.dim_customer") == before
            cursor.execute("drop table gold.dim_customer")
            cursor.execute("alter table gold.swapped rename to dim_customer")
            cursor.execute("select meta.close_gold('dim_customer', 0)")
        assert rows(reader, "select count(customer_id) from gold.dim_customer") == before
        with pytest.raises(DENIED):
            rows(reader, "select email from gold.dim_customer")


# ---------------------------------------------------------------- warehouses older than the roles


OLDER = [
    "create role somebody login password {password}",
    "create database older owner somebody",
]
# What docs/configuration.md tells the administrator of a server of one's own.
ADMITTED = ["grant retail_transformation to somebody", *(f"alter role {role} password {{password}}" for role in NARROW)]


@pytest.fixture
def older(tmp_path: Path) -> Iterator[PostgresServer]:
    """A server of one's own, on which nobody has heard of our roles, and a warehouse with a table in Gold."""
    with running_server(tmp_path) as server:
        administer(server, OLDER)
        with connect(owner_of(server)) as conn:
            prepare_schema(conn)
            with conn, conn.cursor() as cursor:
                cursor.execute("create table gold.dim_customer (like silver.customers)")
                cursor.execute("select meta.close_gold('dim_customer', 0), meta.hand_to_transformation('dim_customer')")
            prepare_schema(conn)
        yield server


def administer(server: PostgresServer, statements: list[str]) -> None:
    with connect(server.url("postgres")) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        for statement in statements:
            cursor.execute(sql.SQL(statement).format(password=sql.Literal(PASSWORD)))


def owner_of(server: PostgresServer) -> str:
    return server.url("older").replace("//postgres:", "//somebody:")


def test_one_login_is_enough_where_the_roles_do_not_exist(older: PostgresServer) -> None:
    with connect(owner_of(older)) as conn:
        assert rows(conn, "select tableowner from pg_tables where schemaname = 'gold'") == [("somebody",)]
        assert rows(conn, "select count(*) from pg_roles where rolname ~ '^retail'") == [(0,)]
        rows(conn, "select email from gold.dim_customer")


def test_an_owner_who_may_not_hand_over_keeps_gold(older: PostgresServer) -> None:
    administer(older, [ROLES])
    with connect(owner_of(older)) as conn:
        prepare_schema(conn)
        assert rows(conn, "select tableowner from pg_tables where schemaname = 'gold'") == [("somebody",)]


def test_tables_built_before_the_roles_are_carried_over(older: PostgresServer) -> None:
    administer(older, [ROLES, *ADMITTED])
    with connect(owner_of(older)) as conn:
        for _ in range(2):
            prepare_schema(conn)
            assert rows(conn, "select tableowner from pg_tables where schemaname = 'gold'") == [(TRANSFORMATION,)]
        rows(conn, "select email from gold.dim_customer")
    with connect(older.url("older").replace("//postgres:", f"//{TRANSFORMATION}:")) as conn, conn.cursor() as cursor:
        cursor.execute("create temporary table mine (n int); drop table gold.dim_customer")
    with connect(older.url("older").replace("//postgres:", f"//{READER}:")) as conn:
        rows(conn, "select city from gold.dim_customer")
        with pytest.raises(DENIED):
            rows(conn, "select email from gold.dim_customer")
