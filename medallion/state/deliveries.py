"""Deliveries in `meta.delivery`: each file that was handed over, and what became of it.

A delivery is LANDED once its rows are in Bronze, LOADED once Silver has them, and SUPERSEDED when a later file for the
same period has replaced it. One that is REFUSED has changed nothing; its sender finds the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Delivery:
    """A file that was handed over. `name` is its path in the inbox of its entity.

    `rows` and `cells` are those of its data, `other_cells` those under headers that the layout does not know. `path` is
    the Bronze file; None for a file without rows.
    """

    delivery_id: int
    entity: str
    name: str
    period: str
    sha256: str
    bytes: int
    status: str
    path: str | None = None
    rows: int = 0
    cells: int = 0
    other_cells: int = 0
    notes: str = ""
    reason: str | None = None
    remedy: str | None = None
    superseded_by: int | None = None
    load_id: int = 0
    seen_at: datetime | None = None
    checked_at: datetime | None = None
    returned_sha256: str | None = None
    returned_at: datetime | None = None


def next_delivery(conn: connection) -> int:
    """An id for a delivery; one that is not used stays a hole."""
    return int(_SQL.one(conn, "next_delivery")[0])


def add_delivery(conn: connection, delivery: Delivery) -> None:
    """Record a delivery, in the transaction that receipts its rows."""
    _SQL.execute(conn, "add_delivery", vars(delivery))


def refuse_file(conn: connection, delivery: Delivery) -> None:
    """Record a file that was refused. One that was refused before gets today's reason."""
    if _SQL.first(conn, "refuse_again", vars(delivery)) is None:
        add_delivery(conn, delivery)


def deliveries(conn: connection, entity: str) -> list[Delivery]:
    """Every delivery of an entity, in the order in which they came."""
    return [Delivery(*row) for row in _SQL.rows(conn, "deliveries", {"entity": entity})]


def delivery_of(conn: connection, path: str) -> Delivery:
    """The delivery whose rows a Bronze file holds."""
    return Delivery(*_SQL.one(conn, "delivery_of", {"path": path}))


def empty_deliveries(conn: connection, entity: str) -> list[int]:
    """Deliveries that landed and have no rows to load."""
    return [number for (number,) in _SQL.rows(conn, "empty_deliveries", {"entity": entity})]


def mark_delivery(conn: connection, delivery_id: int) -> list[Delivery]:
    """Mark a delivery as loaded, and those of its period before the newest one as superseded. Returns these."""
    values = {"delivery_id": delivery_id}
    _SQL.execute(conn, "mark_loaded", values)
    return [Delivery(*row) for row in _SQL.rows(conn, "supersede", values)]


def note_copy(conn: connection, delivery_id: int, sha256: str) -> None:
    """Note the marked copy, before it is put into the inbox, so that it is never taken for a correction."""
    _SQL.execute(conn, "note_copy", {"delivery_id": delivery_id, "sha256": sha256})


def note_returned(conn: connection, delivery_id: int) -> None:
    """Note that the marked copy went back to the sender."""
    _SQL.execute(conn, "note_returned", {"delivery_id": delivery_id})


def sightings(conn: connection, entity: str) -> dict[str, str]:
    """The sha256 of each file that the inbox held when it was last looked at, by name."""
    return dict(_SQL.rows(conn, "sightings", {"entity": entity}))


def note_sighting(conn: connection, entity: str, name: str, sha256: str) -> None:
    """Note the content of a file, in the transaction that says what became of it."""
    _SQL.execute(conn, "note_sighting", {"entity": entity, "name": name, "sha256": sha256})


def forget_gone(conn: connection, entity: str, names: Sequence[str]) -> None:
    """Forget the files that are not in the inbox any more."""
    _SQL.execute(conn, "forget_gone", {"entity": entity, "names": list(names)})


def refuse_landed(conn: connection, path: str, reason: str, remedy: str) -> None:
    """Refuse a delivery whose rows landed and cannot be loaded: no load reads its file again."""
    _SQL.execute(conn, "refuse_landed", {"path": path, "reason": reason, "remedy": remedy})
