"""History dimensions: each version with its period, and lines of the fact that point to the version at their sale."""

from __future__ import annotations

import json
import logging
import time
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection

from gold import build as gold
from loaders.load_customers import load_customers
from loaders.load_products import load_products
from loaders.load_table import load_table
from medallion.settings import Settings
from quality.rebuild import rebuild_beside
from stack.commands.run_progress import _REPOINTED
from tests.integration.test_gold_rebuild import sell
from tests.listing_source import customer
from tests.pipeline import build, build_untested, hour
from tests.property.warehouse import land
from tests.queries import content_of, execute, rows

CHAIN = """
    select
        case when isfinite(valid_from) then extract(day from valid_from)::int end,
        case when isfinite(valid_to) then extract(day from valid_to)::int end,
        city, is_deleted, is_current
    from gold.dim_customer_history where customer_id = 1 order by valid_from
"""
POINTED = """
    select item.sale_id, version.city from gold.sales_item as item
    inner join gold.dim_customer_history as version using (customer_version_key) order by 1
"""
COSTS = "select sale_id, cost_amount from gold.sales_item order by 1"
LOADS = "select sales_item_id, _load_id from gold.sales_item order by 1"
VERSION_LOADS = "select customer_version_key, _load_id from gold.dim_customer_history order by 1"
LOG = "select changed_from::text, changed_to::text from gold.dim_customer_history_change order by _load_id, 1"
# The wrong lines: those whose version was not in force, or whose cost is not that of the version.
WRONG = """
    select item.sales_item_id from gold.sales_item as item
    left join gold.dim_customer_history as customer using (customer_version_key)
    left join gold.dim_product_history as product using (product_version_key)
    left join gold.dim_store_history as store using (store_version_key)
    where
        customer.customer_id is distinct from item.customer_id
        or product.product_id is distinct from item.product_id
        or store.store_id is distinct from item.store_id
        or not coalesce(
            customer.valid_during @> item.sold_at and product.valid_during @> item.sold_at
            and store.valid_during @> item.sold_at, false
        )
        or item.cost_amount is distinct from
            case when product.currency = item.currency then item.quantity * product.unit_cost end
"""


def day(number: int, hour: int = 0) -> str:
    return f"2026-10-{number:02}T{hour:02}:00:00Z"


def arrive(conn: connection, settings: Settings, *versions: tuple[int, str], **changed: Any) -> None:
    """Versions of customer 1 in one file: day and city of each."""
    lines = [json.dumps(customer(1, day(number), city=city, **changed)).encode() for number, city in versions]
    land(conn, settings, "customers", lines)
    load_customers(conn, settings, run_id="hour")


def price(conn: connection, settings: Settings, number: int, cost: str, product_id: int = 7, **changed: Any) -> None:
    """A version of a product."""
    texts = dict.fromkeys(("sku", "name", "category", "subcategory", "brand"), "x")
    of = {"product_id": product_id, "unit_price": "9.00", "unit_cost": cost, "currency": "EUR", "is_active": True}
    land(conn, settings, "products", [json.dumps(texts | of | {"updated_at": day(number)} | changed).encode()])
    load_products(conn, settings, run_id="hour")


def open_store(conn: connection, settings: Settings, number: int, city: str) -> None:
    """A version of store 1."""
    texts = {"name": "Nordtor", "format": "city", "city": city, "region": "x", "country": "FR", "currency": "EUR"}
    moments = {"opened_at": day(1), "updated_at": day(number)}
    land(conn, settings, "stores", [json.dumps({"store_id": 1, "is_active": True} | texts | moments).encode()])
    load_table(conn, settings, subject="stores", run_id="hour")


def core(conn: connection, settings: Settings) -> int:
    """The core takes what Silver has. Returns how many lines were pointed to another version."""
    gold.prepare(conn, settings, run_id="hour")
    return gold.build_core(conn, settings, run_id="hour").repointed


def sales_on(conn: connection, settings: Settings, *days: int, customer_id: int = 1) -> None:
    for number in days:
        sell(conn, settings, number, customer_id, sold_at=day(number, 12))


def changed_since(conn: connection, query: str, before: list[tuple[Any, ...]]) -> set[Any]:
    """Keys of the rows that a load has written since."""
    return {row[0] for row in set(rows(conn, query)) - set(before)}


def test_three_changes_within_one_hour_are_three_versions(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"), (2, "Nice"), (3, "Brest"))
    core(conn, settings)
    assert rows(conn, CHAIN) == [
        (None, 2, "Lyon", False, False),
        (2, 3, "Nice", False, False),
        (3, None, "Brest", False, True),
    ]


@pytest.mark.slow
def test_a_version_between_two_others_points_exactly_its_sales_to_itself(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"), (20, "Nice"))
    sales_on(conn, settings, 2, 5, 9, 12, 25)
    sell(conn, settings, 99, 2, sold_at=day(9, 12))
    build_untested(conn, settings)
    lines, versions = rows(conn, LOADS), rows(conn, VERSION_LOADS)
    marts = rows(conn, "select sold_date::text, _load_id from gold.mart_sales_by_customer where customer_id = 1")
    arrive(conn, settings, (8, "Brest"))
    assert core(conn, settings) == 2
    assert rows(conn, POINTED)[:5] == [(2, "Lyon"), (5, "Lyon"), (9, "Brest"), (12, "Brest"), (25, "Nice")]
    assert changed_since(conn, LOADS, lines) == {"9-1", "12-1"}
    assert len(changed_since(conn, VERSION_LOADS, versions)) == 2  # the new one, and the one that ends earlier
    updated = "select rows_updated from meta.load where dataset = 'sales_item' order by load_id desc limit 1"
    assert rows(conn, updated) == [(2,)]
    build_untested(conn, settings)
    query = "select sold_date::text, _load_id from gold.mart_sales_by_customer where customer_id = 1"
    assert changed_since(conn, query, marts) == {"2026-10-09", "2026-10-12"}
    assert rows(conn, WRONG) == []
    last = rows(conn, LOADS)
    build_untested(conn, settings)
    assert rows(conn, LOADS) == last


@pytest.mark.slow
def test_the_step_says_how_many_lines_were_pointed_to_another_version(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """In its summary, and in the log in the words that `./retail run` looks for."""
    caplog.set_level(logging.INFO)
    arrive(conn, settings, (1, "Lyon"))
    sales_on(conn, settings, 2, 9)
    gold.prepare(conn, settings, run_id="hour")
    assert "re-pointed" not in gold.build_core(conn, settings, run_id="hour").summary()
    arrive(conn, settings, (8, "Brest"))
    assert _REPOINTED.findall(caplog.text.encode()) == []
    assert "1 line re-pointed by late versions" in gold.build_core(conn, settings, run_id="hour").summary()
    assert _REPOINTED.findall(caplog.text.encode()) == [b"1 line re-pointed by late versions"]


@pytest.mark.slow
def test_equal_versions_that_follow_each_other_are_one(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"), (3, "Lyon"), (5, "Nice"), (7, "Lyon"))
    sales_on(conn, settings, 2, 4)
    core(conn, settings)
    before, lines = rows(conn, CHAIN), rows(conn, LOADS)
    assert [row[2] for row in before] == ["Lyon", "Nice", "Lyon"]
    arrive(conn, settings, (2, "Lyon"), (9, "Lyon"))  # a touch in the middle of a period, and one at the end
    core(conn, settings)
    assert rows(conn, CHAIN) == before
    assert rows(conn, LOADS) == lines
    assert rows(conn, LOG) == []
    current = "select extract(day from updated_at)::int from gold.dim_customer_history where is_current"
    assert rows(conn, current) == [(9,)] == rows(conn, "select extract(day from updated_at)::int from silver.customers")


def test_a_version_that_takes_a_period_apart_is_folded_back_when_it_proves_equal(
    conn: connection, settings: Settings
) -> None:
    arrive(conn, settings, (1, "Lyon"), (5, "Nice"))
    sales_on(conn, settings, 3, 8)
    core(conn, settings)
    arrive(conn, settings, (4, "Nice"))  # Nice has begun a day earlier: its version has another key now
    core(conn, settings)
    assert [row[:3] for row in rows(conn, CHAIN)] == [(None, 4, "Lyon"), (4, None, "Nice")]
    assert rows(conn, WRONG) == []


def test_a_tie_is_decided_as_in_silver(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Nice"), (1, "Lyon"), (1, "Orsay"))
    arrive(conn, settings, (1, "Brest"))
    core(conn, settings)
    assert rows(conn, CHAIN) == [(None, None, "Orsay", False, True)]
    assert rows(conn, "select city from silver.customers") == [("Orsay",)]


@pytest.mark.slow
def test_a_late_version_before_the_first_takes_over_all_time_before_and_leaves_its_key(
    conn: connection, settings: Settings
) -> None:
    arrive(conn, settings, (10, "Lyon"))
    sales_on(conn, settings, 2, 8, 12)
    core(conn, settings)
    key = "select customer_version_key from gold.dim_customer_history order by valid_from limit 1"
    before = rows(conn, key)
    arrive(conn, settings, (5, "Nice"))
    assert core(conn, settings) == 1  # the sale of the 12th; for the two before, the same version says something else
    assert rows(conn, POINTED) == [(2, "Nice"), (8, "Nice"), (12, "Lyon")]
    assert rows(conn, key) == before
    assert rows(conn, "select count(distinct _load_id) from gold.sales_item") == [(1,)]
    assert rows(conn, WRONG) == []


def test_a_deleted_customer_that_returns_has_a_version_for_each(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"))
    arrive(conn, settings, (4, "Lyon"), is_deleted=True)
    arrive(conn, settings, (6, "Lyon"))
    core(conn, settings)
    assert [(row[0], row[3]) for row in rows(conn, CHAIN)] == [(None, False), (4, True), (6, False)]


def test_an_inferred_member_is_one_version_and_is_completed_under_its_key(conn: connection, settings: Settings) -> None:
    sales_on(conn, settings, 3, 9)
    core(conn, settings)
    first = "select customer_version_key from gold.dim_customer_history order by valid_from limit 1"
    inferred = rows(conn, first)
    assert rows(conn, POINTED) == [(3, "Unknown"), (9, "Unknown")]
    arrive(conn, settings, (5, "Lyon"), (7, "Nice"))
    core(conn, settings)
    assert rows(conn, POINTED) == [(3, "Lyon"), (9, "Nice")]
    assert rows(conn, first) == inferred
    assert rows(conn, "select count(*) from gold.dim_customer_history where is_inferred") == [(0,)]


@pytest.mark.slow
def test_a_key_that_is_new_to_a_history_is_not_looked_up_in_the_fact(conn: connection, settings: Settings) -> None:
    """Thousands may sign up in an hour, and none of them has bought before."""
    arrive(conn, settings, (1, "Lyon"))
    core(conn, settings)
    land(conn, settings, "customers", [json.dumps(customer(2, day(2))).encode()])
    load_customers(conn, settings, run_id="hour")
    sales_on(conn, settings, 3, customer_id=2)
    # The log does not keep what the fact has looked up, so the test has Postgres refuse every row of it.
    execute(conn, "alter table gold.dim_customer_history_change add check (false)")
    core(conn, settings)
    assert rows(conn, WRONG) == []
    assert rows(conn, "select count(*) from gold.sales_item") == [(1,)]


@pytest.mark.slow
def test_cost_is_that_of_the_version_in_force_and_null_in_another_currency(
    conn: connection, settings: Settings
) -> None:
    sales_on(conn, settings, 2, 8)
    core(conn, settings)
    product_id = rows(conn, "select distinct product_id from gold.sales_item")[0][0]
    assert rows(conn, COSTS) == [(2, None), (8, None)]
    price(conn, settings, 5, "4.00", product_id)
    core(conn, settings)
    quantity = rows(conn, "select min(quantity) from gold.sales_item")[0][0]
    assert rows(conn, COSTS) == [(2, quantity * Decimal("4.00")), (8, quantity * Decimal("4.00"))]
    price(conn, settings, 6, "5.00", product_id)
    core(conn, settings)
    assert rows(conn, COSTS) == [(2, quantity * Decimal("4.00")), (8, quantity * Decimal("5.00"))]
    price(conn, settings, 7, "5.00", product_id, currency="CHF")
    core(conn, settings)
    assert rows(conn, COSTS) == [(2, quantity * Decimal("4.00")), (8, None)]
    assert rows(conn, WRONG) == []


@pytest.mark.slow
def test_a_store_that_moves_points_its_later_sales_to_the_new_version(conn: connection, settings: Settings) -> None:
    pointed = """
        select item.sale_id, store.city from gold.sales_item as item
        inner join gold.dim_store_history as store using (store_version_key) order by 1
    """
    sales_on(conn, settings, 2, 8, 20)
    core(conn, settings)
    assert rows(conn, pointed) == [(2, "Unknown"), (8, "Unknown"), (20, "Unknown")]
    open_store(conn, settings, 1, "Lyon")
    open_store(conn, settings, 10, "Nice")
    core(conn, settings)
    assert rows(conn, pointed) == [(2, "Lyon"), (8, "Lyon"), (20, "Nice")]
    lines = rows(conn, LOADS)
    open_store(conn, settings, 7, "Brest")
    assert core(conn, settings) == 1
    assert rows(conn, pointed) == [(2, "Lyon"), (8, "Brest"), (20, "Nice")]
    assert changed_since(conn, LOADS, lines) == {"8-1"}
    assert rows(conn, WRONG) == []


def test_postgres_refuses_versions_that_overlap(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"), (5, "Nice"))
    core(conn, settings)
    overlapping = """
        insert into gold.dim_customer_history
        select (jsonb_populate_record(
            one, jsonb_build_object('customer_version_key', gen_random_uuid(), 'valid_from', '2026-10-03T00:00Z',
            'valid_during', tstzrange('2026-10-03T00:00Z', '2026-10-04T00:00Z'), 'valid_to', '2026-10-04T00:00Z')
        )).*
        from gold.dim_customer_history as one where valid_from = '-infinity'
    """
    with pytest.raises(psycopg2.errors.ExclusionViolation):
        execute(conn, overlapping)


@pytest.mark.slow
def test_the_fact_catches_up_alone_after_it_has_failed_for_hours(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, (1, "Lyon"), (20, "Nice"))
    sales_on(conn, settings, 2, 9, 25)
    core(conn, settings)
    execute(conn, "alter table gold.sales_item add constraint broken check (false) not valid")
    for number, city in ((8, "Brest"), (15, "Dijon"), (22, "Lille")):
        arrive(conn, settings, (number, city))
        with pytest.raises(Exception, match="could not build sales_item"):
            core(conn, settings)
    execute(conn, "alter table gold.sales_item drop constraint broken")
    core(conn, settings)
    assert rows(conn, POINTED) == [(2, "Lyon"), (9, "Brest"), (25, "Lille")]
    assert rows(conn, WRONG) == []
    build_untested(conn, settings)
    arrive(conn, settings, (26, "Nancy"))
    build_untested(conn, settings)
    arrive(conn, settings, (27, "Metz"))
    build_untested(conn, settings)
    assert len(rows(conn, LOG)) == 1  # what both readers have taken is gone


@pytest.mark.slow
def test_a_history_that_is_built_again_alone_has_the_fact_look_up_every_line(
    conn: connection, settings: Settings
) -> None:
    arrive(conn, settings, (1, "Lyon"))
    sales_on(conn, settings, 2, 9)
    build_untested(conn, settings)
    lines = rows(conn, LOADS)
    arrive(conn, settings, (8, "Brest"))
    command = ["run", "--full-refresh", "--select", "dim_customer_history"]
    gold._step(conn, settings, command, "by hand", "dbt_run_core")
    core(conn, settings)
    assert rows(conn, POINTED) == [(2, "Lyon"), (9, "Brest")]
    assert changed_since(conn, LOADS, lines) == {"2-1", "9-1"}
    assert rows(conn, WRONG) == []


@pytest.fixture
def three_hours(conn: connection, settings: Settings) -> connection:
    """Versions that came in a wild order, and sales between them."""
    arrive(conn, settings, (10, "Lyon"), (12, "Nice"))
    sales_on(conn, settings, 3, 11)
    build_untested(conn, settings)
    arrive(conn, settings, (11, "Brest"), (1, "Lyon"))
    sales_on(conn, settings, 13, 20)
    build_untested(conn, settings)
    arrive(conn, settings, (11, "Lyon"), (15, "Nice"), (14, "Nice"))
    price(conn, settings, 9, "3.00")
    build_untested(conn, settings)
    return conn


@pytest.mark.slow
def test_a_full_refresh_gives_the_same_histories_and_fact(three_hours: connection, settings: Settings) -> None:
    tables = ("gold.dim_customer_history", "gold.dim_product_history", "gold.sales_item")
    before = [content_of(three_hours, table) for table in tables]
    build(three_hours, settings, full_refresh=True)
    assert [content_of(three_hours, table) for table in tables] == before
    assert rows(three_hours, WRONG) == []


@pytest.mark.slow
def test_a_rebuild_from_bronze_gives_the_same_versions_and_histories(
    three_hours: connection, beside: connection, settings: Settings
) -> None:
    rebuilt = rebuild_beside(three_hours, beside, settings, run_id="rebuild")
    same = {one.table: one.same for one in rebuilt.tables}
    assert all(same.values())
    assert {"silver.customers_version", "gold.dim_customer_history", "gold.dim_product_history"} < set(same)
    assert rebuilt.skipped == ()


def test_the_current_versions_are_the_rows_of_silver(conn: connection, settings: Settings) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    columns = "customer_id, first_name, city, segment, signed_up_at, updated_at, is_deleted"
    current = f"select {columns} from gold.dim_customer_history where is_current order by 1"
    assert rows(conn, current) == rows(conn, f"select {columns} from silver.customers order by 1") != []
    assert rows(conn, WRONG) == []


# A year of sales of many customers, as loads would have left them.
MANY = """
    insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
    select 'many', 'silver', name, 'SUCCESS', now(), 1, 1
    from unnest('{customers_version, products_version, sales_customer, sales_product}'::text[]) as name;
    insert into silver.customers_version
    select
        n, 'x', 'x', 'x', 'x', 'Lyon', 'x', 'FR', 'x', '2026-01-01Z', '2026-01-01Z', false, n,
        meta.last_load_id('silver.customers_version')
    from generate_series(1, 40000) as n;
    insert into silver.products_version
    select
        n, 'x', 'x', 'x', 'x', 'x', 9, 4, 'EUR', true, '2026-01-01Z', n, meta.last_load_id('silver.products_version')
    from generate_series(1, 2000) as n;
    insert into silver.sales_customer
    select
        n, n % 40000 + 1, 1, '2026-01-01Z'::timestamptz + n * interval '210 seconds', 'web', 'card', 'EUR',
        meta.last_load_id('silver.sales_customer')
    from generate_series(1, 120000) as n;
    insert into silver.sales_product
    select n, 1, n % 2000 + 1, 1, 9, 0, meta.last_load_id('silver.sales_product')
    from generate_series(1, 120000) as n;
    analyze silver.customers_version, silver.sales_customer, silver.sales_product;
    select brin_summarize_new_values(indexrelid::regclass)
    from pg_index inner join pg_class on pg_class.oid = indexrelid inner join pg_am on pg_am.oid = relam
    where amname = 'brin' and indrelid::regclass::text like 'silver.%'
"""
READ = """
    select relname::text, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables
    where relname in ('customers_version', 'sales_customer', 'dim_customer_history', 'sales_item')
"""


SCANNED = """
    select relname::text, seq_tup_read from pg_stat_user_tables
    where relname in ('dim_customer_history', 'dim_product_history', 'dim_store_history', 'sales_item')
"""


def reads(conn: connection, query: str = READ) -> dict[str, int]:
    """Rows read of each table so far, once the sessions that have ended have reported."""
    previous: list[tuple[Any, ...]] = []
    while (found := sorted(rows(conn, query))) != previous:
        previous = found
        time.sleep(0.5)
    return dict(found)


def run_core(conn: connection, settings: Settings) -> None:
    """The core without its tests."""
    gold.prepare(conn, settings, run_id="hour")
    gold._step(conn, settings, ["run", "--select", "tag:core"], "hour", "dbt_run_core")


@pytest.mark.slow
def test_an_hour_reads_the_keys_that_it_touched_and_neither_the_history_nor_the_fact(
    conn: connection, settings: Settings
) -> None:
    execute(conn, MANY)
    run_core(conn, settings)
    execute(conn, "analyze gold.sales_item, gold.dim_customer_history, gold.dim_product_history")
    before = reads(conn)
    arrive(conn, settings, (8, "Brest"))
    price(conn, settings, 8, "5.00", product_id=7)
    run_core(conn, settings)
    read = {table: count - before[table] for table, count in reads(conn).items()}
    assert rows(conn, WRONG) == []
    assert rows(conn, "select count(*) from gold.sales_item where cost_amount = 5") != [(0,)]
    assert max(read.values()) < 5_000, read  # a range of blocks of each; they hold 40,000 and 120,000 rows


# The next hour: 2,000 sales of one line.
HOUR = """
    insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
    select 'hour', 'silver', name, 'SUCCESS', now(), 1, 1
    from unnest('{sales_customer, sales_product}'::text[]) as name;
    insert into silver.sales_customer
    select
        120000 + n, n, 1, '2026-10-20Z'::timestamptz + n * interval '1 second', 'web', 'card', 'EUR',
        meta.last_load_id('silver.sales_customer')
    from generate_series(1, 2000) as n;
    insert into silver.sales_product
    select 120000 + n, 1, n % 400 + 1, 1, 9, 0, meta.last_load_id('silver.sales_product')
    from generate_series(1, 2000) as n
"""


@pytest.mark.slow
def test_an_hour_reads_no_history_as_a_whole_however_small_it_is(conn: connection, settings: Settings) -> None:
    """The planner takes an hour for one row, and so a table of 400 rows for as cheap to read as one row of it."""
    text = "x" * 30
    few = MANY.replace("2000", "400").replace("n, 'x', 'x', 'x', 'x', 'x', 9", "n" + f", '{text}'" * 5 + ", 9")
    execute(conn, few)
    run_core(conn, settings)
    execute(conn, "analyze gold.sales_item, gold.dim_customer_history, gold.dim_product_history")
    before = reads(conn, SCANNED)
    execute(conn, HOUR)
    run_core(conn, settings)
    assert rows(conn, "select count(*) from gold.sales_item where sale_id > 120000") == [(2000,)]
    assert rows(conn, WRONG) == []
    assert reads(conn, SCANNED) == before
