"""Records and cursors of an entity in words, for people. The declarations have the names and the order."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from medallion.entities.entity import ByDelivery, ById
from medallion.foreign_text import shown
from medallion.wording import counted, minute_of

if TYPE_CHECKING:
    from medallion.entities.entity import ByUpdatedAt, Entity, Table

_SECONDS_AND_ID = re.compile(r"(?P<seconds>[0-9]{1,11})~(?P<id>[0-9]{1,18})")
_ID = re.compile(r"[0-9]{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def counted_records(table: Table, number: int) -> str:
    """The number with the name of the table's records: `1 sales line`, `1,200 sales`."""
    many = table.records or table.name
    return counted(number, singular(many), many)


def position_after(entity: Entity, cursor: str | None) -> str:
    """Where the next pull starts: `after sale 54,049`, or `from the beginning` without a cursor."""
    return "from the beginning" if cursor is None else f"after {position_of(entity.order, entity.name, cursor)}"


def position_of(order: ById | ByUpdatedAt | ByDelivery, name: str, cursor: str) -> str:
    """A cursor of the entity `name`: `sale 54,049`, or `2026-11-05 10:32 UTC, id 773`.

    A cursor is the source's own text: one of another form stays as it is.
    """
    if isinstance(order, ByDelivery):
        return f"delivery {shown(cursor)}"
    if isinstance(order, ById):
        return f"{singular(name)} {int(cursor):,}" if _ID.fullmatch(cursor) else shown(cursor)
    found = _SECONDS_AND_ID.fullmatch(cursor)
    moment = _moment(int(found["seconds"])) if found else None
    return shown(cursor) if found is None or moment is None else f"{minute_of(moment)}, id {int(found['id'])}"


def singular(many: str) -> str:
    """One of many: `sale` of `sales`, `category` of `categories`."""
    return f"{many[:-3]}y" if many.endswith("ies") else many.removesuffix("s")


def _moment(seconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
