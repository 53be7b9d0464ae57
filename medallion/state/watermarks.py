"""Watermarks in `meta.ingestion_state`: how far each entity has landed, and which run may move its watermark.

Two things keep a second run out: a session lock (`medallion.state.locks`), which ends when its holder dies, and the
epoch of the entity, which every run raises when it starts. The lock alone is not enough: a run that is paused, loses
its connection and wakes up would still believe that it holds the lock. Its epoch is then stale, and the
compare-and-swap in `advance_watermark` refuses to move.

Every function of this package takes the connection and leaves the transaction to its caller, because what must be true
together must commit together: the receipts of a part with the watermark after it, the rows of a file with its mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.errors import WatermarkLost
from medallion.statements import Statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Claim:
    """An entity taken by this run. `cursor` is its watermark, None when nothing was pulled yet."""

    entity: str
    cursor: str | None
    epoch: int


def claim_entity(conn: connection, entity: str) -> Claim:
    """Take an entity under a new epoch. The caller holds its lock."""
    cursor_value, epoch = _SQL.one(conn, "claim_entity", {"entity": entity})
    return Claim(entity, cursor_value, epoch)


def advance_watermark(conn: connection, claim: Claim, cursor: str | None, load_id: int) -> None:
    """Move the watermark after what this transaction receipts. Raises WatermarkLost on a stale epoch."""
    values = {"entity": claim.entity, "epoch": claim.epoch, "cursor_value": cursor, "load_id": load_id}
    if _SQL.first(conn, "advance_watermark", values) is None:
        raise WatermarkLost(
            f"{claim.entity}: a newer run has taken over since this one started (epoch {claim.epoch} is stale)",
            remedy="nothing of this part was kept; the newer run carries on",
        )
