"""What Gold must say, worked out from the source's own records, and what it says."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection

from tests.conftest import Source
from tests.queries import rows

Figures = dict[tuple[int, str, str], tuple[int, int, int, Decimal]]


def expected_mart(source: Source) -> Figures:
    """Sales, returns, lines and net amount by customer, day and currency."""
    sales, returns = defaultdict(set), defaultdict(set)
    lines: dict[Any, int] = defaultdict(int)
    net: dict[Any, Decimal] = defaultdict(Decimal)
    for item in source.data.sales_page(None, 10**9, None).items:
        sale = json.loads(item)
        key = (sale["customer_id"], sale["sold_at"][:10], sale["currency"])
        for line in sale["lines"]:
            (returns if line["quantity"] < 0 else sales)[key].add(sale["sale_id"])
            lines[key] += 1
            net[key] += line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"])
    return {key: (len(sales[key]), len(returns[key]), lines[key], net[key]) for key in lines}


def mart(conn: connection) -> Figures:
    """The same of `gold.mart_sales_by_customer`."""
    query = """
        select customer_id, sold_date::text, currency, sale_count, return_count, line_count, net_amount
        from gold.mart_sales_by_customer
    """
    return {row[:3]: row[3:] for row in rows(conn, query)}
