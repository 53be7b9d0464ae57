"""docs/extending.md, "Another entity", word for word: suppliers are added, filled and taken away again.

In a copy of the checkout, whose own code does the work in its own processes, on a warehouse that holds data.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.settings import PROJECT_ROOT, Settings
from tests.conftest import NOON
from tests.extending_page import Checkout, blocks, copied, fill, with_suppliers
from tests.queries import rows

MOST_LINES = 60
HOUR_LATER = timedelta(hours=1)


@pytest.fixture
def without(tmp_path: Path, settings: Settings, conn: connection) -> Checkout:
    """A checkout without suppliers that has filled the warehouse."""
    with conn, conn.cursor() as cursor:
        cursor.execute((PROJECT_ROOT / "sql" / "roles.sql").read_text(encoding="utf-8"))
    made = copied(tmp_path / "without", settings)
    fill(made)
    return made


def readable(conn: connection, columns: str) -> bool:
    """Whether the reader may read all of these."""
    asked = "select has_column_privilege('retail_reader', '{}', '{}', 'select')"
    return all(rows(conn, asked.format(*one.rsplit(".", 1))) == [(True,)] for one in columns.split())


def test_an_entity_takes_no_more_lines_than_was_promised() -> None:
    found = blocks()
    assert len(found) == 8
    assert 40 < sum(len(one.lines) for one in found) <= MOST_LINES


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_suppliers_are_added_to_a_warehouse_in_use_and_taken_away_again(
    without: Checkout, conn: connection, settings: Settings, tmp_path: Path
) -> None:
    sold = "select count(*), sum(net_amount) from gold.sales_item"
    before = rows(conn, sold)
    assert before != [(0, None)]
    checkout = with_suppliers(tmp_path / "with", settings)
    said = fill(checkout)
    assert "bronze_suppliers suppliers: 3 suppliers in 1 file" in said
    assert "silver_load_suppliers silver.suppliers: 3 records of 1 file: 3 inserted" in said
    assert rows(conn, "select contact_name from gold.dim_supplier order by supplier_id")[2:] == [("Jörg Meier",)]
    assert rows(conn, sold) == before
    checked = "select status, source_count, silver_count from meta.reconciliation where dataset = 'suppliers'"
    assert rows(conn, checked) == [("BALANCED", 3, 3)]
    assert rows(conn, "select personal_columns from meta.dataset where dataset = 'suppliers'") == [(["contact_name"],)]
    assert readable(conn, "silver.products.name silver.suppliers.country gold.dim_supplier.country meta.lock.name")
    assert not readable(conn, "silver.suppliers.contact_name")
    assert not readable(conn, "gold.dim_supplier.contact_name")
    report = json.loads(checkout.run("-m", "stack", "status", "--json"))["report"]
    assert (report["rows"]["silver"]["suppliers"], report["rows"]["gold"]["dim_supplier"]) == (3, 3)
    assert report["kept"] == []

    later = replace(without, environment=without.environment | {"SOURCE_NOW": (NOON + HOUR_LATER).isoformat()})
    assert "suppliers" not in fill(later)
    assert rows(conn, sold) > before
    assert rows(conn, "select count(*) from silver.suppliers") == rows(conn, "select count(*) from gold.dim_supplier")
    status = later.run("-m", "stack", "status")
    assert "kept: gold.dim_supplier, silver.suppliers, silver.suppliers_version: no longer declared" in status
