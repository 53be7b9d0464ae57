"""A history is that of all its versions, whatever the order and the hours they came in, and so is the fact."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from psycopg2.extensions import connection

from gold import build as gold
from loaders.load_all_silver import load_all_silver
from medallion.database import transaction
from medallion.settings import Settings
from tests.integration.test_histories import WRONG
from tests.integration.test_quarantine import HEADER, LINE
from tests.property.test_versions import Version, customer
from tests.property.warehouse import empty, land
from tests.queries import content_of, rows

FIRST = datetime(2026, 11, 1, tzinfo=timezone.utc)
CHAIN = """
    select
        customer_id, city, is_deleted,
        case when isfinite(valid_from) then valid_from end, case when isfinite(valid_to) then valid_to end
    from gold.dim_customer_history where not is_inferred order by customer_id, dim_customer_history.valid_from
"""
TABLES = ("dim_customer_history", "dim_product_history", "dim_store_history", "sales_item")
# As after the schema was applied: neither tables of Gold nor what has been taken.
NO_GOLD = """
    drop table if exists
        gold.dim_customer, gold.dim_product, gold.dim_store, gold.dim_customer_history, gold.dim_product_history,
        gold.dim_store_history, gold.sales_item;
    delete from gold.sales_item_change; delete from gold.dim_customer_history_change;
    delete from gold.dim_product_history_change; delete from gold.dim_store_history_change;
    update meta.gold_state set load_id = 0, through_load_id = null;
"""

versions = st.fixed_dictionaries({
    "customer_id": st.integers(1, 3),
    "city": st.sampled_from(["Lyon", "Nice", "Łódź"]),
    "is_deleted": st.booleans(),
    "day": st.integers(1, 9),
})  # fmt: skip
sales = st.tuples(st.integers(1, 4), st.integers(0, 9))  # the customer, and the day, at noon
hours = st.lists(st.tuples(st.lists(versions, max_size=4), st.lists(sales, max_size=3)), min_size=2, max_size=4)


def moment(day: int, hour: int = 0) -> str:
    return (FIRST + timedelta(days=day, hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def record(version: Version) -> Version:
    content = {name: value for name, value in version.items() if name != "day"}
    return customer(content | {"updated_at": moment(version["day"])})


def chains(history: list[Version]) -> list[tuple[Any, ...]]:
    """By the rules: the greater content of each moment, equal ones that follow each other folded."""
    found = []
    for customer_id in sorted({one["customer_id"] for one in history}):
        of = [one for one in history if one["customer_id"] == customer_id]
        kept = {one["day"]: (one["city"], one["is_deleted"]) for one in sorted(of, key=content)}
        periods = [next(group) for _, group in groupby(sorted(kept.items()), key=lambda one: one[1])]
        starts = [None, *(FIRST + timedelta(days=day) for day, _ in periods[1:])]
        ends = [*starts[1:], None]
        found += [(customer_id, *what, start, end) for (_, what), start, end in zip(periods, starts, ends, strict=True)]
    return found


def content(version: Version) -> tuple[Any, ...]:
    """How Silver orders two contents of one moment: by the columns, in the order of the declaration."""
    return (version["city"], version["is_deleted"])


def sell(conn: connection, pipeline: Settings, sold: list[tuple[int, int]], first_id: int) -> None:
    for number, (customer_id, day) in enumerate(sold, first_id):
        header = HEADER | {"sale_id": number, "customer_id": customer_id, "sold_at": moment(day, 12)}
        land(conn, pipeline, "sales_customer", [json.dumps(header).encode()])
        line = LINE | {"sale_id": number, "unit_price": "10.00"}
        land(conn, pipeline, "sales_product", [json.dumps(line).encode()])


def build(conn: connection, pipeline: Settings, *, full_refresh: bool = False) -> None:
    load_all_silver(conn, pipeline, run_id="hour")
    gold.prepare(conn, pipeline, run_id="hour", full_refresh=full_refresh)
    command = ["run", "--select", "tag:core", *(["--full-refresh"] if full_refresh else [])]  # without the tests of dbt
    gold._step(conn, pipeline, command, "hour", "dbt_run_core")


@pytest.mark.slow
@pytest.mark.timeout(900)
@bounded(max_examples=max(6, bounded().max_examples // 20))
@given(told=hours)
def test_hours_in_any_order_give_the_history_of_all_versions_and_a_full_refresh_the_same(
    conn: connection, settings: Settings, told: list[tuple[list[Version], list[tuple[int, int]]]]
) -> None:
    empty(conn)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(NO_GOLD)
    history: list[Version] = []
    sold: list[tuple[int, int]] = [(1, 5)]
    sell(conn, settings, sold, 1)
    build(conn, settings)
    for changes, more in told:
        if changes:
            land(conn, settings, "customers", [json.dumps(record(one)).encode() for one in changes])
        sell(conn, settings, more, len(sold) + 1)
        history, sold = history + changes, sold + more
        if not (changes or more):
            continue
        build(conn, settings)
        assert rows(conn, CHAIN) == chains(history)
        assert rows(conn, WRONG) == []
    assert rows(conn, "select count(*) from gold.sales_item") == [(len(sold),)]
    incremental = [content_of(conn, f"gold.{table}") for table in TABLES]
    build(conn, settings, full_refresh=True)
    assert [content_of(conn, f"gold.{table}") for table in TABLES] == incremental
