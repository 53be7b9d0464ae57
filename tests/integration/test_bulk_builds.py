"""A build from the beginning: rows first, then keys, and the table that readers have until all of it has succeeded."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from medallion.database import connect
from medallion.errors import DataQualityError, GoldBuildFailed, RetailError
from medallion.process.steps import CORE, MARTS
from medallion.settings import PROJECT_ROOT, Settings
from stack.services.postgres.roles import TRANSFORMATION, WAREHOUSE
from tests.conftest import NOON, Source
from tests.dbt_copies import alter, project_copy
from tests.integration.test_gold_rebuild import move, sell
from tests.pipeline import build, hour
from tests.postgres_server import PostgresServer
from tests.queries import CONTENT, content_of, execute, rows
from tests.roles import Platform, platform

TABLES = (*CORE, *MARTS)
FACT, FACT_YML = "models/gold/core/sales_item.sql", "models/gold/core/sales_item.yml"
LAST_CHECK = "        expression: is_return = (quantity < 0)\n"
FACTS = """
    select count(*) from pg_class
    where relkind = 'r' and relnamespace = 'gold'::regnamespace and relname ~ '^sales_item(__|$)'
"""
TAKEN = "select source_table, load_id, through_load_id from meta.gold_state where model = 'sales_item'"
GRANTS = "select relname, relowner::regrole::text, relacl::text from pg_class where oid = 'gold.sales_item'::regclass"
WAITING = (
    "select pid from pg_stat_activity where query ~* 'alter table.*sales_item.*rename' and wait_event_type = 'Lock'"
)
WORD = re.compile(
    r"^create or replace function meta\.(\w+)\([^)]*\)\nreturns \w+\nlanguage sql\nimmutable\n", re.MULTILINE
)


@contextmanager
def altered(settings: Settings, tmp_path: Path, changes: dict[str, tuple[str, str]]) -> Iterator[None]:
    """The dbt project with these texts changed, in a copy."""
    with project_copy(settings, tmp_path) as copy:
        for file, (old, new) in changes.items():
            alter(copy, file, old, new)
        yield


def contents(conn: connection) -> dict[str, tuple[Any, ...]]:
    return {table: content_of(conn, table) for table in TABLES}


BROKEN = {
    "a key twice": ("line.sale_id || '-' || line.line_no as", "'1-1' as", "could not create unique index"),
    "a null": ("    header.channel,", "    null::text as channel,", 'column "channel".* null'),
    "a check": ("line.quantity < 0 as", "line.quantity > 0 as", "check constraint .* is violated"),
    "another type": ("    line.quantity,", "    line.quantity::bigint as quantity,", "contract"),
    "another name": ("    line.quantity,", "    line.quantity as pieces,", "contract"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_breaks_the_contract_fails_a_first_build_and_leaves_nothing(
    conn: connection, settings: Settings, tmp_path: Path, fault: str
) -> None:
    old, new, reason = BROKEN[fault]
    for sale_id in (1, 2):
        sell(conn, settings, sale_id, 1)
    gold.prepare(conn, settings, run_id="first")
    before = rows(conn, TAKEN)
    with altered(settings, tmp_path, {FACT: (old, new)}), pytest.raises(GoldBuildFailed, match=f"(?s){reason}"):
        gold.build_core(conn, settings, run_id="bad")
    assert rows(conn, FACTS) == [(0,)]
    assert rows(conn, TAKEN) == before


def test_a_constraint_in_words_of_sql_is_added_and_holds(conn: connection, settings: Settings, tmp_path: Path) -> None:
    sell(conn, settings, 1, 1)
    gold.prepare(conn, settings, run_id="first")
    custom = LAST_CHECK + "      - type: custom\n        expression: unique (sale_id, line_no)\n"
    with altered(settings, tmp_path, {FACT_YML: (LAST_CHECK, custom)}):
        gold.build_core(conn, settings, run_id="first")
        kept = "select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'gold.sales_item'::regclass"
        assert ("UNIQUE (sale_id, line_no)",) in rows(conn, f"{kept} and contype = 'u'")


@pytest.mark.slow
def test_a_text_that_its_contract_has_no_room_for_fails_and_is_not_cut(
    conn: connection, settings: Settings, tmp_path: Path
) -> None:
    sell(conn, settings, 1, 1)
    gold.prepare(conn, settings, run_id="first")
    yml = "      - name: channel\n        data_type: {}\n"
    short = {
        FACT: ("    header.channel,", "    header.channel::varchar as channel,"),
        FACT_YML: (yml.format("text"), yml.format("varchar(2)")),
    }
    with altered(settings, tmp_path, short), pytest.raises(GoldBuildFailed, match="too long"):
        gold.build_core(conn, settings, run_id="bad")


@pytest.mark.slow
def test_first_builds_full_refreshes_and_increments_give_the_same_rows(
    conn: connection, settings: Settings, source: Source
) -> None:
    for hours in range(3):
        source.set_clock(NOON + timedelta(hours=hours))
        hour(conn, settings)
        if hours == 1:
            move(conn, 1, sold_at="2020-01-01T00:00:00Z")
            move(conn, 2, customer_id=7)
        build(conn, settings)
    by_increments = contents(conn)
    assert min(count for count, _ in by_increments.values()) > 0
    build(conn, settings, full_refresh=True)
    assert contents(conn) == by_increments
    execute(conn, f"drop table {', '.join(TABLES)}")
    build(conn, settings)
    assert contents(conn) == by_increments
    logged = "select rows_inserted, rows_updated from meta.load where dataset = %s and layer = 'gold' order by load_id"
    for table, (count, _) in by_increments.items():
        with conn, conn.cursor() as cursor:
            cursor.execute(logged, [table.removeprefix("gold.")])
            assert cursor.fetchall()[-1] == (count, 0)


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        yield one


def await_swap(conn: connection) -> int:
    """The server process of a build that has all of its new table, and waits for readers of the old one."""
    deadline = time.monotonic() + 300
    while not (found := rows(conn, WAITING)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return int(found[0][0])


@pytest.mark.slow
def test_a_full_refresh_that_is_killed_leaves_readers_the_table_they_had(made: Platform) -> None:
    """A reader in its way, as it would wait for it elsewhere: up to the swap, the build asks for no lock of readers."""
    made.hour()
    with (
        connect(made.server.url(WAREHOUSE)) as watch,
        made.login(TRANSFORMATION) as conn,
        made.login(TRANSFORMATION) as reader,
    ):
        before, granted = content_of(watch, "gold.sales_item"), rows(watch, GRANTS)
        with ThreadPoolExecutor(1) as other, reader.cursor() as cursor:
            cursor.execute(CONTENT.format("gold.sales_item"))
            refresh = other.submit(gold.build_core, conn, made.settings, run_id="killed", full_refresh=True)
            pid = await_swap(watch)
            cursor.execute(CONTENT.format("gold.sales_item"))
            assert cursor.fetchone() == before
            execute(watch, f"select pg_terminate_backend({pid})")
            with pytest.raises(RetailError):
                refresh.result()
            reader.rollback()
        assert content_of(watch, "gold.sales_item") == before
        assert rows(watch, FACTS) == [(1,)]
        assert rows(watch, GRANTS) == granted
        build(conn, made.settings, full_refresh=True)
        assert content_of(watch, "gold.sales_item") == before
        assert rows(watch, GRANTS) == granted


KEYS = {
    "sales_item": ("sales_item_id", "unique_sales_item_sales_item_id"),
    "mart_sales_by_hour": ("sold_hour, store_id, channel, currency", "unique_combination_mart_sales_by_hour"),
}
UNHELD = """
    alter table gold.{table} drop constraint {table}_pkey;
    create unique index wider on gold.{table} ({key}, _loaded_at);
    create unique index partial on gold.{table} ({key}) where _loaded_at > 'infinity';
"""
AGAIN = """
    insert into gold.{table}
    select again.* from gold.{table} as t, jsonb_populate_record(t, '{{"_loaded_at": "2020-01-01"}}') as again limit 1
"""


@pytest.mark.slow
@pytest.mark.parametrize("table", KEYS)
def test_where_no_index_holds_a_key_the_tests_count_it(conn: connection, settings: Settings, table: str) -> None:
    key, test = KEYS[table]
    sell(conn, settings, 1, 1)
    build(conn, settings)
    execute(conn, UNHELD.format(table=table, key=key))
    gold.check_all_gold(conn, settings, run_id="night")
    execute(conn, AGAIN.format(table=table))
    with pytest.raises(DataQualityError, match=test):
        gold.check_all_gold(conn, settings, run_id="night")


@pytest.mark.slow
def test_tests_of_core_that_passed_run_again_only_after_another_build(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, 1)
    gold.prepare(conn, settings, run_id="hour")
    of_core = gold.build_core(conn, settings, run_id="hour").tests
    gold.build_mart(conn, settings, run_id="hour")
    of_marts = gold.check_gold(conn, settings, run_id="hour").tests
    dbt_runner.invoke(conn, settings, ["run", "--select", "sales_item"], "by hand")
    assert gold.check_gold(conn, settings, run_id="hour").tests == of_core + of_marts


@pytest.mark.slow
def test_tests_of_core_that_failed_run_again(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, 1)
    gold.prepare(conn, settings, run_id="hour")
    gold.build_core(conn, settings, run_id="hour")
    gold.build_mart(conn, settings, run_id="hour")
    execute(conn, "alter table gold.sales_item drop constraint sales_item_pkey")
    execute(conn, "insert into gold.sales_item select * from gold.sales_item limit 1")
    for step in (gold.build_core, gold.check_gold):
        with pytest.raises(DataQualityError, match=KEYS["sales_item"][1]):
            step(conn, settings, run_id="hour")


def test_the_words_of_the_protocol_allow_a_parallel_plan(conn: connection) -> None:
    """Each function of the file that the planner evaluates before it plans: the words of models."""
    words = WORD.findall((PROJECT_ROOT / "sql" / "gold_functions.sql").read_text(encoding="utf-8"))
    assert {"taken", "through", "gold_load_id", "business_date"} <= {*words}
    unsafe = "select proname from pg_proc where pronamespace = 'meta'::regnamespace and proparallel <> 's'"
    assert rows(conn, f"{unsafe} and proname = any(array{words})") == []
