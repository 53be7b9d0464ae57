"""Bronze → Silver: typed rows, newest version wins, bad records quarantined, damaged files refused."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from psycopg2.extensions import connection

from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders import merge, silver
from loaders.batch import batch_of
from loaders.load_all_silver import load_all_silver
from loaders.load_customers import CUSTOMERS, load_customers
from loaders.load_sales_products import SALES_PRODUCT, load_sales_product
from loaders.silver import LoadResult, load
from medallion.database import connect, transaction
from medallion.errors import BronzeDamaged, DatabaseError, DataQualityError, EntityLocked
from medallion.settings import Settings
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import locked, table_lock
from medallion.state.receipts import Receipt, add_receipt
from tests.conftest import NOON, Source
from tests.queries import rows

CUSTOMER = {
    "customer_id": 1,
    "first_name": "Ada",
    "last_name": "Byron",
    "email": "ada@example.com",
    "phone": "+33 1",
    "city": "Lyon",
    "region": "Auvergne-Rhône-Alpes",
    "country": "FR",
    "segment": "loyal",
    "signed_up_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-02-01T00:00:00Z",
    "is_deleted": False,
}


def customer(**changes: Any) -> bytes:
    return json.dumps(CUSTOMER | changes, ensure_ascii=False).encode()


def land(conn: connection, settings: Settings, lines: Sequence[bytes], dataset: str = "customers") -> Receipt:
    """A receipted Bronze file, as a collector would leave it."""
    with logged_load(conn, run_id="land", layer="bronze", dataset="sales") as load_id:
        content = b"".join(line + b"\n" for line in lines)
        path = f"{dataset}/2026-11-06/{load_id}-0.ndjson"
        file = Path(settings.bronze_location) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        receipt = Receipt(path, dataset, load_id, 0, len(lines), len(content), digest, None, "1")
        with transaction(conn):
            add_receipt(conn, receipt)
            succeed_load(conn, load_id)
    return receipt


def load_lines(conn: connection, settings: Settings, *lines: bytes) -> LoadResult:
    land(conn, settings, lines)
    return load_customers(conn, settings, run_id="load")


def cities(conn: connection) -> dict[int, str]:
    return dict(rows(conn, "select customer_id, city from silver.customers"))


def test_silver_is_what_the_source_holds(conn: connection, settings: Settings, source: Source) -> None:
    for collect in (collect_customers, collect_products, collect_sales):
        collect(conn, settings, run_id="r1")
    load_all_silver(conn, settings, run_id="r1")
    totals = source.data.totals(0, None)
    assert rows(conn, "select count(*) from silver.sales_customer") == [(totals.sales,)]
    assert rows(conn, "select count(*), sum(quantity * unit_price - discount) from silver.sales_product") == [
        (totals.lines, totals.net_amount)
    ]
    for entity, key in (("customers", "customer_id"), ("products", "product_id")):
        expected = [json.loads(item) for item in source.data.listing_page(entity, None, 10**9).items]
        columns = ", ".join(
            f"to_char({name} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            if name.endswith("_at")
            else f"{name}::text"
            if name.startswith("unit_")
            else name
            for name in expected[0]
        )
        found = rows(conn, f"select {columns} from silver.{entity} order by {key}")
        assert found == sorted((tuple(record.values()) for record in expected), key=lambda row: int(row[0]))


def test_loading_again_does_nothing(conn: connection, settings: Settings) -> None:
    assert load_lines(conn, settings, customer()).counts.inserted == 1
    assert load_customers(conn, settings, run_id="again").files == 0


def test_the_same_records_in_another_file_leave_every_row_as_it_was(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(), customer(customer_id=2))
    before = rows(conn, "select * from silver.customers order by 1")
    again = load_lines(conn, settings, customer(), customer(customer_id=2))
    assert (again.counts.unchanged, again.counts.accounted) == (2, 2)
    assert rows(conn, "select * from silver.customers order by 1") == before


def test_the_newest_version_wins_in_any_order_of_files(
    conn: connection, settings: Settings, postgres_server: Any
) -> None:
    versions = [
        customer(city="Old", updated_at="2026-02-01T00:00:00Z"),
        customer(city="New", updated_at="2026-03-01T00:00:00+00:00"),
        customer(city="Tie", updated_at="2026-03-01T00:00:00Z"),
        customer(city="Mid", updated_at="2026-02-15T00:00:00Z"),
    ]
    seen = set()
    for order in itertools.permutations(versions):
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute("truncate silver.customers")
        for version in order:
            load_lines(conn, settings, version)
        seen.add(cities(conn)[1])
    assert seen == {"Tie"}


def test_the_newest_version_wins_within_a_file_and_the_others_are_counted(conn: connection, settings: Settings) -> None:
    loaded = load_lines(
        conn,
        settings,
        customer(city="New", updated_at="2026-03-01T00:00:00Z"),
        customer(city="Old", updated_at="2026-02-01T00:00:00Z"),
        customer(customer_id=2),
        customer(customer_id=2),
    )
    assert cities(conn) == {1: "New", 2: "Lyon"}
    assert (loaded.counts.inserted, loaded.counts.superseded) == (2, 2)


def test_an_older_version_that_comes_late_changes_nothing(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(city="New", updated_at="2026-03-01T00:00:00Z"))
    late = load_lines(conn, settings, customer(city="Old", updated_at="2026-02-01T00:00:00Z"))
    assert cities(conn) == {1: "New"}
    assert (late.counts.superseded, late.counts.accounted) == (1, 1)


def test_a_change_carries_the_load_that_brought_it(conn: connection, settings: Settings) -> None:
    load_lines(conn, settings, customer(), customer(customer_id=2))
    load_lines(conn, settings, customer(city="New", updated_at="2026-03-01T00:00:00Z"), customer(customer_id=2))
    loads = rows(conn, "select load_id from meta.load where layer = 'silver' and dataset = 'customers' order by 1")
    found = rows(conn, "select customer_id, _load_id from silver.customers order by 1")
    assert found == [(1, loads[1][0]), (2, loads[0][0])]


def test_a_bad_record_is_set_aside_with_its_place_and_the_rest_loads(conn: connection, settings: Settings) -> None:
    bad = b'{"customer_id":"three"}'
    receipt = land(conn, settings, [customer(), bad, customer(customer_id=4), b"\xff"])
    loaded = load_customers(conn, settings, run_id="load")
    assert (loaded.counts.inserted, loaded.counts.rejected) == (2, 2)
    found = rows(conn, "select path, line_no, field, raw, status from meta.rejected_record order by line_no")
    assert [(path, number, field, bytes(raw), status) for path, number, field, raw, status in found] == [
        (receipt.path, 2, "customer_id", bad, "OPEN"),
        (receipt.path, 4, None, b"\xff", "OPEN"),
    ]


def test_text_comes_through_copy_exactly(conn: connection, settings: Settings) -> None:
    strange = [
        "\\N",
        "\\.",
        '"',
        "a,b",
        "",
        "a\nb\r\n",
        "\u2028",
        "'; drop table x; --",
        "é",
        "😀",
        "\t",
        " x ",
    ]
    lines = [customer(customer_id=number, city=text) for number, text in enumerate(strange, 1)]
    load_lines(conn, settings, *lines)
    merged = [customer(customer_id=n, city=t, updated_at="2026-02-02T00:00:00Z") for n, t in enumerate(strange, 1)]
    assert cities(conn) == dict(enumerate(strange, 1))
    assert load_lines(conn, settings, *merged).counts.updated == len(strange)
    assert cities(conn) == dict(enumerate(strange, 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[:-1]),
        lambda file: file.write_bytes(file.read_bytes() + b"{}\n"),
        lambda file: file.write_bytes(file.read_bytes().replace(b"Lyon", b"Nice")),
        lambda file: file.write_bytes(b""),
    ],
    ids=["missing", "cut", "longer", "altered", "empty"],
)
def test_a_damaged_file_is_named_and_silver_is_untouched(conn: connection, settings: Settings, damage: Any) -> None:
    receipt = land(conn, settings, [customer()])
    damage(Path(settings.bronze_location) / receipt.path)
    with pytest.raises(BronzeDamaged, match=receipt.path):
        load_customers(conn, settings, run_id="load")
    assert cities(conn) == {}
    assert rows(conn, "select silver_load_id from meta.bronze_file") == [(None,)]
    assert rows(conn, "select status from meta.load where layer = 'silver'") == [("FAILED",)]


def test_refused_records_are_known_by_their_line_however_the_file_is_read(conn: connection, settings: Settings) -> None:
    lines = [customer(customer_id=number) for number in range(1, 61)]
    bad = [3, 4, 30, 59]
    for number in bad:
        lines[number - 1] = b'{"customer_id":"odd"}'
    load_lines(conn, settings.model_copy(update={"load_chunk_bytes": 1_000}), *lines)
    assert rows(conn, "select line_no from meta.rejected_record order by 1") == [(number,) for number in bad]


def test_files_before_a_damaged_one_stay_loaded(conn: connection, settings: Settings) -> None:
    land(conn, settings, [customer()])
    bad = land(conn, settings, [customer(customer_id=2)])
    (Path(settings.bronze_location) / bad.path).unlink()
    with pytest.raises(BronzeDamaged):
        load_customers(conn, settings, run_id="load")
    assert cities(conn) == {1: "Lyon"}


def test_a_file_without_a_receipt_is_not_read(conn: connection, settings: Settings) -> None:
    debris = Path(settings.bronze_location) / "customers/2026-11-06/99-0.ndjson"
    debris.parent.mkdir(parents=True)
    debris.write_bytes(customer() + b"\n")
    assert load_customers(conn, settings, run_id="load").files == 0


def test_a_second_load_of_the_same_table_is_told_so(conn: connection, settings: Settings, database_url: str) -> None:
    with connect(database_url) as other, locked(other, table_lock("customers")):
        with pytest.raises(EntityLocked):
            load_customers(conn, settings, run_id="load")


def test_a_connection_that_is_lost_in_the_middle_leaves_the_file_for_the_next_run(
    conn: connection, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(conn, settings, [customer()])

    def lost(*arguments: Any) -> Any:
        with connect(database_url) as other, other.cursor() as cursor:
            cursor.execute("select pg_terminate_backend(%s)", (conn.info.backend_pid,))
        return original(*arguments)

    original = silver.mark_loaded
    monkeypatch.setattr(silver, "mark_loaded", lost)
    with pytest.raises(DatabaseError):
        load_customers(conn, settings, run_id="load")
    monkeypatch.undo()
    with connect(database_url) as fresh:
        assert cities(fresh) == {}
        assert load_customers(fresh, settings, run_id="again").counts.inserted == 1
        loads = "select dataset, status from meta.load where layer = 'silver' order by load_id"
        assert rows(fresh, loads) == [
            ("customers", "FAILED"),
            ("customers", "SUCCESS"),
            ("customers_version", "SUCCESS"),
        ]


def test_a_loader_that_forgets_a_record_is_stopped(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = silver.write_rows

    def forgetful(*arguments: Any) -> Any:
        counts = honest(*arguments)
        return replace(counts, inserted=counts.inserted - 1)

    monkeypatch.setattr(silver, "write_rows", forgetful)
    land(conn, settings, [customer()])
    with pytest.raises(DataQualityError, match="accounted for"):
        load_customers(conn, settings, run_id="load")
    assert cities(conn) == {}


def test_small_blocks_give_the_same_tables_as_one(conn: connection, settings: Settings, source: Source) -> None:
    collect_sales(conn, settings, run_id="r1")
    small = settings.model_copy(update={"load_chunk_bytes": 3_000})
    load(SALES_PRODUCT, conn, small, run_id="small")
    totals = source.data.totals(0, None)
    assert rows(conn, "select count(*), sum(quantity * unit_price - discount) from silver.sales_product") == [
        (totals.lines, totals.net_amount)
    ]


@pytest.mark.parametrize(
    ("block", "is_new"),
    [
        ([(10, 3), (11, 1)], True),  # begins in the middle of a sale: that must not cost it the quick way
        ([(9, 1), (9, 7)], True),
        ([(12, 2), (13, 1)], True),
        ([(10, 2)], False),
        ([(10, 3), (12, 2)], False),  # sale 12's first line lies between
        ([(11, 2), (11, 1), (11, 2)], False),
    ],
)
def test_a_block_is_copied_when_no_key_lies_between_its_own(
    conn: connection, block: list[tuple[int, int]], *, is_new: bool
) -> None:
    with transaction(conn), conn.cursor() as cursor:
        for key in ((10, 1), (10, 2), (12, 1)):
            cursor.execute("insert into silver.sales_product values (%s, %s, 1, 1, 1, 0, 1)", key)
        batch = batch_of(SALES_PRODUCT, pl.DataFrame(block, schema=["sale_id", "line_no"], orient="row"), load_id=1)
        assert merge._all_new(conn, SALES_PRODUCT, batch) is is_new


def test_line_numbers_of_rejections_count_through_all_blocks(conn: connection, settings: Settings) -> None:
    land(conn, settings, [*[customer(customer_id=number) for number in range(1, 30)], b"bad"])
    load(CUSTOMERS, conn, settings.model_copy(update={"load_chunk_bytes": 500}), run_id="small")
    assert rows(conn, "select line_no from meta.rejected_record") == [(30,)]


def test_after_a_large_load_the_planner_knows_the_table(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silver, "_MANY_ROWS", 30_000)
    line = '{"sale_id":%d,"line_no":%d,"product_id":%d,"quantity":1,"unit_price":"%d.00","discount":"0.00"}'
    lines = [
        (line % (sale, number, 1 + (7 * sale + number) % 90, sale % 50)).encode()
        for sale in range(1, 10_001)
        for number in range(1, 5)
    ]
    land(conn, settings, lines, "sales_product")
    load_sales_product(conn, settings, run_id="load")
    assert rows(conn, "select reltuples from pg_class where oid = 'silver.sales_product'::regclass") == [(40_000,)]
    known = dict(
        rows(
            conn,
            "select attname, case when n_distinct < 0 then -n_distinct * 40000 else n_distinct end from pg_stats "
            "where schemaname = 'silver' and tablename = 'sales_product'",
        )
    )
    assert 5_000 < known["sale_id"] < 20_000
    assert 80 <= known["product_id"] <= 90
    assert known["line_no"] == 4


def test_an_hour_after_an_hour_gives_what_one_pull_of_both_gives(
    conn: connection, settings: Settings, source: Source
) -> None:
    for hours in range(3):
        source.set_clock(NOON + timedelta(hours=hours))
        for collect in (collect_customers, collect_products, collect_sales):
            collect(conn, settings, run_id=f"r{hours}")
        load_all_silver(conn, settings, run_id=f"r{hours}")
    totals = source.data.totals(0, None)
    assert rows(conn, "select count(*), sum(quantity * unit_price - discount) from silver.sales_product") == [
        (totals.lines, totals.net_amount)
    ]
    assert load_sales_product(conn, settings, run_id="more").files == 0


def test_a_large_load_neither_waits_for_a_vacuum_nor_ends_it(
    conn: connection, settings: Settings, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silver, "_MANY_ROWS", 0)
    land(conn, settings, [customer(customer_id=1)])
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("set statement_timeout = '10s'")  # who waits fails
    with connect(database_url) as vacuum, transaction(vacuum), vacuum.cursor() as cursor:
        cursor.execute("lock table silver.customers in share update exclusive mode")
        load_customers(conn, settings, run_id="load")
    assert rows(conn, "select customer_id from silver.customers") == [(1,)]
