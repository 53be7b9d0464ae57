"""Readings of a listing by id: the new records, and in a full refresh all records again."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ingestion.fingerprint import sample_of, topped_up
from ingestion.gaps import rows_for, without
from ingestion.id_page import position_after, validate_page
from ingestion.reading import Reading, digest, digests
from ingestion.record_ids import ids_of
from medallion.database import transaction
from medallion.state.gaps import Gap, gaps_between, keep_gaps
from medallion.state.id_range import IdRange
from medallion.state.pull import advance_replay, known_unreadable, note_unreadable, read_sample, replace_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.entity import Entity
    from ingestion.progress import Report
    from ingestion.source import Page
    from medallion.state.pull import Replay

SAMPLE = 10  # of the records that landed last


class IdReading(Reading):
    """Records after a cursor. Ids passed over become gaps, whatever the records around them contain.

    `advance` moves the position in the transaction of the receipts. A record without a readable id lands
    once. `keeps_sample`: the last records are kept, so that the next pull recognizes the source.
    """

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        pages: Iterator[Page],
        after: str | None,
        *,
        load_id: int,
        progress: Report,
        advance: Callable[[str], None],
        keeps_sample: bool = True,
    ) -> None:
        super().__init__(pages, after)
        self.unreadable_at_end = 0  # records without a readable id after the last one that has one
        self._entity, self._conn, self._load_id, self._keeps_sample = entity, conn, load_id, keeps_sample
        self._progress, self._advance = progress, advance
        self._gaps: list[Gap] = []
        self._unreadable: list[bytes] = []
        self._newest: deque[bytes] = deque(maxlen=SAMPLE)

    def take(self, page: Page) -> Sequence[bytes]:
        """Validate the page and return its records, except those without a readable id that have landed before."""
        told = ids_of(self._entity.key, page.items)
        holes = validate_page(self._entity, self.position, page, told)
        ids = [one for one in told if one is not None]
        self._gaps += rows_for(holes, ids)
        last = ids[-1] if ids else int(self.position or 0)
        reached = position_after(self._entity, page, told, last)
        self.position = str(reached) if reached else None
        self._progress(len(page.items), self.position)
        self.unreadable_at_end = len(told) - _readable(told) + (0 if ids else self.unreadable_at_end)
        if self._keeps_sample:
            self._newest.extend(page.items[-SAMPLE:])
        return page.items if len(ids) == len(told) else self._not_landed(page.items, told)

    def save(self, conn: connection) -> None:
        """Save gaps, the sample by which the source is recognized, and the position."""
        keep_gaps(conn, self._entity.name, not_kept(conn, self._entity.name, self._gaps))
        note_unreadable(conn, self._entity.name, self._unreadable, self._load_id)
        self._move(conn)

    def settle(self) -> None:
        """Begin the next part."""
        super().settle()
        self._gaps, self._unreadable = [], []

    def _move(self, conn: connection) -> None:
        if sample := sample_of(self._entity, self._newest):
            replace_sample(conn, self._entity.name, topped_up(read_sample(conn, self._entity.name), sample, SAMPLE))
        if self.position is not None:
            self._advance(self.position)

    def _not_landed(self, items: Sequence[bytes], told: Sequence[int | None]) -> list[bytes]:
        unreadable = digests(item for item, one in zip(items, told, strict=True) if one is None)
        with transaction(self._conn):
            known = known_unreadable(self._conn, self._entity.name, unreadable) | set(self._unreadable)
        self._unreadable += [one for one in unreadable if one not in known]
        return [item for item, one in zip(items, told, strict=True) if one is not None or digest(item) not in known]


class IdReplay(IdReading):
    """All records again. The watermark stays; the replay has a position of its own."""

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        pages: Iterator[Page],
        replay: Replay,
        *,
        load_id: int,
        progress: Report,
        hold: Callable[[], None],
    ) -> None:
        super().__init__(
            entity,
            conn,
            pages,
            replay.cursor,
            load_id=load_id,
            progress=progress,
            advance=lambda _position: hold(),
            keeps_sample=False,
        )
        self._replay = replay

    def _move(self, conn: connection) -> None:
        """Call `hold`, which moves nothing but refuses a run that no longer holds the entity."""
        if self.position is not None:
            self._advance(self.position)
            advance_replay(conn, self._replay, self.position)

    def _not_landed(self, items: Sequence[bytes], told: Sequence[int | None]) -> list[bytes]:
        """All records: a replay also replaces damaged files."""
        del told
        return list(items)


def _readable(told: Sequence[int | None]) -> int:
    """The number of records on a page up to the last one with a readable id."""
    return next((place for place in range(len(told), 0, -1) if told[place - 1] is not None), 0)


def not_kept(conn: connection, entity: str, gaps: Sequence[Gap]) -> list[Gap]:
    """The rows, less what stored rows cover already: after a backfill or in a replay, some gaps are known."""
    if not gaps:
        return []
    known = [one.ids for one in gaps_between(conn, entity, IdRange(gaps[0].first, gaps[-1].last))]
    if not known:
        return list(gaps)
    return [Gap(one) for one in without(_holes(gaps), known)]


def _holes(gaps: Sequence[Gap]) -> list[IdRange]:
    """Every hole of the rows as a range."""
    holes: list[IdRange] = []
    for gap in gaps:
        first = gap.first
        for number in sorted(gap.held):
            if number > first:
                holes.append(IdRange(first, number - 1))
            first = number + 1
        if first <= gap.last:
            holes.append(IdRange(first, gap.last))
    return holes
