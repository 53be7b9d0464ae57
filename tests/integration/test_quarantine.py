"""Records in quarantine are known by their key, and are no longer waited for once the source has corrected them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg2.extensions import connection

from loaders.load_all_silver import load_all_silver
from loaders.load_customers import CUSTOMERS
from loaders.load_products import PRODUCTS
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.quarantine import key_of
from medallion.settings import PROJECT_ROOT, Settings
from tests.integration.test_silver import customer, land
from tests.queries import rows

DATASETS = (CUSTOMERS, PRODUCTS, SALES_CUSTOMER, SALES_PRODUCT)
HEADER = {
    "sale_id": 3,
    "customer_id": 1,
    "store_id": 1,
    "sold_at": "2026-01-01T10:00:00Z",
    "channel": "web",
    "payment_method": "card",
    "currency": "EUR",
}
LINE = {"sale_id": 3, "line_no": 1, "product_id": 8, "quantity": 1, "unit_price": "5.00", "discount": "0.00"}
STATUS = "select sale_id, status from meta.rejected_record order by rejected_record_id"


def header(**changes: Any) -> bytes:
    return json.dumps(HEADER | changes).encode()


def line(**changes: Any) -> bytes:
    return json.dumps(LINE | changes).encode()


def load(conn: connection, settings: Settings, dataset: str, *lines: bytes) -> None:
    land(conn, settings, lines, dataset)
    load_all_silver(conn, settings, run_id="load")


def test_a_line_that_is_corrected_later_leaves_the_open_ones(conn: connection, settings: Settings) -> None:
    load(conn, settings, "sales_product", line(quantity=0), line(line_no=2), line(sale_id=4, quantity=0))
    assert rows(conn, STATUS) == [(3, "OPEN"), (4, "OPEN")]
    load(conn, settings, "sales_product", line(), line(line_no=2))
    assert rows(conn, STATUS) == [(3, "RESOLVED"), (4, "OPEN")]
    took = (
        "select layer, rows_inserted from meta.load inner join meta.rejected_record on load.load_id = resolved_load_id"
    )
    assert rows(conn, took) == [("silver", 1)]


@pytest.mark.parametrize(
    ("dataset", "refused", "corrected"),
    [
        ("customers", customer(customer_id=2, country="x"), customer(customer_id=2)),
        ("sales_customer", header(currency="x"), header()),
        ("sales_customer", header(lines=None), header()),
        ("sales_product", line(unit_price="free"), line()),
        ("sales_product", line(line_no="one"), line()),  # a sale comes whole: this was its only line
        ("sales_product", line(line_no=2, quantity=0), line()),  # the source has taken that line out
    ],
)
def test_each_kind_of_record_is_resolved_by_its_correction(
    conn: connection, settings: Settings, dataset: str, refused: bytes, corrected: bytes
) -> None:
    load(conn, settings, dataset, refused)
    load(conn, settings, dataset, corrected)
    assert [status for _, status in rows(conn, STATUS)] == ["RESOLVED"]


@pytest.mark.parametrize(
    ("refused", "later"),
    [
        ([line(quantity=0)], [line(sale_id=4)]),  # another sale
        ([line(line_no="one")], [line(line_no="one"), line(line_no=2)]),  # the same sale, as wrong as before
        ([b'{"sale_id":'], [line()]),  # nobody knows which it is
        ([line(sale_id="3")], [line()]),
    ],
)
def test_what_was_not_corrected_stays_open(
    conn: connection, settings: Settings, refused: list[bytes], later: list[bytes]
) -> None:
    load(conn, settings, "sales_product", *refused)
    load(conn, settings, "sales_product", *later)
    assert rows(conn, STATUS)[0][1] == "OPEN"


def test_a_record_that_is_refused_after_a_good_one_stays_open(conn: connection, settings: Settings) -> None:
    """The later word of the source is the one that was refused: nothing has corrected it."""
    load(conn, settings, "customers", customer(city="Good"))
    load(conn, settings, "customers", customer(country="x"))
    load(conn, settings, "customers", customer(customer_id=2))
    assert [status for _, status in rows(conn, STATUS)] == ["OPEN"]
    conn.cursor().execute("update meta.bronze_file set silver_load_id = null")  # everything again, as a rebuild does
    conn.commit()
    load_all_silver(conn, settings, run_id="again")
    assert [status for _, status in rows(conn, STATUS)] == ["OPEN"]


EDGES = [
    b"1", b"0", b"-1", b"007", b"1.0", b"1e3", b"true", b'"1"', b"null", b"[]", b"2147483647", b"2147483648",
    b"9223372036854775807", b"9223372036854775808", b"99999999999999999999",
]  # fmt: skip


@pytest.mark.parametrize("dataset", DATASETS, ids=lambda one: one.name)
def test_older_rows_get_the_key_that_a_new_one_would(conn: connection, settings: Settings, dataset: Any) -> None:
    """What the schema fills in on a warehouse that has a quarantine already is what the loader reads."""
    members = [b",".join(b'"%s":%s' % (name.encode(), edge) for name in dataset.key) for edge in EDGES]
    members.append(members[0] + b',"x":"\\u0000"')
    lines = [b"{%s}" % one for one in members] + [b"", b"[]", b"{", b"\xff", b'{"x":1}', b"7", b'{"sale_id":1}']
    receipt = land(conn, settings, lines, dataset.name)
    with conn, conn.cursor() as cursor:
        for number, raw in enumerate(lines, 1):
            cursor.execute(
                "insert into meta.rejected_record (dataset, path, line_no, reason, raw) values (%s, %s, %s, 'old', %s)",
                (dataset.name, receipt.path, number, raw),
            )
        cursor.execute((PROJECT_ROOT / "sql" / "migrations" / "0005_keys_in_quarantine.sql").read_text())
    found = rows(conn, "select record_key, sale_id from meta.rejected_record order by line_no")
    expected = [key_of(dataset, raw) for raw in lines]
    assert [key for key, _ in found] == expected
    is_sale = dataset.name.startswith("sales_")
    assert [sale for _, sale in found] == [key[0] if key and is_sale else None for key in expected]
    assert any(key and key[0] for key in expected)
