"""The largest and the smallest of each kind that Silver admits come through to the mart, exactly."""

from __future__ import annotations

import itertools
import json
import random
from decimal import Decimal
from hashlib import md5
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from loaders.load_all_silver import load_all_silver
from medallion.schema import prepare_schema
from medallion.settings import Settings
from tests.integration.test_quarantine import HEADER, LINE
from tests.integration.test_silver import CUSTOMER, land
from tests.pipeline import build, build_untested
from tests.queries import rows

BIG, INT = 2**63 - 1, 2**31 - 1
# Without repetition, as Postgres compresses what it puts into an index.
LONG = "".join(random.Random(17).choices("abcdefghijklmnopqrstuvwxyzäöüß0123456789", k=100_000))  # noqa: S311
PRODUCT = {
    "product_id": 8,
    "sku": "s",
    "name": "Mug",
    "category": "c",
    "subcategory": "s",
    "brand": "b",
    "unit_price": "4.50",
    "unit_cost": "2.00",
    "currency": "EUR",
    "is_active": True,
    "updated_at": "2026-01-01T00:00:00Z",
}
QUANTITIES = (INT, -INT - 1, 1, -1)
PRICES = ("9999999999.99", "0", "0.01")
DISCOUNTS = ("9999999999.99", "-9999999999.99", "0.01", "-0.00")
DAYS = ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2024-02-29T23:30:00-14:00")


def customers() -> list[dict[str, Any]]:
    texts = dict.fromkeys(("first_name", "last_name", "email", "phone", "city", "region", "segment"))
    ends = [(1, "", DAYS[0]), (BIG, LONG, DAYS[1])]
    return [
        CUSTOMER | dict.fromkeys(texts, text) | {"customer_id": key, "signed_up_at": day, "updated_at": DAYS[0]}
        for key, text, day in ends
    ]


def products() -> list[dict[str, Any]]:
    texts = ("sku", "name", "category", "subcategory", "brand")
    ends = [(1, "", "0"), (BIG, LONG, "9999999999.99")]
    return [
        PRODUCT | dict.fromkeys(texts, text) | {"product_id": key, "unit_price": price, "unit_cost": price}
        for key, text, price in ends
    ]


def headers() -> list[dict[str, Any]]:
    keys = [(1, 1), (2, BIG), (BIG, BIG)]
    return [
        HEADER | {"sale_id": sale, "customer_id": customer, "sold_at": day, "store_id": store, "channel": text}
        for (sale, customer), day, store, text in zip(keys, DAYS, (1, INT, INT), ("", LONG, "web"), strict=True)
    ]


def lines() -> list[dict[str, Any]]:
    """Every product of extremes under each sale, and the last line number there is."""
    amounts = list(itertools.product(QUANTITIES, PRICES, DISCOUNTS))
    numbers = [*range(1, len(amounts)), INT]
    return [
        LINE
        | {"sale_id": sale, "line_no": number, "product_id": product}
        | {"quantity": quantity, "unit_price": price, "discount": discount}
        for sale, product in ((1, 1), (2, BIG), (BIG, 5))
        for number, (quantity, price, discount) in zip(numbers, amounts, strict=True)
    ]


def net(line: dict[str, Any]) -> Decimal:
    return line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"])


def load_extremes(conn: connection, settings: Settings) -> None:
    for dataset, records in (
        ("customers", customers()),
        ("products", products()),
        ("sales_customer", headers()),
        ("sales_product", lines()),
    ):
        land(conn, settings, [json.dumps(one).encode() for one in records], dataset)
    load_all_silver(conn, settings, run_id="load")
    assert rows(conn, "select reason from meta.rejected_record") == []


def expected() -> list[tuple[Any, ...]]:
    """Day, lines, pieces, gross, discount and net of each sale: each is alone on its customer's day."""
    days = {1: "0001-01-01", 2: "9999-12-31", BIG: "2024-03-01"}
    found = []
    for sale, day in days.items():
        mine = [one for one in lines() if one["sale_id"] == sale]
        gross = sum(one["quantity"] * Decimal(one["unit_price"]) for one in mine)
        discount = sum(Decimal(one["discount"]) for one in mine)
        found.append((day, len(mine), sum(one["quantity"] for one in mine), gross, discount, gross - discount))
    return sorted(found)


MART = """
    select sold_date::text, line_count, quantity, gross_amount, discount_amount, net_amount
    from gold.mart_sales_by_customer
    order by 1
"""


@pytest.mark.slow
def test_the_ends_of_every_kind_come_through_to_the_mart(conn: connection, settings: Settings) -> None:
    load_extremes(conn, settings)
    build_untested(conn, settings)
    item = "select sale_id, line_no, net_amount from gold.sales_item order by 1, 2"
    assert rows(conn, item) == [(one["sale_id"], one["line_no"], net(one)) for one in lines()]
    assert rows(conn, MART) == expected()
    assert rows(conn, "select max(length(city)), count(*) from gold.dim_customer") == [(len(LONG), 2)]
    check_long_keys(conn)
    gold.build_core(conn, settings, run_id="again", full_refresh=True)
    build_untested(conn, settings)  # each mart recomputes all that it holds
    check_long_keys(conn)
    build(conn, settings, full_refresh=True)
    assert rows(conn, MART) == expected()
    check_long_keys(conn)


def check_long_keys(conn: connection) -> None:
    """Marts that have texts in their keys hold each amount, under texts that an index takes."""
    short = f"{LONG[:100]}… {md5(LONG.encode(), usedforsecurity=False).hexdigest()}"
    amounts = sorted(row[-1] for row in expected())
    by_hour = rows(conn, "select channel, net_amount from gold.mart_sales_by_hour order by 2")
    assert [amount for _, amount in by_hour] == amounts
    assert {channel for channel, _ in by_hour} == {"", short, "web"}
    by_category = rows(conn, "select category, net_amount from gold.mart_sales_by_category order by 2")
    assert [amount for _, amount in by_category] == amounts
    assert {category for category, _ in by_category} == {"", short, "Unknown"}


OLD_TYPES = """
    alter table gold.sales_item
    alter column gross_amount type numeric(14,2), alter column net_amount type numeric(14,2);
    alter table gold.mart_sales_by_customer
    alter column gross_amount type numeric(16,2), alter column discount_amount type numeric(16,2),
    alter column net_amount type numeric(16,2);
"""
TYPES = """
    select attrelid::regclass::text, attname, format_type(atttypid, atttypmod)
    from pg_attribute where attrelid in ('gold.sales_item'::regclass, 'gold.mart_sales_by_customer'::regclass)
    and attname like '%_amount' order by 1, 2
"""


@pytest.mark.slow
def test_a_warehouse_of_narrower_amounts_is_widened_and_takes_them(conn: connection, settings: Settings) -> None:
    land(conn, settings, [json.dumps(HEADER).encode()], "sales_customer")
    land(conn, settings, [json.dumps(LINE).encode()], "sales_product")
    load_all_silver(conn, settings, run_id="load")
    build_untested(conn, settings)
    wide = rows(conn, TYPES)
    with conn, conn.cursor() as cursor:
        cursor.execute(OLD_TYPES)
    files = "select relname, relfilenode from pg_class where relnamespace = 'gold'::regnamespace order by 1"
    before = rows(conn, files)
    for _ in range(2):
        prepare_schema(conn, even_if_unchanged=True)
        assert rows(conn, TYPES) == wide
    assert rows(conn, files) == before  # no table was written again
    load_extremes(conn, settings)
    build_untested(conn, settings)
    assert [row for row in rows(conn, MART) if row[0] != HEADER["sold_at"][:10]] == expected()


@pytest.mark.parametrize("amount", ["1e1", "10000000000", "0.001"])
def test_what_gold_could_not_hold_is_refused_by_silver(conn: connection, settings: Settings, amount: str) -> None:
    land(conn, settings, [json.dumps(LINE | {"unit_price": amount}).encode()], "sales_product")
    load_all_silver(conn, settings, run_id="load")
    assert rows(conn, "select field from meta.rejected_record") == [("unit_price",)]
    assert gold.gold_due(conn) == []
