"""Returns: a second listing by id, declared for tests alone. It is kept in memory or served by the source API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from fastapi import FastAPI
from psycopg2.extensions import connection

from ingestion.entity import Entity
from ingestion.source import Page, SpanTotals
from medallion.bronze.ndjson import Ndjson
from medallion.entities.entity import ById
from medallion.errors import NotOffered
from medallion.state.id_range import IdRange

RETURNS = Entity(
    name="returns",
    datasets=("returns",),
    split_by_dataset=lambda records: {"returns": Ndjson.of(records)},
    key="return_id",
    lasting=("sale_id",),
    order=ById(),
)
# What a declaration adds.
ADDED = """
    insert into meta.entity (entity, ordered_by) values ('returns', 'id');
    insert into meta.ingestion_state (entity, cursor_name) values ('returns', 'last_returns_id');
    insert into meta.dataset (dataset, entity) values ('returns', 'returns');
"""


class ReturnsTable:
    """All that another kind of source is: one class that answers what `ingestion.source.Source` asks.

    `asked` are the ranges that were listed. `tells_totals`: it can count.
    """

    source_id: str | None = None
    page_size = 50

    def __init__(self) -> None:
        self.ids: set[int] = set()
        self.asked: list[tuple[str | None, int | None]] = []
        self.tells_totals = True

    def commit(self, ids: Iterable[int]) -> None:
        self.ids |= set(ids)

    def pages(self, after: str | None, *, up_to: int | None = None) -> Iterator[Page]:
        page = self.page(after, up_to=up_to)
        while page.items:
            yield page
            if not page.has_more:
                return
            page = self.page(page.next_cursor, up_to=up_to)

    def page(self, after: str | None, *, up_to: int | None = None, limit: int | None = None) -> Page:
        self.asked.append((after, up_to))
        found = self._between(int(after or 0) + 1, up_to)
        taken = found[: limit or self.page_size]
        items = [json.dumps(_return(one), separators=(",", ":")).encode() for one in taken]
        return Page(items, has_more=len(found) > len(taken), next_cursor=str(taken[-1]) if taken else None)

    def exists(self, after: str, *, up_to: int | None = None) -> bool:
        return bool(self._between(int(after) + 1, up_to))

    def totals(self, ids: IdRange) -> SpanTotals:
        if not self.tells_totals:
            raise NotOffered("the table counts nothing", remedy="list it")
        return SpanTotals(len(self._between(ids.first, ids.last)))

    def _between(self, first: int, last: int | None) -> list[int]:
        return sorted(one for one in self.ids if one >= first and (last is None or one <= last))


def in_memory(table: ReturnsTable) -> Entity:
    """The entity, its records read from the table itself."""
    return replace(RETURNS, open_source=lambda _settings: nullcontext(table))


def served(table: ReturnsTable, app: FastAPI) -> Entity:
    """The entity, its table a resource of the source API `app`."""

    @app.get("/returns")
    async def page(cursor: str | None = None, limit: int = 50, up_to: int | None = None) -> dict[str, Any]:
        found = table.page(cursor, up_to=up_to, limit=limit)
        items = [json.loads(one) for one in found.items]
        return {"items": items, "count": len(items), "has_more": found.has_more, "next_cursor": found.next_cursor}

    @app.get("/returns/totals")
    async def totals(after: int = 0, up_to: int = 2**63 - 1) -> dict[str, Any]:
        return {"count": table.totals(IdRange(after + 1, up_to)).count, "checksum": "0"}

    return RETURNS


def add_returns(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(ADDED)


def _return(return_id: int) -> dict[str, Any]:
    return {"return_id": return_id, "sale_id": 1000 + return_id, "reason": "too small"}
