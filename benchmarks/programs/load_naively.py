"""Sales the naive way: ask for a page, loop over it, insert or update, commit. Needs requests and psycopg2 alone."""

from __future__ import annotations

import os

import psycopg2
import requests
from psycopg2.extras import execute_values

_HEADER = ("sale_id", "customer_id", "store_id", "sold_at", "channel", "payment_method", "currency")
_LINE = ("line_no", "product_id", "quantity", "unit_price", "discount")
_ROWS_PER_STATEMENT = 1000  # the default of 100 is slower

_UPSERT_HEADERS = """
    insert into silver.sales_customer
        (sale_id, customer_id, store_id, sold_at, channel, payment_method, currency, _load_id)
    values %s
    on conflict (sale_id) do update set
        customer_id = excluded.customer_id, store_id = excluded.store_id, sold_at = excluded.sold_at,
        channel = excluded.channel, payment_method = excluded.payment_method, currency = excluded.currency
"""
_UPSERT_LINES = """
    insert into silver.sales_product (sale_id, line_no, product_id, quantity, unit_price, discount, _load_id)
    values %s
    on conflict (sale_id, line_no) do update set
        product_id = excluded.product_id, quantity = excluded.quantity,
        unit_price = excluded.unit_price, discount = excluded.discount
"""


def load(url: str, key: str, database_url: str, page_size: int) -> None:
    """Load every sale the source has, a page a transaction."""
    session = requests.Session()
    session.headers["X-API-Key"] = key
    conn = psycopg2.connect(database_url)
    query = {"limit": str(page_size)}
    while True:
        response = session.get(f"{url}/sales", params=query, timeout=60)
        response.raise_for_status()
        page = response.json()
        headers, lines = [], []
        for sale in page["items"]:
            headers.append((*(sale[name] for name in _HEADER), 1))
            lines += [(sale["sale_id"], *(line[name] for name in _LINE), 1) for line in sale["lines"]]
        with conn, conn.cursor() as cursor:
            execute_values(cursor, _UPSERT_HEADERS, headers, page_size=_ROWS_PER_STATEMENT)
            execute_values(cursor, _UPSERT_LINES, lines, page_size=_ROWS_PER_STATEMENT)
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    conn.close()


if __name__ == "__main__":
    load(
        os.environ["SOURCE_API_URL"],
        os.environ["SOURCE_API_KEY"],
        os.environ["DATABASE_URL"],
        int(os.environ["PAGE_SIZE"]),
    )
