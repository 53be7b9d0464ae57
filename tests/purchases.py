"""Histories of purchases, written straight into Silver, for tests of what customers do over years.

A history is drawn from a seed: customers who buy once, who stay, who pause and come back; returns, also within a sale;
two currencies, for some customers both; lines of one product twice.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

from psycopg2.extensions import connection
from psycopg2.extras import execute_values

from loaders.load_customers import load_customers
from loaders.load_products import load_products
from medallion.settings import Settings
from tests.listing_source import customer
from tests.property.warehouse import land

PRODUCTS = range(1, 13)
# What the retailer pays in EUR; the cost of the other products is not known.
COSTS = {1: Decimal("2.00"), 2: Decimal("5.55"), 3: Decimal("12.34"), 5: Decimal("0.00")}
_LOAD = """
    insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted)
    values ('history', 'silver', %s, 'SUCCESS', now(), 1, 1) returning load_id
"""


@dataclass(frozen=True)
class Line:
    """A line of a sale; a negative quantity is a return."""

    product_id: int
    quantity: int
    unit_price: Decimal = Decimal("10.00")

    @property
    def net_amount(self) -> Decimal:
        """What was paid for it."""
        return self.quantity * self.unit_price


@dataclass(frozen=True)
class Sale:
    """A sale with its lines."""

    sale_id: int
    customer_id: int
    sold_at: datetime
    lines: tuple[Line, ...]
    currency: str = "EUR"

    @property
    def day(self) -> date:
        """Day of the sale in UTC."""
        return self.sold_at.date()


@dataclass(frozen=True)
class Version:
    """What the source says of a customer from a moment on."""

    customer_id: int
    updated_at: str
    city: str
    segment: str = "new"


def sale(sale_id: int, customer_id: int, day: str, *products: int, currency: str = "EUR", quantity: int = 1) -> Sale:
    """A sale at noon of these products."""
    lines = tuple(Line(product, quantity) for product in products or (1,))
    return Sale(sale_id, customer_id, datetime.fromisoformat(f"{day}T12:00:00+00:00"), lines, currency)


def draw_history(seed: int, first: date, last: date, *, customers: int = 60) -> list[Sale]:
    """Sales of that many customers from the first to the last day; ids are not in the order of time."""
    draw = random.Random(seed)  # noqa: S311 - a history that is the same each time
    moments = [moment for one in range(1, customers + 1) for moment in _purchases_of(draw, one, first, last)]
    ids = draw.sample(range(1, 10 * len(moments)), len(moments))
    return [_sale(draw, number, *moment) for number, moment in zip(ids, moments, strict=True)]


def _purchases_of(draw: random.Random, customer_id: int, first: date, last: date) -> Iterable[tuple[int, datetime]]:
    day = first + timedelta(days=draw.randint(0, (last - first).days * 3 // 4))
    gap = draw.choice([7, 20, 45, 91])
    for _ in range(draw.choice([1, 4, 12, 40])):
        if day > last:
            return
        second = draw.choice([0, 43_200, 86_399])  # on one day some customers buy twice at one moment
        yield customer_id, datetime.combine(day, time(), timezone.utc) + timedelta(seconds=second)
        day += timedelta(days=draw.choice([0, gap, gap, gap, 90, 91, 200]))


def _sale(draw: random.Random, sale_id: int, customer_id: int, sold_at: datetime) -> Sale:
    is_abroad = customer_id % 5 == 0 or (customer_id % 7 == 0 and draw.random() < 0.5)
    is_return = draw.random() < 0.1
    products = draw.choices(PRODUCTS, [16 - one for one in PRODUCTS], k=draw.choice([1, 2, 3, 4, 7]))
    lines = [
        Line(one, draw.randint(1, 3) * (-1 if is_return else 1), Decimal(draw.randint(100, 3000)) / 100)
        for one in products
    ]
    if draw.random() < 0.1:
        lines.append(Line(draw.choice(PRODUCTS), -1, Decimal("4.99")))
    return Sale(sale_id, customer_id, sold_at, tuple(lines), "CHF" if is_abroad else "EUR")


def write_to_silver(conn: connection, sales: Sequence[Sale]) -> None:
    """These sales come into Silver with one load, as their two loads would bring them."""
    headers = [(one.sale_id, one.customer_id, 1, one.sold_at, "web", "card", one.currency) for one in sales]
    lines = [
        (one.sale_id, number, line.product_id, line.quantity, line.unit_price, 0)
        for one in sales
        for number, line in enumerate(one.lines, start=1)
    ]
    _insert(conn, "sales_customer", "sale_id customer_id store_id sold_at channel payment_method currency", headers)
    _insert(conn, "sales_product", "sale_id line_no product_id quantity unit_price discount", lines)


def write_costs_to_silver(conn: connection, settings: Settings) -> None:
    """The products whose cost is known come into Silver, with the versions that the fact looks up."""
    texts = dict.fromkeys(("sku", "name", "category", "subcategory", "brand"), "x")
    terms = {"unit_price": "20.00", "currency": "EUR", "is_active": True, "updated_at": "2024-01-01T00:00:00Z"}
    lines = [
        json.dumps({"product_id": product, "unit_cost": str(cost)} | texts | terms).encode()
        for product, cost in COSTS.items()
    ]
    land(conn, settings, "products", lines)
    load_products(conn, settings, run_id="history")


def write_customers_to_silver(conn: connection, settings: Settings, versions: Sequence[Version]) -> None:
    """Versions of customers come into Silver in one file."""
    lines = [
        json.dumps(customer(one.customer_id, one.updated_at, city=one.city, segment=one.segment)).encode()
        for one in versions
    ]
    land(conn, settings, "customers", lines)
    load_customers(conn, settings, run_id="history")


def _insert(conn: connection, table: str, columns: str, records: Sequence[tuple[Any, ...]]) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(_LOAD, [table])
        ((load_id,),) = cursor.fetchall()
        names = ", ".join([*columns.split(), "_load_id"])
        execute_values(cursor, f"insert into silver.{table} ({names}) values %s", [(*one, load_id) for one in records])
