"""A sale that could not be split is split again by a retry, and is in Bronze, Silver and a rebuild from then on."""

from __future__ import annotations

import json

from psycopg2.extensions import connection

from loaders.load_all_silver import load_all_silver
from loaders.rejects import list_rejects
from medallion.settings import Settings
from stack.commands.retry import retry
from tests.integration.test_quarantine import HEADER, LINE, header
from tests.integration.test_silver import customer, land
from tests.queries import rows

SALE = HEADER | {"lines": [{name: value for name, value in LINE.items() if name != "sale_id"}]}
SILVER = (
    "select sale_id, line_no from silver.sales_customer left join silver.sales_product using (sale_id) order by 1, 2"
)


def set_aside(conn: connection, settings: Settings, *sales: bytes) -> None:
    """As a splitter that could not split them left them in Bronze."""
    land(conn, settings, sales, "sales_customer")
    load_all_silver(conn, settings, run_id="load")
    assert rows(conn, SILVER) == []


def test_a_sale_that_can_be_split_now_is_loaded_whole(conn: connection, settings: Settings) -> None:
    set_aside(conn, settings, json.dumps(SALE).encode(), json.dumps(SALE | {"sale_id": 4}, indent=None).encode())
    retried = retry(conn, settings, list_rejects(conn), run_id="by hand")
    assert retried.summary() == "2 loaded, 0 still refused"
    assert rows(conn, SILVER) == [(3, 1), (4, 1)]
    assert list_rejects(conn) == []
    with conn, conn.cursor() as cursor:  # Silver again, from Bronze alone
        cursor.execute("truncate silver.sales_customer, silver.sales_product")
        cursor.execute("update meta.bronze_file set silver_load_id = null")
    load_all_silver(conn, settings, run_id="again")
    assert rows(conn, SILVER) == [(3, 1), (4, 1)]
    assert list_rejects(conn) == []


def test_the_watermark_stays_where_the_pull_left_it(conn: connection, settings: Settings) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.ingestion_state set cursor_value = '77' where entity = 'sales'")
    set_aside(conn, settings, json.dumps(SALE).encode())
    retry(conn, settings, list_rejects(conn), run_id="by hand")
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [("77",)]
    landed = "select distinct cursor_after, cursor_through from meta.bronze_file where cursor_after is not null"
    assert rows(conn, landed) == [("77", "77")]


def test_a_sale_of_which_a_part_does_not_fit_stays_whole_in_quarantine(conn: connection, settings: Settings) -> None:
    bad = SALE | {"lines": [*SALE["lines"], {"line_no": 2}]}  # type: ignore[misc]
    set_aside(conn, settings, json.dumps(bad).encode(), header(lines=None), b'{"lines":[]}')
    before = rows(conn, "select count(*) from meta.bronze_file")
    retried = retry(conn, settings, list_rejects(conn), run_id="by hand")
    assert retried.summary() == "0 loaded, 3 still refused"
    assert len(retried.reasons) == 3
    assert rows(conn, SILVER) == []
    assert rows(conn, "select count(*) from meta.bronze_file") == before


def test_other_records_are_retried_as_before(conn: connection, settings: Settings) -> None:
    land(conn, settings, [customer(customer_id="x")])
    set_aside(conn, settings, json.dumps(SALE).encode())
    assert retry(conn, settings, list_rejects(conn), run_id="by hand").summary() == "1 loaded, 1 still refused"
