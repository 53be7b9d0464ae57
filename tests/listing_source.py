"""A source of customers whose commits the test decides, listed by (updated_at, customer_id)."""

from __future__ import annotations

import json
from typing import Any

from fastapi import FastAPI, Response


def customer(customer_id: int, updated_at: str, **changed: Any) -> dict[str, Any]:
    return {
        "customer_id": customer_id,
        "first_name": "Agathe",
        "last_name": "Lefèvre",
        "email": f"{customer_id}@example.com",
        "phone": "+33 1",
        "city": "Lyon",
        "region": "Rhône",
        "country": "FR",
        "segment": "new",
        "signed_up_at": f"2025-01-01T00:00:{customer_id % 60:02}Z",
        "updated_at": updated_at,
        "is_deleted": False,
    } | changed


class ListingSource:
    """`records` is the ledger, by id. `sent` counts records that went out, `asked` the cursors that were asked with."""

    def __init__(self) -> None:
        self.records: dict[int, dict[str, Any]] = {}
        self.sent = 0
        self.asked: list[str | None] = []
        self.source_id: str | None = None
        self.gone: str | None = None  # a cursor that is not taken any more
        self.wrong_moments: dict[int, object] = {}  # what is sent as updated_at in place of the true one
        self.app = FastAPI()
        self.app.get("/customers")(self._page)

    def commit(self, *records: dict[str, Any]) -> None:
        self.records |= {one["customer_id"]: one for one in records}

    async def _page(self, cursor: str | None = None, limit: int = 1000) -> Response:
        self.asked.append(cursor)
        if cursor is not None and cursor == self.gone:
            return Response(status_code=410)
        ordered = sorted(self.records.values(), key=lambda one: (one["updated_at"], one["customer_id"]))
        after = None if cursor is None else (cursor.rpartition("~")[0], int(cursor.rpartition("~")[2]))
        found = [one for one in ordered if after is None or (one["updated_at"], one["customer_id"]) > after]
        items = found[:limit]
        sent = [one | {"updated_at": self.wrong_moments.get(one["customer_id"], one["updated_at"])} for one in items]
        self.sent += len(items)
        last = f"{items[-1]['updated_at']}~{items[-1]['customer_id']}" if items else None
        page = {"items": sent, "count": len(items), "has_more": len(found) > limit, "next_cursor": last}
        headers = {"x-source-id": self.source_id} if self.source_id else {}
        return Response(json.dumps(page, separators=(",", ":")), media_type="application/json", headers=headers)
