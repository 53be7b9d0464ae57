"""One warehouse for all examples of a test: emptied between them, filled from files or from a scripted source."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
from psycopg2.extensions import connection

from medallion.database import transaction
from medallion.settings import Settings
from medallion.state.loads import logged_load, succeed_load
from medallion.state.receipts import Receipt, add_receipt

_EMPTY = """
    delete from meta.rejected_record;
    delete from meta.bronze_file;
    delete from meta.sales_gap;
    delete from meta.lookback_page;
    delete from meta.source_sample;
    delete from meta.source_identity;
    delete from meta.unreadable_record;
    delete from meta.new_field;
    delete from meta.replay;
    update meta.ingestion_state set cursor_value = null, load_id = null;
    delete from meta.load;
    delete from silver.customers;
    delete from silver.products;
    delete from silver.customers_version;
    delete from silver.products_version;
    delete from silver.stores;
    delete from silver.stores_version;
    delete from silver.sales_customer;
    delete from silver.sales_product;
"""


def empty(conn: connection) -> None:
    """As after the schema was applied; much quicker than a clone."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_EMPTY)


def land(conn: connection, settings: Settings, dataset: str, lines: Sequence[bytes]) -> None:
    """A receipted Bronze file, as a collector would leave it."""
    content = b"".join(line + b"\n" for line in lines)
    with logged_load(conn, run_id="land", layer="bronze", dataset=dataset) as load_id, transaction(conn):
        path = f"{dataset}/2026-11-06/{load_id}-0.ndjson"
        file = Path(settings.bronze_location) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        add_receipt(conn, Receipt(path, dataset, load_id, 0, len(lines), len(content), digest, None, "1"))
        succeed_load(conn, load_id)


class ScriptedSource(httpx.BaseTransport):
    """`sales` is the ledger, by id. From request number `fails_at` on it answers 503. Totals are optional."""

    def __init__(self, *, offers_totals: bool = False) -> None:
        self.sales: dict[int, dict[str, Any]] = {}
        self.offers_totals = offers_totals
        self.fails_at: int | None = None
        self._asked = 0

    def commit(self, sales: Iterable[dict[str, Any]]) -> None:
        self.sales |= {one["sale_id"]: one for one in sales}

    def fail_at(self, request: int | None) -> None:
        self.fails_at, self._asked = request, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._asked += 1
        if self.fails_at is not None and self._asked > self.fails_at:
            return httpx.Response(503)
        asked = request.url.params
        after, up_to = int(asked.get("cursor", asked.get("after", 0))), int(asked.get("up_to", 2**63))
        found = [self.sales[one] for one in sorted(self.sales) if after < one <= up_to]
        if request.url.path.endswith("/totals"):
            return httpx.Response(200, json=_totals(found)) if self.offers_totals else httpx.Response(404)
        return httpx.Response(200, headers={"content-type": "application/json"}, content=_page(found, asked["limit"]))


def _totals(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    lines = [line for one in found for line in one["lines"]]
    net = sum((line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"]) for line in lines), Decimal())
    return {"sales": len(found), "lines": len(lines), "net_amount": f"{net:.2f}"}


def _page(found: Sequence[dict[str, Any]], limit: str) -> bytes:
    items = found[: int(limit)]
    page = {
        "items": items,
        "count": len(items),
        "has_more": len(found) > len(items),
        "next_cursor": str(items[-1]["sale_id"]) if items else None,
    }
    return json.dumps(page, separators=(",", ":"), ensure_ascii=False).encode()
