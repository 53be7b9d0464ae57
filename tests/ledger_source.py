"""A source whose commits the test decides, in any order: it serves the contract and keeps the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from fastapi import FastAPI, Response

NOW = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # an id that is missing before it may still come


def sale(sale_id: int, *, lines: int = 1) -> dict[str, Any]:
    return {
        "sale_id": sale_id,
        "customer_id": 1 + sale_id % 7,
        "store_id": 1,
        "sold_at": NOW,
        "channel": "store",
        "payment_method": "card",
        "currency": "EUR",
        "lines": [
            {"line_no": n, "product_id": n, "quantity": 2, "unit_price": "12.50", "discount": "0.50"}
            for n in range(1, lines + 1)
        ],
    }


class LedgerSource:
    """`sales` is the ledger: what is committed, by id. `asked` are the ranges that were asked for."""

    def __init__(self) -> None:
        self.sales: dict[int, dict[str, Any]] = {}
        self.asked: list[tuple[int, int | None]] = []
        self.totals_leave_out: set[int] = set()  # sales whose amounts cannot be added up
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
            "items": items,
            "count": len(items),
            "has_more": len(found) > limit,
            "next_cursor": str(items[-1]["sale_id"]) if items else None,
        }
        return Response(json.dumps(page, separators=(",", ":")), media_type="application/json")

    async def _totals(self, after: int = 0, up_to: int | None = None) -> dict[str, Any]:
        found = self._totals_between(after, up_to)
        summed = [one for one in found if one["sale_id"] not in self.totals_leave_out]
        lines = [line for one in summed for line in one["lines"]]
        net = sum((Decimal(x["unit_price"]) * x["quantity"] - Decimal(x["discount"]) for x in lines), Decimal("0.00"))
        return {"sales": len(found), "lines": len(lines), "net_amount": f"{net:.2f}"}
