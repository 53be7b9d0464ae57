"""What else has touched a record, and what could explain that it is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.entities.entity import ById
from medallion.entity_words import position_of, singular
from medallion.state.gaps import gaps_between
from medallion.state.id_range import IdRange
from medallion.statements import Statements
from medallion.wording import ago

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from medallion.entities.entity import Entity
    from medallion.settings import Settings
    from medallion.state.gaps import Gap

_SQL = Statements(__file__)


def notes_on(conn: connection, settings: Settings, entity: Entity, record_id: int, *, is_there: bool) -> list[str]:
    """Sentences for a person. `is_there`: Silver or Bronze has the record, so that its absence needs no explanation."""
    notes = [*_remedies(conn, entity, record_id), *_nameless(conn, entity, record_id)]
    if not is_there:
        notes += _of_absence(conn, settings, entity, record_id)
    return notes


def _remedies(conn: connection, entity: Entity, record_id: int) -> Iterator[str]:
    values = {"entity": entity.name, "id": record_id}
    if entity.key == "sale_id":
        for load_id, asked_at, is_taken in _SQL.rows(conn, "repairs", values):
            taken = "" if is_taken else ", which Silver has not taken yet: ./retail run has it do so"
            yield f"a repair of {asked_at:%Y-%m-%d} pulled it again in load {load_id}{taken}"
    for accepted_at, accepted_by in _SQL.rows(conn, "accepted", values):
        yield f"it differs from the source, which {accepted_by} accepted on {accepted_at:%Y-%m-%d}"


def _nameless(conn: connection, entity: Entity, record_id: int) -> Iterator[str]:
    """Quarantined lines without a readable id that may be a version of the record."""
    named = rf'"{entity.key}"\s*:\s*"?{record_id}(?![0-9])'
    for (rejected_id,) in _SQL.rows(conn, "nameless", {"datasets": list(entity.datasets), "named": named}):
        yield f"a line in quarantine names it, and has no id that can be read: ./retail rejects show {rejected_id}"


def _of_absence(conn: connection, settings: Settings, entity: Entity, record_id: int) -> Iterator[str]:
    found = _SQL.first(conn, "watermark", {"entity": entity.name})
    if found is None:
        yield f"{entity.name} were never pulled: ./retail run does so"
    elif isinstance(entity.order, ById):
        yield from _of_id(conn, settings, entity, record_id, str(found[0]))
    else:
        reached = position_of(entity.order, entity.name, str(found[0]))
        yield f"no pull has brought it; the last one came to {reached}"


def _of_id(conn: connection, settings: Settings, entity: Entity, record_id: int, cursor: str) -> Iterator[str]:
    """Why a record of a listing by id is not there: every id up to the watermark has landed or lies in a gap."""
    if _SQL.rows(conn, "backfill", {"entity": entity.name, "id": record_id}):
        yield "a backfill in progress has not come to it yet: ./retail backfill resumes it"
    if cursor.isdecimal() and record_id > int(cursor):
        yield f"it lies beyond the watermark, {position_of(entity.order, entity.name, cursor)}: no pull has come to it"
        return
    gaps = [one for one in gaps_between(conn, entity.name, IdRange(record_id, record_id)) if record_id not in one.held]
    yield from (_of_gap(one, settings.sales_gap_ttl_hours) for one in gaps)
    if not gaps:
        yield (
            f"pulls have passed it, and no gap has it: the source never listed such a {singular(entity.name)}, its gap "
            "has expired more than 30 days ago, or it is in quarantine"
        )


def _of_gap(gap: Gap, hours: float) -> str:
    passed = f"it lies in a gap: a pull passed over it {ago(gap.age.total_seconds()) if gap.age else 'once'}"
    return {
        "OPEN": f"{passed}, and each pull asks for it until SALES_GAP_TTL_HOURS={hours:g} are over",
        "EXPIRED": f"{passed}, and it did not come within SALES_GAP_TTL_HOURS={hours:g}",
        "WITHDRAWN": "it has landed, and the source has withdrawn it since",
    }.get(gap.status, "its gap was filled: it has landed")
