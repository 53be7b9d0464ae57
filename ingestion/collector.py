"""The pull of any entity: claim it, recognize the source, land parts, move the watermark with the receipts.

A pull is up to three readings in sequence. In a listing by id, late arrivals come first: ids that were passed over are
kept as ranges (`ingestion.late_arrivals`). New records come next (`ingestion.id_reading`, or else `changes`). A full
refresh comes last: it has a position of its own in `meta.replay`, so that the next pull resumes one that was cut off.
The order of the listing (`medallion.entities.entity`) decides which readings an entity takes.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ingestion.api.source import open_source
from ingestion.changes import Changes, ChangesReplay
from ingestion.id_reading import IdReading, IdReplay
from ingestion.identity import of_known_source, require_known_records, require_same_name
from ingestion.landing import Landing
from ingestion.late_arrivals import LateArrivals
from ingestion.progress import pull_progress
from ingestion.record_ids import id_of_cursor
from ingestion.source import check_cursor
from medallion.database import transaction
from medallion.errors import EntityLocked, NothingToDo, ResourceNotOffered, SourceRefused
from medallion.state.backfill_ranges import open_ranges
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import entity_lock, locked
from medallion.state.pull import (
    begin_replay,
    finish_replay,
    lookback_pages,
    open_replay,
    read_sample,
    warehouse_clock,
)
from medallion.state.receipts import has_landed
from medallion.state.watermarks import Claim, advance_watermark, claim_entity
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from ingestion.api.client import SourceClient
    from ingestion.entity import Entity, PullResult
    from ingestion.progress import Report
    from ingestion.reading import Reading
    from ingestion.source import Page, Source
    from medallion.settings import Settings
    from medallion.state.pull import Replay

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
) -> PullResult:
    """Pull the new records of `entity` into Bronze.

    `full_refresh` then pulls all history again; Silver ignores records that it already has. `now` is the time, by
    default that of the warehouse. Raises SourceError, DatabaseError or BronzeWriteFailed; complete parts that landed
    before the error stay. Raises NothingToDo where the source does not offer an optional entity, and never has.
    """
    with (
        open_source(entity, settings, client) as source,
        locked(conn, entity_lock(entity.name)),
        logged_load(conn, run_id=run_id, layer="bronze", dataset=entity.name) as load_id,
    ):
        with transaction(conn):
            if entity.is_by_id and open_ranges(conn, entity.name):
                raise EntityLocked(
                    f"{entity.name}: a backfill began a moment ago", remedy="the next attempt resumes it"
                )
            claim = claim_entity(conn, entity.name)
            started = now or warehouse_clock(conn)
        landing = Landing(entity, conn, settings, load_id, started.astimezone(timezone.utc))
        pull = _Pull(entity, conn, settings, source, claim, landing, started)
        collected = pull.run_or_do_without(full_refresh=full_refresh)
        with transaction(conn):
            succeed_load(conn, load_id)
    if isinstance(collected, ResourceNotOffered):
        raise _nothing_offered(entity, collected)
    log.info("%s", collected.summary())
    return collected


class _Pull:
    """One pull under way: its position and what its readings have landed so far."""

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        settings: Settings,
        source: Source,
        claim: Claim,
        landing: Landing,
        started: datetime,
    ) -> None:
        self._entity, self._conn, self._settings, self._source = entity, conn, settings, source
        self._claim, self._landing, self._started = claim, landing, started
        self._reached = claim.cursor
        self._late = 0
        self._notes: list[str] = []
        self._has_answered = False

    def run_or_do_without(self, *, full_refresh: bool) -> PullResult | ResourceNotOffered:
        """Pull as `run` does; return the source's refusal if it does not offer an optional entity.

        Once a record of the entity has landed, a source without the resource is an error like any other.
        """
        try:
            return self.run(full_refresh=full_refresh)
        except ResourceNotOffered as refusal:
            if not self._entity.is_optional or self._has_answered or self._claim.cursor is not None:
                raise
            with transaction(self._conn):
                if has_landed(self._conn, self._entity.datasets):
                    raise
            return refusal

    def run(self, *, full_refresh: bool) -> PullResult:
        with transaction(self._conn):
            replay = self._replay(full_refresh=full_refresh)
        with pull_progress(self._entity.name, self._entity.position) as progress:
            if self._entity.is_by_id:
                self._land_by_id(progress)
            else:
                self._land_changes(progress)
            if replay is not None:
                self._land_again(replay, progress, is_asked_for=full_refresh)
        before, after = self._claim.cursor, self._reached
        return self._landing.collected(self._entity.name, before, after, late=self._late, notes=self._notes)

    def _land_by_id(self, progress: Report) -> None:
        watermark = self._claim.cursor
        if watermark is not None:
            check_cursor(self._entity.name, watermark)
            id_of_cursor(self._entity.name, watermark)
            require_known_records(self._conn, self._source, self._entity, watermark)
            require_same_name(self._conn, self._source, self._entity)
            late = LateArrivals(
                self._entity,
                self._conn,
                self._source,
                self._settings,
                self._landing,
                watermark=watermark,
                progress=progress,
                hold=self._hold,
            )
            late.land()
            self._late, self._notes = late.landed, late.notes
        reading = IdReading(
            self._entity,
            self._conn,
            self._named(self._source.pages(watermark)),
            watermark,
            load_id=self._landing.load_id,
            progress=progress,
            advance=self._advance,
        )
        self._land_all(reading)

    def _land_changes(self, progress: Report) -> None:
        with transaction(self._conn):
            before, sample = lookback_pages(self._conn, self._entity.name), read_sample(self._conn, self._entity.name)
        watermark = self._claim.cursor
        start = before[0].cursor_before if before and watermark is not None else watermark

        def read() -> Iterator[Page]:
            return self._named(self._pages_from(start, otherwise=watermark))

        def read_all() -> Iterator[Page]:
            return self._named(self._source.pages(None))

        reading = Changes(
            self._entity,
            self._source,
            before,
            self._claim.cursor,
            pages=of_known_source(read, read_all, self._entity, before, sample),
            lookback=self._entity.lookback(self._settings),
            latest=self._started + timedelta(minutes=self._settings.source_clock_tolerance_minutes),
            progress=progress,
            advance=self._advance,
        )
        self._land_all(reading)
        if reading.held_back:
            self._notes.append(_held_back(reading.held_back))
            log.warning("%s: %s", self._entity.name, self._notes[-1])

    def _land_again(self, replay: Replay, progress: Report, *, is_asked_for: bool) -> None:
        """Resume a full refresh: to its end if asked for, else for REPLAY_MINUTES, so that the hourly run proceeds."""
        reading = self._replayed(replay, progress)
        until = time.monotonic() + self._settings.replay_minutes * 60
        while self._landing.land(reading):
            if not is_asked_for and time.monotonic() > until:
                reached = self._entity.position(reading.position)
                self._notes.append(f"the full refresh has come to {reached}; the next run resumes it")
                return
        with transaction(self._conn):
            finish_replay(self._conn, replay)

    def _replayed(self, replay: Replay, progress: Report) -> Reading:
        if not self._entity.is_by_id:
            pages = self._source.pages(replay.cursor)
            return ChangesReplay(self._entity, self._named(pages), replay, progress=progress, hold=self._hold)
        up_to = int(replay.end) if replay.end else None
        return IdReplay(
            self._entity,
            self._conn,
            self._named(self._source.pages(replay.cursor, up_to=up_to)),
            replay,
            load_id=self._landing.load_id,
            progress=progress,
            hold=self._hold,
        )

    def _replay(self, *, full_refresh: bool) -> Replay | None:
        """The full refresh to resume or to begin; None before the first pull, when every record is new."""
        found = open_replay(self._conn, self._entity.name)
        if found is not None or not full_refresh or self._claim.cursor is None:
            return found
        end = self._claim.cursor if self._entity.is_by_id else None
        return begin_replay(self._conn, self._entity.name, self._landing.load_id, end)

    def _land_all(self, reading: Reading) -> None:
        while self._landing.land(reading):
            self._reached = reading.position

    def _pages_from(self, cursor: str | None, *, otherwise: str | None) -> Iterator[Page]:
        """Pages after `cursor`, or after `otherwise` when the source no longer accepts `cursor`."""
        pages = self._source.pages(cursor)
        try:
            first = next(pages, None)
        except SourceRefused:
            if cursor == otherwise:
                raise
            log.warning(
                "%s: the source refuses the cursor of the lookback: pulled from the watermark", self._entity.name
            )
            yield from self._source.pages(otherwise)
            return
        if first is not None:
            yield first
            yield from pages

    def _named(self, pages: Iterator[Page]) -> Iterator[Page]:
        """The same pages, each checked to come from a source of the same name."""
        for page in pages:
            require_same_name(self._conn, self._source, self._entity)
            self._has_answered = True
            yield page

    def _advance(self, through: str | None) -> None:
        advance_watermark(self._conn, self._claim, through, self._landing.load_id)

    def _hold(self) -> None:
        """Leave the watermark where it is, and refuse a run that no longer holds the entity."""
        advance_watermark(self._conn, self._claim, self._reached, self._landing.load_id)


def _nothing_offered(entity: Entity, refusal: ResourceNotOffered) -> NothingToDo:
    """Return the error that skips the pull of an entity which the source does not offer, and warn in the log.

    `./retail run` shows the warning, too (`stack.commands.run_progress`).
    """
    nothing = NothingToDo(
        f"{entity.name}: the source does not offer them (status {refusal.status}); nothing is pulled",
        remedy=f"nothing to do, unless the source should list {entity.name}: check SOURCE_API_URL",
    )
    log.warning("%s", nothing.message)
    return nothing


def _held_back(records: int) -> str:
    verb = "holds" if records == 1 else "hold"
    return f"{counted(records, 'record')} dated in the future {verb} the watermark back"
