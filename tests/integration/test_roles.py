"""Who may do what: every role logs in for real and tries every verb on every object of every schema.

The tables below are the expectation, and the whole of it: what is not in them is refused, and an object that is
missing from them fails the test. A capital letter means all columns, a small one some of them; which, PARTIAL says.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg2
import psycopg2.errors as refused
import pytest
from psycopg2.extensions import connection
from pydantic import SecretStr
from rich.console import Console

from gold.dictionary import gold_tables, short_type, silver_tables
from medallion.database import connect
from medallion.errors import DatabaseError
from medallion.schema import prepare_schema
from quality.rebuild import rebuild_in_place
from stack.commands.export import export
from stack.commands.report import make_report
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.postgres.roles import ANALYST, DATABASE_OF, READER, WAREHOUSE
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.roles import Platform, platform

# C connect, T temporary tables, N new schemas
DATABASES = """
                             retail  ingestion  transformation  reader  analyst  airflow
retail                       CTN     CT         CT              C       CT       -
airflow                      -       -          -               -       -        CTN
postgres                     -       -          -               -       -        -
template1                    -       -          -               -       -        -
"""
# U usage, C create
SCHEMAS = """
                             retail  ingestion  transformation  reader  analyst
meta                         UC      U          U               U       U
silver                       UC      U          U               U       U
gold                         UC      -          UC              U       U
operational                  UC      -          -               U       U
mrr                          UC      -          -               U       U
stg                          UC      -          -               U       U
dwh                          UC      -          U               U       U
analyst                      UC      -          -               U       UC
public                       UC      -          -               -       -
extensions                   UC      -          -               -       -
"""
# S select, I insert, U update, D delete, T truncate, O what only an owner may (drop, alter). The reader's column is
# also that of retail_analyst.
RELATIONS = """
                             retail  ingestion  transformation  reader
meta.accepted_difference     SIUDTO  -          S               S
meta.anomaly_verdict         SIUDTO  -          -               S
meta.applied_schema          SIUDTO  -          -               S
meta.backfill_range          SIUDTO  SiuD       -               S
meta.bronze_file             SIUDTO  SIu        S               S
meta.dataset                 SIUDTO  -          S               S
meta.delivery                SIUDTO  SIu        S               S
meta.entity                  SIUDTO  -          -               S
meta.gap                     SIUDTO  SIuD       S               S
meta.gold_rebuild            SIUDTO  siu        SiuD            S
meta.gold_result             SIUDTO  S          SID             S
meta.gold_state              SIUDTO  -          SIU             S
meta.holiday                 SIUDTO  -          SID             S
meta.incident                SIUDTO  Siu        S               S
meta.incident_message        SIUDTO  Siu        -               S
meta.inbox_file              SIUDTO  SIuD       -               S
meta.ingestion_state         SIUDTO  Su         S               S
meta.kpi_judgement           SIUDTO  -          SIU             S
meta.lookback_page           SIUDTO  SID        -               S
meta.load                    SIUDTO  Siu        Siu             S
meta.lock                    SIUDTO  SIu        SIu             S
meta.lock_holder             SIUDTO  SID        SID             S
meta.migration               SIUDTO  -          -               S
meta.new_field               SIUDTO  SI         -               S
meta.nightly_build           SIUDTO  -          SIu             S
meta.reconciliation          SIUDTO  -          SI              S
meta.rejected_record         SIUDTO  siu        s               s
meta.replay                  SIUDTO  Siu        -               S
meta.sale_repair             SIUDTO  Su         -               S
meta.sales_backfill          SIUDO   S          -               S
meta.sales_gap               SIUDO   S          S               S
meta.second_opinion          SIUDTO  -          SIU             S
meta.source_identity         SIUDTO  SIu        -               S
meta.source_sample           SIUDTO  SID        -               s
meta.unreadable_record       SIUDTO  SI         -               S
meta.vw_anomaly_verdicts     SO      -          S               S
meta.vw_open_anomalies       SO      S          -               S
meta.vw_etl_performance_summary  SO  -          -               S
meta.vw_gold_pending         SiuDO   -          S               S
meta.vw_history_start        SO      -          -               S
meta.vw_lock_holder          SO      S          S               S
meta.vw_open_differences     SIUDO   -          S               S
meta.vw_recent_etl_runs      SO      -          -               S
silver.customers             SIUDTO  SIU        S               s
silver.customers_version     SIUDTO  SI         S               s
silver.op_stats              SIUDTO  SIUD       S               S
silver.op_stats_version      SIUDTO  SI         S               S
silver.post_deduction        SIUDTO  SIUD       S               S
silver.post_deduction_version  SIUDTO  SI       S               S
silver.pre_deduction         SIUDTO  SIUD       S               S
silver.pre_deduction_version  SIUDTO  SI        S               S
silver.products              SIUDTO  SIU        S               S
silver.products_version      SIUDTO  SI         S               S
silver.sales_customer        SIUDTO  SIUD       S               S
silver.sales_product         SIUDTO  SIUD       S               S
silver.stores                SIUDTO  SIU        S               S
silver.stores_version        SIUDTO  SI         S               S
silver.top_up                SIUDTO  SIUD       S               S
silver.top_up_version        SIUDTO  SI         S               S
gold.dashboard_anomalies      SO      -          O               S
gold.dashboard_anomaly_days   SO      -          SO              S
gold.dashboard_categories     SO      -          O               S
gold.dashboard_customers      SO      -          O               S
gold.dashboard_forecast       SO      -          O               S
gold.dashboard_freshness      SO      -          O               S
gold.dashboard_incidents      SO      -          SO              S
gold.dashboard_judgement      SO      -          SO              S
gold.dashboard_loads          SO      -          SO              S
gold.dashboard_products       SO      -          O               S
gold.dashboard_quarantine     SO      -          O               S
gold.dashboard_reconciliation SO      -          SO              S
gold.dashboard_sales          SO      -          O               S
gold.dim_channels            SIUDTO  -          SIUDTO          S
gold.dim_customer            SIUDTO  -          SIUDTO          s
gold.dim_customer_history    SIUDTO  -          SIUDTO          s
gold.dim_customer_history_change  SIUDTO  -     SIUDTO          S
gold.dim_date                SIUDTO  -          SIUDTO          S
gold.dim_holiday             SIUDTO  -          SIUDTO          S
gold.dim_location            SIUDTO  -          SIUDTO          S
gold.dim_product             SIUDTO  -          SIUDTO          S
gold.dim_product_history     SIUDTO  -          SIUDTO          S
gold.dim_product_history_change  SIUDTO  -      SIUDTO          S
gold.dim_store               SIUDTO  -          SIUDTO          S
gold.dim_store_history       SIUDTO  -          SIUDTO          S
gold.dim_store_history_change  SIUDTO  -      SIUDTO          S
gold.dim_users               SIUDTO  -          SIUDTO          S
gold.fct_customer_behavior   SIUDTO  -          SIUDTO          S
gold.fct_topup               SIUDTO  -          SIUDTO          S
gold.fct_user_activity       SIUDTO  -          SIUDTO          S
gold.kpi_anomaly             SIUDTO  -          SIUDTO          S
gold.kpi_second_opinion      SIUDTO  -          SIUDTO          S
gold.lifetime_value_backtest  SIUDTO  -          SIUDTO          S
gold.lifetime_value_totals  SIUDTO  -          SIUDTO          S
gold.mart_basket_pairs       SIUDTO  -          SIUDTO          S
gold.mart_channel_effectiveness  SIUDTO  -      SIUDTO          S
gold.mart_customer_cohort_sales  SIUDTO  -          SIUDTO          S
gold.mart_customer_cohorts   SIUDTO  -          SIUDTO          S
gold.mart_customer_lifetime_value  SIUDTO  -          SIUDTO          S
gold.mart_customer_rfm       SIUDTO  -          SIUDTO          S
gold.mart_daily_kpis         SIUDTO  -          SIUDTO          S
gold.mart_deductions         SIUDTO  -          SIUDTO          S
gold.mart_level_changes      SIUDTO  -          SIUDTO          S
gold.mart_membership_retention  SIUDTO  -       SIUDTO          S
gold.mart_sales_by_category  SIUDTO  -          SIUDTO          S
gold.mart_sales_by_customer  SIUDTO  -          SIUDTO          S
gold.mart_sales_by_hour      SIUDTO  -          SIUDTO          S
gold.mart_sales_by_product   SIUDTO  -          SIUDTO          S
gold.mart_sales_by_store     SIUDTO  -          SIUDTO          S
gold.mart_topup_funnel       SIUDTO  -          SIUDTO          S
gold.mart_revenue_forecast   SIUDTO  -          SIUDTO          S
gold.revenue_forecast_backtest  SIUDTO  -       SIUDTO          S
gold.revenue_forecast_days   SIUDTO  -          SIUDTO          S
gold.revenue_forecast_origins  SIUDTO  -        SIUDTO          S
gold.revenue_forecast_totals  SIUDTO  -         SIUDTO          S
gold.rfm_cut_points          SIUDTO  -          SIUDTO          S
gold.rfm_segments            SIUDTO  -          SIUDTO          S
gold.sales_item              SIUDTO  -          SIUDTO          S
gold.sales_item_change       SIUDTO  -          SIUDTO          S
dwh.dwh_dim_customers        SO      -          -               S
dwh.dwh_dim_date             SO      -          -               S
dwh.dwh_dim_products         SO      -          -               S
dwh.dwh_dim_stores           SO      -          -               S
dwh.dwh_fact_sales           SO      -          -               S
dwh.etl_logs                 SO      -          -               S
dwh.high_water_mark          SO      -          -               S
dwh.vw_etl_performance_summary SO      -          -               S
dwh.vw_recent_etl_runs       SO      -          -               S
mrr.mrr_dim_customers        SO      -          -               S
mrr.mrr_dim_products         SO      -          -               S
mrr.mrr_dim_stores           SO      -          -               S
mrr.mrr_fact_sales           SO      -          -               S
operational.customers        SO      -          -               S
operational.products         SO      -          -               S
operational.sales            SO      -          -               S
operational.stores           SO      -          -               S
stg.stg_dim_customers        SO      -          -               S
stg.stg_dim_products         SO      -          -               S
stg.stg_dim_stores           SO      -          -               S
stg.stg_fact_sales           SO      -          -               S
"""
# X execute. Those of the type meta.text_range belong to the server's superuser and make a value: everybody may.
FUNCTIONS = """
                             retail  ingestion  transformation  reader
customers_checksum           X       X          X               -
op_stats_checksum            X       X          X               -
post_deduction_checksum      X       X          X               -
pre_deduction_checksum       X       X          X               -
products_checksum            X       X          X               -
sales_customer_checksum      X       -          X               -
sales_product_checksum       X       -          X               -
stores_checksum              X       X          X               -
moment_text                  X       X          X               -
text_checksum                X       X          X               -
top_up_checksum              X       X          X               -
text_multirange              X       X          X               X
text_range                   X       X          X               X
business_date                X       -          X               -
close_gold                   X       -          X               -
gold_load_id                 X       -          X               -
give_lock_back               X       X          X               -
grant_reader                 X       -          X               -
hand_to_transformation       X       -          X               -
hold_lock_row                X       X          X               -
last_load_id                 X       -          X               X
open_gold                    X       -          X               -
open_nightly                 X       -          X               -
prune_changes                X       -          X               -
record_audit                 X       -          X               -
summarize_block_ranges       X       -          X               -
take_lock                    X       X          X               -
taken                        X       -          X               -
through                      X       -          X               -
"""
LOG = "run_id layer dataset status ended_at error_message error_type remedy exit_code"
COUNTS = "rows_read rows_inserted rows_updated rows_unchanged rows_superseded rows_rejected"
CONTACT = "all but first_name last_name email phone"
PARTIAL = {
    "retail meta.vw_gold_pending i": "model source_table taken_load_id",
    "retail meta.vw_gold_pending u": "model source_table taken_load_id",
    "retail_ingestion meta.bronze_file u": "silver_load_id has_versions expired_at removed_at",
    "retail_ingestion meta.inbox_file u": "sha256 seen_at",
    "retail_ingestion meta.delivery u": (
        "status reason remedy superseded_by load_id checked_at returned_sha256 returned_at"
    ),
    "retail_ingestion meta.sale_repair u": "header_load_id lines_load_id",
    "retail_ingestion meta.incident i": "dag_id task_id entity run_id try_number load_id cause remedy",
    "retail_ingestion meta.incident u": (
        "status last_seen_at closed_at times run_id try_number load_id cause remedy message_id"
    ),
    "retail_ingestion meta.incident_message i": "dag_id run_id cause_key pending_channels",
    "retail_ingestion meta.incident_message u": "dag_id status closed_at pending_channels sender claimed_at",
    "retail_ingestion meta.ingestion_state u": "cursor_value epoch load_id updated_at",
    "retail_ingestion meta.load i": LOG,
    "retail_ingestion meta.load u": f"status ended_at {COUNTS} bytes error_message error_type remedy exit_code",
    "retail_ingestion meta.rejected_record s": (
        "rejected_record_id dataset path line_no reason field raw status record_key sale_id accepted_at"
    ),
    "retail_ingestion meta.rejected_record i": "dataset path line_no reason field raw record_key sale_id",
    "retail_ingestion meta.rejected_record u": "reason field status resolved_load_id",
    "retail_ingestion meta.backfill_range i": "entity from_id to_id",
    "retail_ingestion meta.backfill_range u": "cursor_value epoch load_id cursor_taken finished_at advanced_at",
    "retail_ingestion meta.replay i": "entity first_load_id cursor_end",
    "retail_ingestion meta.replay u": "cursor_value finished_at",
    "retail_ingestion meta.gap u": "status first_seen_at last_checked_at known known_ids",
    "retail_ingestion meta.source_identity u": "source_id is_accepted noted_at",
    "retail_reader meta.source_sample s": "all but content",
    "retail_ingestion meta.gold_rebuild s": "is_wanted",
    "retail_ingestion meta.gold_rebuild i": "is_wanted requested_at token",
    "retail_ingestion meta.gold_rebuild u": "requested_at token",
    "retail_transformation meta.gold_rebuild i": "is_wanted requested_at token",
    "retail_transformation meta.gold_rebuild u": "requested_at token core_token",
    "retail_ingestion meta.lock u": "name",
    "retail_transformation meta.lock u": "name",
    "retail_transformation meta.load i": LOG,
    "retail_transformation meta.load u": "status ended_at rows_read rows_inserted rows_updated",
    "retail_transformation meta.nightly_build u": "business_date load_id",
    "retail_transformation meta.rejected_record s": "dataset raw status first_seen_at record_key sale_id",
    "retail_reader meta.rejected_record s": "all but raw",
    "retail_reader silver.customers s": CONTACT,
    "retail_reader silver.customers_version s": f"{CONTACT} row_checksum",
    "retail_reader gold.dim_customer s": CONTACT,
    "retail_reader gold.dim_customer_history s": CONTACT,
}
CALLS = {
    "business_date": "'none'",
    "close_gold": "'none', 0",
    "gold_load_id": "'none'",
    "give_lock_back": "0",
    "customers_checksum": "null",
    "grant_reader": "'gold', 'none'",
    "hand_to_transformation": "'none'",
    "hold_lock_row": "'none', 'none'",
    "last_load_id": "'silver.customers'",
    "moment_text": "now()",
    "op_stats_checksum": "null",
    "post_deduction_checksum": "null",
    "pre_deduction_checksum": "null",
    "products_checksum": "null",
    "sales_customer_checksum": "null",
    "sales_product_checksum": "null",
    "stores_checksum": "null",
    "text_checksum": "'none'",
    "top_up_checksum": "null",
    "text_multirange": "",
    "text_range": "'none', 'none', '[]'",
    "open_gold": "'none', '{}', '{}', false, 'run'",
    "open_nightly": "'none', null, 'run'",
    "prune_changes": "'none'",
    "record_audit": "'run', 'none', 'none', 'warn', 0, 0, 0, null",
    "summarize_block_ranges": "'none'",
    "take_lock": "'none', 'none', false",
    "taken": "'none', 'none'",
    "through": "'none', 'none'",
}
COLUMN_VERBS = {
    "s": "select {columns} from {table} limit 0",
    "i": "insert into {table} ({columns}) values ({defaults})",
    "u": "update {table} set {assignments} where false",
}
TABLE_VERBS = {"D": "delete from {table} where false", "T": "truncate {table}", "O": "drop {kind} {table}"}

# Errors that a statement meets behind the check of rights: it was allowed.
BEHIND = (
    refused.IntegrityError,
    refused.DependentObjectsStillExist,
    refused.UndefinedTable,
)
# What cannot be done to a view or to a column of it, whoever asks.
IMPOSSIBLE = (refused.ObjectNotInPrerequisiteState, refused.WrongObjectType, refused.FeatureNotSupported)


def expected(table: str, role: str) -> dict[str, str]:
    """A role's column of one of the tables; the analyst has the reader's where there is none."""
    header, *lines = (line.split() for line in table.strip().splitlines())
    name = role.removeprefix("retail_")
    column = header.index("reader" if name == "analyst" and name not in header else name) + 1
    return {line[0]: line[column].removeprefix("-") for line in lines}


def may(conn: connection, statement: str) -> bool:
    """Try it, and undo it."""
    try:
        with conn.cursor() as cursor:
            cursor.execute(statement)
    except BEHIND:
        return True
    except (refused.InsufficientPrivilege, *IMPOSSIBLE) as error:
        return "referenced in a foreign key" in str(error)  # truncate, behind the check of rights
    finally:
        conn.rollback()
    return True


def may_with(conn: connection, verb: str, table: str, columns: list[str]) -> bool:
    words = {
        "columns": ", ".join(columns),
        "defaults": ", ".join("default" for _ in columns),
        "assignments": ", ".join(f"{column} = default" for column in columns),
    }
    return may(conn, COLUMN_VERBS[verb].format(table=table, **words))


def rights_on(conn: connection, table: str, kind: str, columns: list[str], partial: dict[str, str]) -> str:
    """Letters of what the role may do; which columns, where it is some of them, goes into `partial`."""
    letters = ""
    for verb in COLUMN_VERBS:
        if kind == "table" and may_with(conn, verb, table, columns):
            letters += verb.upper()
            continue
        some = [column for column in columns if may_with(conn, verb, table, [column])]
        if some:
            letters += verb.upper() if some == columns else verb
        if some and some != columns:
            partial[f"{conn.info.user} {table} {verb}"] = " ".join(some)
    return letters + "".join(
        verb for verb, statement in TABLE_VERBS.items() if may(conn, statement.format(table=table, kind=kind))
    )


def relations(platform: Platform) -> dict[str, tuple[str, list[str]]]:
    """Every table and view outside of the system's schemas: kind and columns."""
    query = """
        select relnamespace::regnamespace || '.' || relname,
            case relkind when 'v' then 'view' else 'table' end,
            array_agg(attname::text order by attnum)
        from pg_class inner join pg_attribute on attrelid = pg_class.oid
        where relkind in ('r', 'p', 'v', 'm', 'f') and attnum > 0 and not attisdropped
        and relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema', 'pg_toast')
        group by 1, 2 order by 1
    """
    with connect(platform.server.url(WAREHOUSE)) as conn:
        return {name: (kind, columns) for name, kind, columns in rows(conn, query)}


SURFACE = ", ".join(f"'{name}'::regnamespace" for name in ("operational", "mrr", "stg", "dwh"))
STAGES = ["built", "swapped by a full refresh", "rebuilt by the owner"]
ROLES = [role for role, database in DATABASE_OF.items() if database == WAREHOUSE]


@pytest.fixture(scope="module")
def shared(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(postgres_server, tmp_path_factory.mktemp("roles")) as made:
        yield made


@pytest.fixture(scope="module", params=[STAGES[0], *(pytest.param(one, marks=pytest.mark.slow) for one in STAGES[1:])])
def built(shared: Platform, request: pytest.FixtureRequest) -> Platform:
    """A warehouse with an hour in it, built by its steps under their roles; the stages follow each other."""
    if request.param == STAGES[2]:
        with shared.login(WAREHOUSE) as conn:
            rebuild_in_place(conn, shared.settings, run_id="by hand")
    else:
        shared.hour(full_refresh=request.param == STAGES[1])
        shared.day()
    return shared


@pytest.mark.parametrize("role", ROLES)
def test_on_tables_a_role_may_what_the_matrix_says_and_nothing_else(built: Platform, role: str) -> None:
    known, partial = relations(built), dict[str, str]()
    with built.login(role) as conn:
        found = {name: rights_on(conn, name, kind, columns, partial) for name, (kind, columns) in known.items()}
    assert found == expected(RELATIONS, role)
    like = READER if role == ANALYST else role
    assert partial == {
        key.replace(like, role, 1): columns_of(key, words, known)
        for key, words in PARTIAL.items()
        if key.split()[0] == like
    }


def test_the_data_dictionary_says_which_columns_a_table_has_and_which_a_reader_may_read(built: Platform) -> None:
    query = """
        select
            attrelid::regclass::text,
            attname,
            format_type(atttypid, atttypmod),
            has_column_privilege('retail_reader', attrelid, attnum, 'select')
        from pg_attribute inner join pg_class on attrelid = pg_class.oid
        where
            relnamespace in ('silver'::regnamespace, 'gold'::regnamespace) and relkind in ('r', 'v')
            and relname !~ '(_change$|^kpi_)' and attnum > 0 and not attisdropped
    """
    described = {
        # A function returns types without modifiers, and a view for dashboards what its function does.
        (
            table.name,
            one.name,
            one.type.partition("(")[0] if "dashboard" in table.name else one.type,
            not one.is_personal,
        )
        for table in (*silver_tables(), *gold_tables())
        for one in table.columns
    }
    with connect(built.server.url(WAREHOUSE)) as conn:
        found = {(table, name, short_type(kind), is_read) for table, name, kind, is_read in rows(conn, query)}
    assert found == described


def type_in(table: str, described: str) -> str:
    """A function returns types without modifiers, and a view for dashboards has what its function returns."""
    return described.partition("(")[0] if table.startswith("gold.dashboard_") else described


def columns_of(key: str, words: str, known: dict[str, tuple[str, list[str]]]) -> str:
    """Columns that an entry of PARTIAL names, in the table's order."""
    listed = words.removeprefix("all but ").split()
    columns = known[key.split()[1]][1]
    assert set(listed) <= set(columns)
    return " ".join(one for one in columns if (one in listed) != words.startswith("all but "))


@pytest.mark.parametrize("role", ROLES)
def test_in_schemas_a_role_may_what_the_matrix_says_and_nothing_else(shared: Platform, role: str) -> None:
    query = "select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'"
    tries = {"U": "select from {}.none", "C": "create table {}.mine (n int)"}
    with connect(shared.server.url(WAREHOUSE)) as conn:
        names = [name for (name,) in rows(conn, query)]
    with shared.login(role) as conn:
        found = {
            name: "".join(verb for verb, words in tries.items() if may(conn, words.format(name))) for name in names
        }
    assert found == expected(SCHEMAS, role)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_call_the_functions_of_the_matrix_and_no_other(shared: Platform, role: str) -> None:
    schemas = "('meta', 'silver', 'gold', 'public')"
    of_views = "read\\_dashboard%"  # tests/integration/test_dashboards.py
    query = f"select proname from pg_proc where pronamespace::regnamespace::text in {schemas}"
    query = f"{query} and proname not like '{of_views}'"
    with connect(shared.server.url(WAREHOUSE)) as conn:
        names = [name for (name,) in rows(conn, query)]
    with shared.login(role) as conn:
        found = {name: "X" if may(conn, f"select meta.{name}({CALLS[name]})") else "" for name in names}
    assert found == expected(FUNCTIONS, role)


@pytest.mark.parametrize("role", ROLES)
def test_who_analyzes_may_call_each_routine_of_the_sql_surface_and_no_step_may(shared: Platform, role: str) -> None:
    query = f"select oid::regprocedure::text from pg_proc where pronamespace in ({SURFACE})"
    may_call = f"{query} and has_function_privilege('{role}', oid, 'execute')"
    with connect(shared.server.url(WAREHOUSE)) as conn:
        every = rows(conn, query)
        assert len(every) > len(SURFACE.split())
        assert rows(conn, may_call) == (every if role in (WAREHOUSE, READER, ANALYST) else [])


@pytest.mark.parametrize("role", DATABASE_OF)
def test_a_role_enters_the_databases_of_the_matrix_and_no_other(shared: Platform, role: str) -> None:
    tries = {"T": "create temporary table mine ()", "N": "create schema mine"}
    found = dict.fromkeys(expected(DATABASES, role), "")
    for database in found:
        with suppress(DatabaseError), connect(shared.url(role, database)) as conn:
            conn.set_session(readonly=False)
            found[database] = "C" + "".join(verb for verb, words in tries.items() if may(conn, words))
    assert found == expected(DATABASES, role)


def test_no_role_has_powers_over_the_server_or_another_role(shared: Platform) -> None:
    powers = "rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls"
    members = "select roleid::regrole::text, member::regrole::text from pg_auth_members where member > 16383 order by 1"
    definers = f"select proname from pg_proc where prosecdef and pronamespace in ('meta'::regnamespace, {SURFACE})"
    with connect(shared.server.url(WAREHOUSE)) as conn:
        assert rows(conn, f"select rolname from pg_roles where ({powers}) and rolname <> 'postgres'") == []
        assert rows(conn, members) == [("retail_reader", "retail_analyst"), ("retail_transformation", "retail")]
        assert rows(conn, definers) == []


def test_what_the_schema_grants_is_what_it_grants_the_second_time(shared: Platform) -> None:
    query = (
        "select oid::regclass::text, relowner::regrole::text, relacl::text from pg_class where oid > 16383 order by 1"
    )
    with shared.login(WAREHOUSE) as conn:
        before = rows(conn, query)
        with conn, conn.cursor() as cursor:  # a right too many, as an older version may have given
            cursor.execute("grant all on meta.ingestion_state to retail_transformation, retail_reader")
        prepare_schema(conn, even_if_unchanged=True)
        assert rows(conn, query) == before


def test_a_reader_that_would_write_is_stopped_before_its_rights_are_asked(shared: Platform) -> None:
    with connect(shared.url(READER)) as conn, pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
        rows(conn, "create table meta.mine (n int)")


def test_a_reader_whose_login_is_all_that_is_known_makes_a_report_and_an_export(
    shared: Platform, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home").prepare()
    settings = StackSettings(database_url=SecretStr(shared.url(READER)), retail_home=home.path)
    talk = Talk(Console(file=io.StringIO()))
    assert make_report(home, settings, talk, tmp_path / "report").exists()
    (done,) = export(home, settings, talk, tmp_path / "export", ["silver.customers"], replace=False).tables
    assert "email" in done.left_out


@pytest.mark.parametrize(
    ("role", "statement", "lock", "idle", "transaction"),
    [
        ("retail", "0", "1min", "15min", "0"),
        ("retail_ingestion", "15min", "1min", "15min", "0"),
        ("retail_transformation", "1h", "5min", "15min", "0"),
        ("retail_reader", "1min", "30s", "1min", "2min"),
        ("retail_analyst", "3min", "30s", "1min", "4min"),
        ("airflow", "1h", "0", "1h", "0"),
    ],
)
def test_a_session_ends_what_takes_too_long(
    shared: Platform, role: str, statement: str, lock: str, idle: str, transaction: str
) -> None:
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
    conn = psycopg2.connect(shared.url(role, DATABASE_OF[role]))
    try:
        found = [rows(conn, f"show {name}")[0][0] for name in names]
    finally:
        conn.close()
    assert found == [statement, lock, idle, transaction]
