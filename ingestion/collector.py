"""How every entity is pulled: claim, read pages, land parts, move the watermark with their receipts.

No bookkeeping per page and no list of finished pages: the watermark is the only position there is, and it moves in the
transaction that receipts a part (`ingestion.landing`). What it passed over is kept beside it, as ranges of ids
(`ingestion.gaps`), and asked for again before anything new.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ingestion.client import SourceClient
from ingestion.gaps import by_gap, check_inside, left_of, runs_of, windows
from ingestion.landing import Landing
from ingestion.progress import pull_progress
from loaders.backfill import open_ranges
from loaders.database import transaction
from loaders.errors import EntityLocked, SourceViolation
from loaders.state_store import (
    Claim,
    IdRange,
    advance_watermark,
    claim_entity,
    expire_gaps,
    fill_gap,
    gaps_checked,
    locked,
    logged_load,
    open_gaps,
    succeed_load,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.entity import Collected, Entity
    from ingestion.pages import Page
    from ingestion.progress import Report
    from loaders.config import Settings

log = logging.getLogger(__name__)


def collect(
    entity: Entity,
    conn: connection,
    settings: Settings,
    *,
    run_id: str,
    full_refresh: bool = False,
    client: SourceClient | None = None,
    now: datetime | None = None,
) -> Collected:
    """Pull what is new of `entity` into Bronze.

    `full_refresh` starts again at the source's beginning; Silver makes nothing of what it has already.
    Raises SourceError, DatabaseError or BronzeWriteFailed; what whole parts came before stays.
    """
    started = now or datetime.now(timezone.utc)
    with (
        client or SourceClient(settings) as source,
        locked(conn, "bronze", entity.name),
        logged_load(conn, run_id=run_id, layer="bronze", dataset=entity.name) as load_id,
    ):
        with transaction(conn):
            if entity.late is not None and open_ranges(conn):
                raise EntityLocked(
                    f"{entity.name}: a backfill was begun a moment ago", remedy="the next try goes on with it"
                )
            claim = claim_entity(conn, entity.name)
        pull = _Pull(entity, conn, settings, claim, Landing(entity, conn, settings, load_id, started), started)
        collected = pull.run(source, None if full_refresh else claim.cursor)
        with transaction(conn):
            succeed_load(conn, load_id)
    log.info("%s", collected.summary())
    return collected


class _Pull:
    """One pull under way: where it stands and what its parts brought so far."""

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        settings: Settings,
        claim: Claim,
        landing: Landing,
        started: datetime,
    ) -> None:
        self._entity, self._conn, self._settings = entity, conn, settings
        self._claim, self._landing = claim, landing
        self._late = 0
        self._replays = False
        self._gaps_since = started - timedelta(hours=settings.sales_gap_ttl_hours)

    def run(self, source: SourceClient, cursor: str | None) -> Collected:
        self._replays = cursor != self._claim.cursor
        pages, reached = source.pages(self._entity.name, cursor), cursor
        with pull_progress(self._entity.name) as progress:
            self._land_late(source, progress)
            while (through := self._land(pages, reached, progress)) is not None:
                reached = through
        self._finish(source, reached)
        before = self._claim.cursor
        after = reached if reached != cursor else before
        return self._landing.collected(self._entity.name, before, after, late=self._late)

    def _finish(self, source: SourceClient, reached: str | None) -> None:
        """Refuse a source that no longer knows the watermark; move the watermark of a replay, which it held back.

        A source that was restored from a backup hands out the same ids again, and `id > watermark` would skip them.
        """
        before = self._claim.cursor
        if before is None:
            return
        if (self._replays or not self._landing.files) and not self._entity.known(source, before):
            raise SourceViolation(
                f"{self._entity.name}: the source does not know the record at the watermark {before} any more",
                remedy="find out whether it was restored from a backup; if its ids start again, set the watermark in "
                "meta.ingestion_state back to the last record that both sides have",
            )
        if self._replays and reached is not None:
            with transaction(self._conn):
                advance_watermark(self._conn, self._claim, reached, self._landing.load_id)

    def _land_late(self, source: SourceClient, progress: Report) -> None:
        """Ask again for what was passed over and land what has come; the watermark stays."""
        if self._entity.late is None or self._claim.cursor is None:
            return
        with transaction(self._conn):
            gaps = open_gaps(self._conn)
        pages = self._late_pages(source, gaps)
        while self._land_late_part(pages, gaps, progress):
            with transaction(self._conn):
                gaps = open_gaps(self._conn)
        if gaps:
            self._expire_gaps()

    def _expire_gaps(self) -> None:
        """Every gap was asked for a moment ago: only behind that may one be given up, however long nobody ran."""
        with transaction(self._conn):
            gaps_checked(self._conn)
            expired = expire_gaps(self._conn, self._settings.sales_gap_ttl_hours)
        if expired:
            log.warning("%s: %s ids never came and are given up (meta.sales_gap)", self._entity.name, f"{expired:,}")

    def _late_pages(self, source: SourceClient, gaps: Sequence[IdRange]) -> Iterator[Page]:
        for window in reversed(windows(gaps, self._settings.source_page_size)):  # the newest are the likeliest to come
            cursor = str(window.first - 1)
            for page in source.pages(self._entity.name, cursor, up_to=window.last):
                self._entity.check(cursor, page)
                check_inside(self._entity.name, window, page)
                yield page
                cursor = page.next_cursor or cursor

    def _land_late_part(self, pages: Iterator[Page], gaps: Sequence[IdRange], progress: Report) -> bool:
        """Land what has come into gaps; False when nothing more has."""
        arrived = list[int]()

        def take(page: Page) -> list[bytes]:
            late = self._entity.late(page.items, gaps) if self._entity.late else {}
            arrived.extend(late)
            progress(len(late), page.next_cursor)
            return list(late.values())

        files = self._landing.write(pages, take)
        if not files or self._claim.cursor is None:
            return False
        with self._landing.acknowledged(files, self._claim.cursor, self._claim.cursor):
            for gap, ids in by_gap(gaps, arrived).items():
                fill_gap(self._conn, gap, runs_of(ids), left_of(gap, ids))
            self._advance(self._claim.cursor)
        self._late += len(arrived)
        return True

    def _land(self, pages: Iterator[Page], reached: str | None, progress: Report) -> str | None:
        return self._landing.land(pages, reached, progress, gaps_since=self._gaps_since, advance=self._advance)

    def _advance(self, through: str) -> None:
        """Move the watermark; a replay holds it where it was, so that it never moves back."""
        held = self._claim.cursor if self._replays else None
        advance_watermark(self._conn, self._claim, held or through, self._landing.load_id)
