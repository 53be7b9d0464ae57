"""A warehouse whose Gold is of another version: the next run gives its tables the columns of their models."""

from __future__ import annotations

import logging

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold.shapes import outgrown_tables
from medallion.errors import NothingToDo
from medallion.settings import Settings
from stack.commands.plan import _plan
from tests.integration.test_gold_rebuild import execute, sell, wanted
from tests.pipeline import build
from tests.queries import rows

# As before the mart was by currency, and the fact had figures of another name.
FORMER = """
    alter table gold.mart_sales_by_customer drop column currency, add primary key (sold_date, customer_key);
    alter table gold.sales_item rename column is_return to returned;
"""
MART = "select customer_id, currency, net_amount::text from gold.mart_sales_by_customer order by 1"


@pytest.mark.slow
def test_tables_of_another_shape_are_built_again_by_the_next_run(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for sale_id in (1, 2):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build(conn, settings)
    before = rows(conn, MART)
    assert outgrown_tables(conn) == []
    assert not _plan(conn, ()).whole_gold
    execute(conn, FORMER)
    assert outgrown_tables(conn) == ["gold.mart_sales_by_customer", "gold.sales_item"]
    assert _plan(conn, ()).whole_gold
    with caplog.at_level(logging.WARNING):
        build(conn, settings)  # with nothing new in Silver
    assert "other columns now: gold.mart_sales_by_customer, gold.sales_item" in caplog.text
    assert rows(conn, MART) == before
    assert outgrown_tables(conn) == []
    assert not wanted(conn)


@pytest.mark.slow
def test_a_rebuild_for_other_columns_that_fails_is_made_by_the_run_after(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build(conn, settings)
    execute(conn, FORMER)
    gold.prepare(conn, settings, run_id="killed")
    gold.build_core(conn, settings, run_id="killed")  # and no mart
    assert outgrown_tables(conn) == ["gold.mart_sales_by_customer"]
    build(conn, settings)
    assert outgrown_tables(conn) == []
    with pytest.raises(NothingToDo):
        gold.prepare(conn, settings, run_id="next")
