"""A developer builds a changed model in a schema of their own, and sees what it would change."""

from __future__ import annotations

import getpass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold.difference import ChangedType, difference
from medallion.database import transaction
from medallion.errors import ConfigurationError
from medallion.settings import Settings
from stack.commands.development import dev_schema, run_any_dbt
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import StackSettings
from tests.conftest import NOON
from tests.dbt_copies import alter, project_copy
from tests.integration.test_gold_rebuild import execute, sell
from tests.pipeline import build, build_untested
from tests.queries import rows

STORES = "models/gold/marts/mart_sales_by_store.sql"
STATE = "select array_agg(state order by model, source_table)::text from meta.gold_state as state"
RESULTS = "select count(*) from meta.gold_result"
LOADS = "select count(*) from meta.load"
NIGHTS = "select array_agg(night order by model)::text from meta.nightly_build as night"
NIGHT = date(2026, 1, 3)


@pytest.fixture
def developer(settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that calls dbt as `./retail dbt` does."""
    monkeypatch.setenv("RETAIL_DEV_SCHEMA", "dev_tests")
    stack = StackSettings(**{**settings.model_dump(), "database_url": database_url})
    home = Home(settings.retail_home).prepare()
    return lambda *arguments: run_any_dbt(home, stack, Talk(), "dev", list(arguments))


@pytest.mark.slow
def test_a_changed_model_is_built_beside_the_live_one_which_stays_as_it_is(
    conn: connection, settings: Settings, developer: Any, tmp_path: Path
) -> None:
    for sale_id in (1, 2):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build(conn, settings)
    kept = [rows(conn, statement) for statement in (STATE, RESULTS, LOADS)]
    live = rows(conn, "select * from gold.mart_sales_by_store")
    assert developer("build", "--select", "mart_sales_by_store") == 0
    with transaction(conn):
        same = difference(conn, "mart_sales_by_store", "dev_tests")
    assert (same.is_same, same.live_rows, same.built_rows) == (True, 1, 1)
    with project_copy(settings, tmp_path) as copy:
        alter(copy, STORES, "    {{ key }}.store_key,", "    md5('wrong')::uuid as store_key,")
        assert developer("--no-use-colors", "build", "--select", "mart_sales_by_store") == 1
        assert developer("test", "--select", "mart_sales_by_store") == 1  # the developer's table
        alter(copy, STORES, "from {{ key }}", "from {{ key }} where false")
        assert developer("run", "--select", "mart_sales_by_store") == 0
    with transaction(conn):
        changed = difference(conn, "mart_sales_by_store", "dev_tests")
    assert (changed.is_same, changed.only_live, changed.only_built) == (False, 1, 0)
    assert changed.examples[0].startswith("- ")
    assert rows(conn, "select * from gold.mart_sales_by_store") == live
    assert [rows(conn, statement) for statement in (STATE, RESULTS, LOADS)] == kept
    tables = "select tablename::text from pg_tables where schemaname = 'dev_tests' order by 1"
    assert rows(conn, tables) == [("mart_sales_by_store",)]  # the rest was read from the live Gold
    assert developer("run", "--select", "dashboard_sales") == 0
    sales = rows(conn, "select * from dev_tests.dashboard_sales")
    assert sales == rows(conn, "select * from gold.dashboard_sales") != []


@pytest.mark.slow
def test_a_nightly_model_is_built_beside_the_live_one_as_of_its_business_date(
    conn: connection, settings: Settings, developer: Any
) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOON, as_of=NIGHT)
    sell(conn, settings, 2, customer_id=2, sold_at="2026-01-05T10:00:00Z")  # after the business date
    build_untested(conn, settings)
    kept = [rows(conn, statement) for statement in (STATE, RESULTS, LOADS, NIGHTS)]
    assert developer("run", "--select", "mart_customer_rfm", "rfm_cut_points") == 0
    with transaction(conn):
        same = difference(conn, "mart_customer_rfm", "dev_tests")
    assert (same.is_same, same.live_rows, same.built_rows) == (True, 1, 1)
    assert rows(conn, "select distinct business_date from dev_tests.mart_customer_rfm") == [(NIGHT,)]
    assert [rows(conn, statement) for statement in (STATE, RESULTS, LOADS, NIGHTS)] == kept


def test_every_kind_of_difference_is_counted_by_key(conn: connection) -> None:
    execute(
        conn,
        """
        create schema dev_tests;
        create table gold.thing (id int, day date, amount numeric, word text, gone int, _load_id int,
            kind int, primary key (id, day));
        create table dev_tests.thing (id int, day date, amount numeric, word text, added int, _load_id int, kind text);
        insert into gold.thing values (1, '2026-01-01', 1.5, 'a', 0, 1, 1), (2, '2026-01-01', 2, null, 0, 1, 1),
            (3, '2026-01-01', 3, 'c', 0, 1, 1);
        insert into dev_tests.thing values (1, '2026-01-01', 1.50, 'a', 0, 9, 1), (2, '2026-01-01', 5, 'b', 0, 9, 1),
            (4, '2026-01-01', 4, 'd', 0, 9, 1);
        """,
    )
    with transaction(conn):
        found = difference(conn, "gold.thing", "dev_tests")
    assert (found.key, found.live_rows, found.built_rows) == (("id", "day"), 3, 3)
    assert (found.only_live, found.only_built, found.changed) == (1, 1, 1)
    assert (found.lost, found.added) == (("gone",), ("added",))
    assert found.types == (ChangedType("kind", "integer", "text"),)
    of = {one.column: (one.changed, one.live_sum, one.built_sum) for one in found.columns}
    assert of["amount"] == (1, "6.5", "10.50")
    assert of["word"] == (1, None, None)
    assert found.examples == ("= 2 2026-01-01", "- 3 2026-01-01", "+ 4 2026-01-01")


def test_a_table_that_is_missing_or_has_no_key_is_named(conn: connection) -> None:
    execute(conn, "create schema dev_tests; create table gold.bare (id int); create table dev_tests.bare (id int)")
    with transaction(conn), pytest.raises(ConfigurationError, match=r"no model nothing of Gold"):
        difference(conn, "nothing", "dev_tests")
    with transaction(conn), pytest.raises(ConfigurationError, match=r"no table dev\.bare"):
        difference(conn, "bare", "dev")
    with transaction(conn), pytest.raises(ConfigurationError, match="no key"):
        difference(conn, "bare", "dev_tests")


def test_the_schema_of_a_developer_is_never_one_of_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getuser", lambda: "Jo.Doe")
    assert dev_schema({}) == "dev_jo_doe"
    assert dev_schema({"RETAIL_DEV_SCHEMA": "dev_next"}) == "dev_next"
    for name in ("gold", "silver", "public", "dev;drop", "dev_" + "x" * 50):
        with pytest.raises(ConfigurationError, match="not a schema for development"):
            dev_schema({"RETAIL_DEV_SCHEMA": name})
