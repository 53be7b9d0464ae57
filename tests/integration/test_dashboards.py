"""Views for dashboards: they outlive the tables that they read, cost what these cost, and are built once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold.dashboards import declared_views, outgrown_views
from gold.dictionary import gold_tables, short_type
from medallion.errors import NothingToDo
from medallion.settings import Settings
from stack.services.postgres.roles import ANALYST, INGESTION, READER, TRANSFORMATION, WAREHOUSE
from tests.conftest import NOON, START, Source
from tests.dbt_copies import alter, project_copy
from tests.integration.test_gold_rebuild import sell
from tests.pipeline import build, hour
from tests.postgres_server import PostgresServer
from tests.queries import execute, rows
from tests.roles import Platform, platform

FOLDER = "models/gold/dashboards"
BUILT = "select count(*) from meta.gold_result where kind = 'model' and name like 'dashboard%'"
OIDS = "select relname::text, oid::bigint from pg_class where relname like 'dashboard%' order by 1"
TYPES = """
    select attname::text, format_type(atttypid, null) from pg_attribute
    where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum
"""
CALLABLE = """
    select count(*) from pg_proc
    where pronamespace = 'gold'::regnamespace and proname like 'read\\_%' and has_function_privilege(oid, 'execute')
"""
DECLARED = {one.name: one for one in gold_tables() if one.name.startswith("gold.dashboard_")}


def built_views(conn: connection) -> int:
    """How many times a view was built."""
    return int(rows(conn, BUILT)[0][0])


def plan_of(conn: connection, query: str) -> str:
    return "\n".join(line for (line,) in rows(conn, f"explain (costs off) {query}"))


@pytest.mark.slow
def test_a_run_builds_only_views_whose_definition_has_changed(
    conn: connection, settings: Settings, tmp_path: Path
) -> None:
    sell(conn, settings, 1, customer_id=1)
    assert outgrown_views(conn) == declared_views()
    build(conn, settings)
    assert outgrown_views(conn) == []
    made = built_views(conn)
    assert made == len(declared_views()) > 2
    sell(conn, settings, 2, customer_id=2)
    build(conn, settings)
    assert built_views(conn) == made
    with pytest.raises(NothingToDo):
        gold.prepare(conn, settings, run_id="hour")

    oids = dict(rows(conn, OIDS))
    with project_copy(settings, tmp_path) as copy:
        alter(copy, f"{FOLDER}/dashboard_sales.sql", "'ID FMDay'", "'ID FMDy'")
        alter(copy, f"{FOLDER}/dashboard_products.sql", "product.brand,", "product.brand as product_brand,")
        alter(copy, f"{FOLDER}/dashboard_products.yml", "- name: brand\n", "- name: product_brand\n")
        assert outgrown_views(conn) == ["dashboard_products", "dashboard_sales"]
        plan = gold.prepare(conn, settings, run_id="hour")  # with nothing new in Silver
        assert plan.views == ("dashboard_products", "dashboard_sales")
        build(conn, settings)
        assert outgrown_views(conn) == []
        assert built_views(conn) == made + 2
    assert rows(conn, "select distinct weekday, product_brand from gold.dashboard_sales, gold.dashboard_products") == [
        ("4 Thu", "Unknown")
    ]
    now = dict(rows(conn, OIDS))
    assert {name for name in now if now[name] != oids[name]} == {"dashboard_products"}  # other columns: another view


@pytest.mark.slow
def test_a_view_lives_on_when_its_tables_are_swapped_and_says_which_one_is_missing(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1)
    build(conn, settings)
    before = rows(conn, OIDS)
    sales = rows(conn, "select * from gold.dashboard_sales")
    bodies = "select bool_or(strpos(prosrc, quote_ident(current_database()) || '.') > 0 "
    bodies += "or strpos(prosrc, '\"' || current_database() || '\"') > 0) from pg_proc where proname ~ '^read_dash'"
    assert rows(conn, bodies) == [(False,)]  # a backup may be restored into a database of another name
    swapped = rows(conn, "select 'gold.mart_sales_by_hour'::regclass::oid::bigint")
    build(conn, settings, full_refresh=True)
    assert rows(conn, "select 'gold.mart_sales_by_hour'::regclass::oid::bigint") != swapped
    assert rows(conn, OIDS) == before
    assert rows(conn, "select * from gold.dashboard_sales") == sales != []
    execute(conn, "drop table gold.mart_sales_by_hour cascade")
    missing = {"dashboard_sales": "mart_sales_by_hour", "dashboard_customers": "mart_customer_lifetime_value"}
    for view, table in missing.items():
        with pytest.raises(psycopg2.errors.ObjectNotInPrerequisiteState, match=f"{table} has not been built yet"):
            rows(conn, f"select count(*) from gold.{view}")
        conn.rollback()


@pytest.mark.slow
def test_a_view_costs_what_its_table_costs(conn: connection, settings: Settings, source: Source) -> None:
    hour(conn, settings)
    build(conn, settings)
    execute(conn, "analyze gold.mart_sales_by_hour")
    since = f"sold_hour >= '{NOON.isoformat()}'"
    with conn, conn.cursor() as cursor:
        cursor.execute("set enable_seqscan = off")
    asked = "select sum(net_amount) from {} where " + since
    of_view = plan_of(conn, asked.format("gold.dashboard_sales"))
    assert "Index Cond: (sold_hour >=" in of_view
    assert "read_dashboard_sales" not in of_view  # inlined: no scan of a function
    conn.rollback()
    of_day = "where sold_date = '2026-01-01'"
    by_day = plan_of(conn, f"select store_name, sum(net_amount) from gold.dashboard_sales {of_day} group by 1")
    assert "Filter: (sold_date = '2026-01-01'::date)" in by_day
    by_day = plan_of(conn, f"select category, sum(net_amount) from gold.dashboard_categories {of_day} group by 1")
    assert "Index Cond: (sold_date = '2026-01-01'::date)" in by_day


@pytest.fixture(scope="module")
def made(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A warehouse with its roles and an hour in it."""
    with platform(postgres_server, tmp_path_factory.mktemp("dashboards"), start=START, now=NOON) as one:
        one.hour()
        yield one


@pytest.mark.parametrize("role", [READER, ANALYST])
def test_a_reader_sees_the_declared_columns_of_every_view_and_nothing_personal(made: Platform, role: str) -> None:
    assert {*DECLARED} == {f"gold.{name}" for name in declared_views()}
    personal = re.compile("name|email|phone|raw|content|payload")
    with made.login(role) as conn:
        for name, view in DECLARED.items():
            with conn.cursor() as cursor:
                cursor.execute(f"select * from {name}")
                found = [one.name for one in cursor.description or ()]
                assert (cursor.fetchone() is None) == (name in EMPTY), name
                cursor.execute(TYPES, [name])
                types = {column: short_type(kind) for column, kind in cursor.fetchall()}
            conn.rollback()
            assert f"read_{name.removeprefix('gold.')}" not in plan_of(conn, f"select * from {name}")  # inlined
            assert found == [one.name for one in view.columns]
            assert types == {one.name: one.type.partition("(")[0] for one in view.columns}
            assert not [one.name for one in view.columns if one.is_personal]
            assert {one for one in found if personal.search(one)} <= HARMLESS, name


# Names of things, not of people.
HARMLESS = {"store_name", "product_name", "table_name"}
EMPTY = {f"gold.dashboard_{name}" for name in ("anomalies", "anomaly_days", "incidents", "quarantine")}


def test_only_readers_and_the_builder_may_call_what_a_view_reads(made: Platform) -> None:
    of_role = {}
    for role in (READER, ANALYST, TRANSFORMATION, INGESTION):
        with made.login(role) as conn:
            of_role[role] = rows(conn, CALLABLE)[0][0]
    every = len(declared_views())
    assert of_role == {READER: every, ANALYST: every, TRANSFORMATION: every, INGESTION: 0}
    with made.login(WAREHOUSE) as conn:
        public = "select proname from pg_proc where proname like 'read_dashboard%' and proacl::text ~ '[{,]=X'"
        assert rows(conn, public) == []
        owner = "select distinct relowner::regrole::text from pg_class where relname like 'dashboard%'"
        assert rows(conn, owner) == [(TRANSFORMATION,)]
        owner = "select distinct proowner::regrole::text from pg_proc where proname like 'read_dashboard%'"
        assert rows(conn, owner) == [(TRANSFORMATION,)]
