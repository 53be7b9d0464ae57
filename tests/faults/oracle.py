"""What must hold after a fault: at once for what is durable, and after one clean run for everything."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

from tests.faults.world import World

RECEIPTS = "select path, dataset, records, bytes, sha256, silver_load_id from meta.bronze_file order by load_id, part"
KEYS = {"sales_customer": ("sale_id",), "sales_product": ("sale_id", "line_no")}
HEADERS = """
    select sale_id, customer_id, store_id, to_char(sold_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    channel, payment_method, currency from silver.sales_customer
"""
LINES = "select sale_id, line_no, product_id, quantity, unit_price, discount from silver.sales_product"

Key = tuple[int, ...]


def check_at_once(world: World) -> None:
    """After the fault, before anything is mended: nothing acknowledged is missing, Silver is what it has taken."""
    receipted = _receipted(world)
    _check_watermark(world, receipted)
    for dataset, key in KEYS.items():
        loaded = {found for found, taken in receipted[dataset] if taken}
        assert sorted(world.ask(f"select {', '.join(key)} from silver.{dataset}")) == sorted(loaded)


def check_recovered(world: World) -> None:
    """After one clean run: Silver is the ledger, every receipt is loaded and true, no load is left open."""
    check_at_once(world)
    assert sorted(world.ask(HEADERS)) == sorted(_headers(world))
    assert sorted(world.ask(LINES)) == sorted(_lines(world))
    assert world.ask("select path from meta.bronze_file where silver_load_id is null") == []
    assert world.ask("select load_id from meta.load where status = 'RUNNING'") == []
    assert world.ask("select from_id from meta.sales_backfill") == []
    assert world.ask("select count(*) from meta.rejected_record") == [(0,)]
    ids = {found[0] for found, _ in _receipted(world)["sales_customer"]}
    assert ids == set(world.ledger.sales)
    assert _watermark(world) == max(ids)


def _headers(world: World) -> list[tuple[Any, ...]]:
    return [tuple(value for name, value in one.items() if name != "lines") for one in world.ledger.sales.values()]


def _lines(world: World) -> list[tuple[Any, ...]]:
    return [
        (
            sale_id,
            line["line_no"],
            line["product_id"],
            line["quantity"],
            Decimal(line["unit_price"]),
            Decimal(line["discount"]),
        )
        for sale_id, one in world.ledger.sales.items()
        for line in one["lines"]
    ]


def _receipted(world: World) -> dict[str, list[tuple[Key, bool]]]:
    """Keys in receipted files, each with whether Silver has taken its file. Each file is held against its receipt."""
    found: dict[str, list[tuple[Key, bool]]] = {dataset: [] for dataset in KEYS}
    for path, dataset, records, size, sha256, silver_load_id in world.ask(RECEIPTS):
        content = (world.bronze / path).read_bytes()
        assert (content.count(b"\n"), len(content)) == (records, size), path
        assert hashlib.sha256(content).hexdigest() == sha256, path
        for line in content.splitlines():
            record = json.loads(line)
            found[dataset].append((tuple(record[name] for name in KEYS[dataset]), silver_load_id is not None))
    return found


def _check_watermark(world: World, receipted: dict[str, list[tuple[Key, bool]]]) -> None:
    """Not past the last durable record, and nothing below it is missing but what is kept as a gap.

    While a backfill is under way, records lie behind it: each in a range, up to where that one stands.
    """
    ids = {key[0] for key, _ in receipted["sales_customer"]}
    watermark = _watermark(world)
    ranges = world.ask("select from_id, coalesce(cursor_value, from_id - 1) from meta.sales_backfill")
    ahead = {one for one in ids if one > watermark}
    assert ahead == {one for one in ids if any(first <= one <= last for first, last in ranges) and one > watermark}
    assert watermark == max(ids - ahead, default=0)
    for first, last in ranges:
        assert {one for one in world.ledger.sales if first <= one <= last} <= ids
    gaps = world.ask("select from_id, to_id from meta.sales_gap where status = 'OPEN'")
    missing = {one for first, last in gaps for one in range(first, last + 1)}
    assert {one for one in world.ledger.sales if one <= watermark} <= ids | missing
    assert not ids & missing


def _watermark(world: World) -> int:
    ((cursor,),) = world.ask("select cursor_value from meta.ingestion_state where entity = 'sales'")
    return int(cursor or 0)
