"""A new field at the source is kept in Bronze, and reported once with when it was first seen."""

from __future__ import annotations

import io
import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from psycopg2.extensions import connection
from rich.console import Console

from loaders import new_fields
from loaders.load_customers import load_customers
from loaders.load_sales_products import load_sales_product
from medallion.database import connect, transaction
from medallion.entities.registry import TABLES
from medallion.errors import DataQualityError
from medallion.settings import Settings
from medallion.state.new_fields import SeenField, add_new_fields, declared_fields, undeclared_fields
from stack.commands.layer_report import print_report, read_report
from tests.integration.test_silver import customer, land
from tests.process_table import eventually
from tests.queries import rows

KEPT = "select dataset, field, json_type, path, line_no from meta.new_field order by dataset, field"
LINE = {"sale_id": 9, "line_no": 1, "product_id": 88, "quantity": 2, "unit_price": "12.50", "discount": "0.00"}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [one.getMessage() for one in caplog.records if one.name == new_fields.__name__]
    caplog.clear()
    return found


def test_a_new_field_is_kept_and_reported_once(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    land(conn, settings, [customer()])
    first = land(
        conn, settings, [customer(), customer(customer_id=2, tier="secret value", updated_at="2026-02-02T00:00:00Z")]
    )
    land(conn, settings, [customer(customer_id=3, tier="x", note={"a": 1})])
    assert load_customers(conn, settings, run_id="one").counts.rejected == 0
    said = warnings(caplog)
    assert [one.split(" at the source: ")[1].split(", first")[0] for one in said] == ["tier (string)", "note (object)"]
    assert f"first in {first.path}, line 2" in said[0]

    land(conn, settings, [customer(customer_id=4, tier=5)])
    load_customers(conn, settings, run_id="two")
    line = land(conn, settings, [json.dumps(LINE | {"promo": None}).encode()], "sales_product")
    load_sales_product(conn, settings, run_id="two")
    assert len(warnings(caplog)) == 1  # of the line
    kept = rows(conn, KEPT)
    assert kept[1:] == [
        ("customers", "tier", "string", first.path, 2),
        ("sales_product", "lines[].promo", "null", line.path, 1),
    ]
    landed = "select bool_and(first_seen_at = landed_at) from meta.new_field inner join meta.bronze_file using (path)"
    assert rows(conn, landed) == [(True,)]
    assert "secret" not in str(rows(conn, "select meta.new_field.*::text from meta.new_field"))
    assert b"secret value" in (Path(settings.bronze_location) / first.path).read_bytes()

    text = io.StringIO()
    report = read_report(str(settings.require_database_url()), None)
    print_report(report, Console(file=text, soft_wrap=True))
    assert [one.field for one in report.new_fields] == ["tier", "note", "lines[].promo"]
    assert f"new field: customers: tier (string), first seen {report.new_fields[0].first_seen_at:%Y-%m-%d %H:%M}" in (
        text.getvalue()
    )


def test_two_loads_that_meet_a_field_at_once_report_it_once(
    conn: connection, settings: Settings, database_url: str
) -> None:
    receipt, field = land(conn, settings, [customer(tier=1)]), SeenField("tier", "number", 1)
    with connect(database_url) as other, ThreadPoolExecutor(1) as pool:
        with transaction(conn), conn.cursor() as cursor:
            first = add_new_fields(conn, receipt, [field])
            waiting = pool.submit(lambda: add_new_fields(other, receipt, [field]))
            waits = f"select from pg_locks where not granted and pid = {other.info.backend_pid}"
            assert eventually(lambda: cursor.execute(waits) or cursor.rowcount)
        assert (first, waiting.result(60)) == ([field], [])
        other.commit()
    assert rows(conn, KEPT) == [("customers", "tier", "number", receipt.path, 1)]


def test_a_field_that_is_declared_now_is_new_no_more(conn: connection, settings: Settings) -> None:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.new_field values ('customers', 'city', 'string', now(), 'a', 1), "
            "('sales_product', 'lines[].discount', 'string', now(), 'a', 1), ('customers', 'lines[].city', 'string', "
            "now(), 'a', 1)"
        )
    with transaction(conn):
        assert [one.field for one in undeclared_fields(conn)] == ["lines[].city"]
    assert all(declared_fields(name) for name in TABLES)


def test_the_fields_of_a_file_that_does_not_fit_say_why(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    fit = json.loads(customer(tier=1)) | {"customer_id": None}
    renamed = [json.dumps({"id": number, **fit}).encode() for number in range(60)]
    file = land(conn, settings, renamed)
    for _ in range(2):
        with pytest.raises(DataQualityError, match="do not fit"):
            load_customers(conn, settings, run_id="r")
    assert rows(conn, KEPT) == [("customers", name, "number", file.path, 1) for name in ("id", "tier")]
    assert len(warnings(caplog)) == 1
    assert rows(conn, "select count(*) from silver.customers") == [(0,)]


def test_a_source_that_invents_names_is_reported_up_to_a_bound_and_then_not_at_all(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    for begin in (0, 500):
        land(conn, settings, [customer(customer_id=at + 1, **{f"junk{at}": at}) for at in range(begin, begin + 300)])
        assert load_customers(conn, settings, run_id="r").counts.inserted == 300
    assert rows(conn, "select count(*) from meta.new_field") == [(new_fields.MOST_FIELDS,)]
    named, bound = warnings(caplog)
    assert "100 new fields at the source: junk0 (number)" in named
    assert "and 95 more, first in" in named
    assert "no further ones" in bound
