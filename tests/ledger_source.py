"""A source whose commits the test decides, in any order: it serves the contract and keeps the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Response

SOLD_AT = "2026-11-20T10:00:00Z"


def sale(sale_id: int, *, lines: int = 1) -> dict[str, Any]:
    return {
        "sale_id": sale_id,
        "customer_id": 1 + sale_id % 7,
        "store_id": 1,
        "sold_at": SOLD_AT,
        "channel": "store",
        "payment_method": "card",
        "currency": "EUR",
        "lines": [
            {"line_no": n, "product_id": n, "quantity": 2, "unit_price": "12.50", "discount": "0.50"}
            for n in range(1, lines + 1)
        ],
    }


def checksum(sales: Iterable[dict[str, Any]]) -> int:
    """By the contract's words, apart from our own implementations."""
    total = 0
    for one in sales:
        fields = [str(one.get(name)) for name in ("sale_id", "customer_id", "store_id")]
        fields += [str(one.get("sold_at")).replace("Z", ".000000Z")]
        total += _mark([*fields, *(str(one.get(name)) for name in ("channel", "payment_method", "currency"))])
        for line in one["lines"]:
            numbers = [str(line.get(name)) for name in ("line_no", "product_id", "quantity", "unit_price", "discount")]
            total += _mark([str(one["sale_id"]), *numbers])
    return total % 2**60


def _mark(fields: list[str]) -> int:
    return int(hashlib.md5("\x1f".join(fields).encode(), usedforsecurity=False).hexdigest()[:15], 16)


class LedgerSource:
    """`sales` is the ledger, by id. `asked` are the ranges that were asked for, `totals_asked` those of totals.

    `sends` is what goes out in place of a sale: a source that spoils records.
    """

    def __init__(self) -> None:
        self.sales: dict[int, dict[str, Any]] = {}
        self.asked: list[tuple[int, int | None]] = []
        self.totals_asked: list[tuple[int, int | None]] = []
        self.sends: dict[int, dict[str, Any]] = {}
        self.cursor_as_sent = False  # next_cursor is the last id as it is sent, spoilt or not
        self.source_id: str | None = None
        self.totals_leave_out: set[int] = set()  # sales whose amounts cannot be added up
        self.tells_checksums = True
        self.app = FastAPI()
        self.app.get("/sales")(self._page)
        self.app.get("/sales/totals")(self._totals)

    def commit(self, *ids: int) -> None:
        self.commit_all(ids)

    def commit_all(self, ids: Iterable[int]) -> None:
        self.sales |= {sale_id: sale(sale_id) for sale_id in ids}

    def _between(self, after: int, up_to: int | None) -> list[dict[str, Any]]:
        ids = sorted(one for one in self.sales if one > after and (up_to is None or one <= up_to))
        return [self.sales[one] for one in ids]

    def _totals_between(self, after: int, up_to: int | None) -> list[dict[str, Any]]:
        return self._between(after, up_to)

    async def _page(self, cursor: int = 0, limit: int = 1000, up_to: int | None = None) -> Response:
        self.asked.append((cursor, up_to))
        found = self._between(cursor, up_to)
        items = found[:limit]
        page = {
            "items": [self.sends.get(one["sale_id"], one) for one in items],
            "count": len(items),
            "has_more": len(found) > limit,
            "next_cursor": str(items[-1]["sale_id"]) if items else None,
        }
        if self.cursor_as_sent and items:
            page["next_cursor"] = str(page["items"][-1]["sale_id"])  # type: ignore[index]
        headers = {"x-source-id": self.source_id} if self.source_id else {}
        return Response(json.dumps(page, separators=(",", ":")), media_type="application/json", headers=headers)

    async def _totals(self, after: int = 0, up_to: int | None = None) -> dict[str, Any]:
        self.totals_asked.append((after, up_to))
        found = self._totals_between(after, up_to)
        lines = [line for one in found for line in one["lines"]]
        summed = [line for one in found if one["sale_id"] not in self.totals_leave_out for line in one["lines"]]
        net = sum((Decimal(x["unit_price"]) * x["quantity"] - Decimal(x["discount"]) for x in summed), Decimal("0.00"))
        told = {"sales": len(found), "lines": len(lines), "net_amount": f"{net:.2f}"}
        return told | ({"checksum": str(checksum(found))} if self.tells_checksums else {})
