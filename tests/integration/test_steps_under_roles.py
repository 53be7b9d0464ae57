"""The steps of the pipeline under the role that each is given, and what becomes of warehouses older than the roles."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest
from psycopg2 import sql

from gold.build import check_all_gold
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from loaders.load_customers import load_customers
from loaders.rejects import list_rejects, retry_rejects
from medallion.bronze.retention import expire_bronze
from medallion.bronze.verify import verify_receipts
from medallion.database import connect
from medallion.entities.registry import LISTINGS
from medallion.errors import DatabaseError, EntityLocked, MigrationRefused
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from medallion.state.locks import locked, table_lock
from medallion.state.reconciliation import _names_of
from medallion.statements import read_statements
from quality.reconcile import reconcile_all
from stack.services.postgres.roles import INGESTION, READER, TRANSFORMATION, WAREHOUSE
from tests.conftest import NOON, serving
from tests.figures import expected_mart, mart
from tests.former_versions import BEFORE_8
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
    "medallion/state/watermarks": {INGESTION: "claim_entity advance_watermark", TRANSFORMATION: ""},
    "medallion/state/loads": {
        INGESTION: """
            open_load abandon_loads add_to_load close_load succeed_load fail_load log_failure log_unlogged
        """,
        TRANSFORMATION: "open_load log_failure log_unlogged succeed_load",
    },
    "medallion/state/receipts": {
        INGESTION: """
            add_receipt unloaded_files mark_loaded receipts files_waiting files_without_versions mark_versions_kept
            has_landed
        """,
        TRANSFORMATION: "unloaded_files receipts files_waiting files_without_versions has_landed",
    },
    "medallion/state/quarantine": {INGESTION: "reject_record", TRANSFORMATION: ""},
    "medallion/state/gold_progress": {
        INGESTION: "want_gold_rebuild gold_rebuild_wanted",
        TRANSFORMATION: """
            gold_pending open_gold_test close_gold_test want_gold_rebuild gold_rebuild_wanted
            gold_rebuild_token mark_gold_core_rebuilt mark_gold_rebuilt mark_core_tested is_core_tested
        """,
    },
    "medallion/state/gaps": {
        INGESTION: """
            open_gaps gaps_to_ask gaps_between add_gaps withdraw set_known close_gap add_gap_pieces mark_gaps_checked
            forget_gaps expiring_gaps expire_gaps
        """,
        TRANSFORMATION: "open_gaps gaps_to_ask gaps_between expiring_gaps",
    },
    "medallion/state/pull": {
        INGESTION: """
            clock lookback_pages forget_lookback keep_lookback_page known_unreadable note_unreadable source_id
            note_source sample forget_sample keep_sample accept_source is_accepted end_acceptance
            open_replay begin_replay advance_replay finish_replay
        """,
        TRANSFORMATION: "clock",
    },
    "medallion/state/backfill_ranges": {
        INGESTION: """
            has_ranges add_ranges open_ranges claim_range advance_range finish_range hold_watermark pass_finished
            forget_finished progress stalled_ranges
        """,
        TRANSFORMATION: "has_ranges",
    },
    "medallion/state/reconciliation": {
        INGESTION: "bronze_counts in_open_gaps cursors_before totals_of_listing records_of_listing",
        TRANSFORMATION: """
            span_to_check silver_totals bronze_counts gold_totals sales_of_silver in_quarantine in_open_gaps
            state_of_listing totals_of_listing records_of_listing cursors_before add_reconciliation
            has_open_difference looked_at_through has_unchecked_changes sales_that_differ_in_gold
        """,
    },
    "medallion/state/accepted_differences": {INGESTION: "", TRANSFORMATION: "accepted_figures"},
    "medallion/state/repairs": {
        INGESTION: "take_sales_customer take_sales_product superseded_sales",
        TRANSFORMATION: "",
    },
    "loaders/rejects": {INGESTION: "now sales_watermark", TRANSFORMATION: "now sales_watermark"},
    "loaders/quarantine": {INGESTION: "open_between accepted_lines settle_superseded", TRANSFORMATION: ""},
    "medallion/alerting/incidents": {
        INGESTION: "fold_failure close_incidents hour_began",
        TRANSFORMATION: "hour_began",
    },
    "medallion/alerting/messages": {
        INGESTION: """
            message_of_cause join_message hold_messages close_messages claim_messages message_incident message_taken
            release_message
        """,
        TRANSFORMATION: "",
    },
    "medallion/bronze/retention": {
        INGESTION: "expire_files files_to_remove file_removed files_only_in_silver",
        TRANSFORMATION: "files_to_remove files_only_in_silver",
    },
}


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        yield one


class Nothing(dict[str, None]):
    """Null for every parameter: what a role may do does not depend on values."""

    def __missing__(self, _: str) -> None:
        return None


@pytest.mark.slow
def test_each_role_may_run_its_own_statements_and_no_others(made: Platform) -> None:
    made.hour()
    for file, allowed in ALLOWED.items():
        for role, names in allowed.items():
            with made.login(role) as conn:
                found = {
                    name
                    for name, statement in read_statements(str(PROJECT_ROOT / file)).items()
                    if all(_may(conn, one) for one in _as_sent(statement))
                }
            assert found == set(names.split()), f"{file} as {role}"


def _as_sent(statement: str) -> list[sql.Composable]:
    """The statement; one that leaves its table open for each listing that it is sent for."""
    if "{table}" not in statement:
        return [sql.SQL(statement)]
    assert len(LISTINGS) > 1
    return [sql.SQL(statement).format(**_names_of(name)) for name in LISTINGS]


def _may(conn: psycopg2.extensions.connection, statement: sql.Composable) -> bool:
    """Whether it would run: a plan checks the rights, and changes nothing."""
    try:
        with conn.cursor() as cursor:
            cursor.execute(sql.SQL("explain ") + statement, Nothing())
    except DENIED:
        return False
    finally:
        conn.rollback()
    return True


@pytest.mark.slow
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
        with locked(owner, table_lock("customers")), pytest.raises(EntityLocked, match=named):
            load_customers(conn, made.settings, run_id="r")


# ---------------------------------------------------------------- contact data


@pytest.mark.slow
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


@pytest.mark.slow
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
        assert rows(conn, "select distinct tableowner from pg_tables where schemaname = 'gold'") == [("somebody",)]
        assert rows(conn, "select count(*) from pg_roles where rolname ~ '^retail'") == [(0,)]
        rows(conn, "select email from gold.dim_customer")


def test_an_owner_who_may_not_hand_over_keeps_gold(older: PostgresServer) -> None:
    administer(older, [ROLES])
    with connect(owner_of(older)) as conn:
        prepare_schema(conn)
        assert rows(conn, "select distinct tableowner from pg_tables where schemaname = 'gold'") == [("somebody",)]


def test_an_owner_who_may_not_hand_over_lets_the_hourly_role_use_the_change_log(older: PostgresServer) -> None:
    may = "select has_table_privilege('retail_transformation', 'gold.sales_item_change', %s)"
    administer(older, [ROLES])
    with connect(owner_of(older)) as conn:
        prepare_schema(conn)
        found = {right: rows(conn, may.replace("%s", f"'{right}'")) for right in ("select", "insert", "delete")}
    assert found == {right: [(True,)] for right in found}


def test_an_upgrade_by_an_owner_who_may_not_change_the_fact_changes_nothing(older: PostgresServer) -> None:
    """Noted as applied, it would leave a fact that dbt refuses every hour."""
    with connect(older.url("older")) as theirs, theirs, theirs.cursor() as cursor:
        cursor.execute("create table gold.sales_item (_prior_customer_key uuid, _prior_sold_date date)")
        cursor.execute(BEFORE_8)
    with connect(owner_of(older)) as conn:
        with pytest.raises(MigrationRefused, match=r"somebody may not change gold\.sales_item: grant it the role"):
            prepare_schema(conn, even_if_unchanged=True)
        assert rows(conn, "select max(number) from meta.migration") == [(7,)]
        assert rows(conn, "select to_regclass('gold.sales_item_change')") == [(None,)]


@pytest.mark.parametrize("roles", [[], [ROLES, *ADMITTED]], ids=["one login", "all roles"])
def test_an_owner_goes_on_where_a_superuser_has_applied_the_schema(older: PostgresServer, roles: list[str]) -> None:
    """What makes a value of the constraints' type is the superuser's, who once took it from everybody."""
    administer(older, roles)
    with connect(older.url("older")) as superuser, superuser.cursor() as cursor:
        cursor.execute("revoke all on all functions in schema meta from public")
        superuser.commit()
        prepare_schema(superuser, even_if_unchanged=True)
    with connect(owner_of(older)) as conn:
        prepare_schema(conn, even_if_unchanged=True)
        with conn, conn.cursor() as cursor:
            cursor.execute("insert into meta.gap (entity, from_id, to_id) values ('sales', 1, 2)")
        others = "select has_function_privilege('public', 'meta.take_lock(text, text, boolean)', 'execute')"
        assert rows(conn, others) == [(False,)]


def test_tables_built_before_the_roles_are_carried_over(older: PostgresServer) -> None:
    administer(older, [ROLES, *ADMITTED])
    with connect(owner_of(older)) as conn:
        for _ in range(2):
            prepare_schema(conn)
            assert rows(conn, "select distinct tableowner from pg_tables where schemaname = 'gold'") == [
                (TRANSFORMATION,)
            ]
        rows(conn, "select email from gold.dim_customer")
    with connect(older.url("older").replace("//postgres:", f"//{TRANSFORMATION}:")) as conn, conn.cursor() as cursor:
        cursor.execute("create temporary table mine (n int); drop table gold.dim_customer")
    with connect(older.url("older").replace("//postgres:", f"//{READER}:")) as conn:
        rows(conn, "select city from gold.dim_customer")
        with pytest.raises(DENIED):
            rows(conn, "select email from gold.dim_customer")
