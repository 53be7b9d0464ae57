"""What the benchmark compares does the same work: the naive way and ours leave the same rows."""

from __future__ import annotations

from psycopg2.extensions import connection

from benchmarks.engine import silver_totals
from benchmarks.programs.load_naively import load
from ingestion.sales import collect_sales
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product
from medallion.database import transaction
from medallion.settings import Settings
from tests.conftest import Source
from tests.queries import rows

HEADERS = """
    select sale_id, customer_id, store_id, sold_at, channel, payment_method, currency
    from silver.sales_customer order by sale_id
"""
LINES = """
    select sale_id, line_no, product_id, quantity, unit_price, discount
    from silver.sales_product order by sale_id, line_no
"""


def test_the_naive_way_and_ours_load_equal_rows(
    conn: connection, settings: Settings, source: Source, database_url: str
) -> None:
    url, key = settings.require_source()
    load(url, key, database_url, page_size=400)
    naive = rows(conn, HEADERS), rows(conn, LINES)
    conn.rollback()
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("truncate silver.sales_customer, silver.sales_product")

    collect_sales(conn, settings, run_id="test")
    load_sales_customer(conn, settings, run_id="test")
    load_sales_product(conn, settings, run_id="test")

    assert len(naive[0]) > 500
    assert (rows(conn, HEADERS), rows(conn, LINES)) == naive
    told = source.data.totals(0, None)
    held = silver_totals(conn)
    assert (held.sales, held.lines, held.net_amount) == (told.sales, told.lines, told.net_amount)
