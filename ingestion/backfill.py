"""Backfill of a listing by id: its long history in ranges, pulled in parallel, each range with its own position.

One reader waits for the source half of the time, and uses one processor. The first load of years is therefore cut into
ranges of ids, and any number of processes take one range after the other. They share the lock of the entity, so that no
ordinary pull runs next to them, and each holds a lock of its own for its range. An ordinary pull finishes ranges that
no process works on, so any process can finish a backfill.

Ids that a range passes over are kept as gaps, as in every pull, and so are the ids after its last record.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ingestion.api.source import open_source
from ingestion.gaps import check_inside
from ingestion.id_reading import IdReading, not_kept
from ingestion.identity import require_known_records, require_same_name
from ingestion.landing import Landing
from ingestion.progress import pull_progress
from ingestion.record_ids import LARGEST_ID, id_of, id_of_cursor
from medallion.database import transaction
from medallion.errors import EntityLocked, NothingToDo, NotOffered, SourceUnavailable, SourceViolation
from medallion.process.fail_points import fail_point
from medallion.state.backfill_ranges import (
    RangeClaim,
    add_ranges,
    advance_range,
    claim_range,
    finish_range,
    open_ranges,
    read_progress,
    stalled_ranges,
)
from medallion.state.gaps import Gap, keep_gaps
from medallion.state.id_range import IdRange
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import entity_lock, locked, range_lock
from medallion.state.watermarks import claim_entity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from ingestion.entity import Entity, PullResult
    from ingestion.source import Page, Source
    from medallion.settings import Settings

log = logging.getLogger(__name__)

SMALLEST_RANGE = 50_000  # ids; below, a range costs more than it gains


def plan_ranges(entity: Entity, conn: connection, settings: Settings, *, most: int) -> list[IdRange]:
    """Cut the ids after the watermark into at most `most` ranges; ranges of a backfill under way stay as they are.

    Empty when there is too little to cut. Raises SourceError or DatabaseError.
    """
    with transaction(conn):
        under_way = open_ranges(conn, entity.name)
    if under_way:
        return under_way
    with open_source(entity, settings) as source, locked(conn, entity_lock(entity.name)):
        with transaction(conn):
            under_way = open_ranges(conn, entity.name)  # by another plan, a moment ago
            claim = claim_entity(conn, entity.name)
        if under_way:
            return under_way
        if claim.cursor is not None:
            require_known_records(conn, source, entity, claim.cursor)
            require_same_name(conn, source, entity)
        after = id_of_cursor(entity.name, claim.cursor) if claim.cursor else 0
        ranges = cut(IdRange(after + 1, last_id(source, entity, after)), most)
        if len(ranges) < 2:  # noqa: PLR2004 - in parallel takes two
            return []
        with transaction(conn):
            add_ranges(conn, entity.name, ranges)
        return ranges


def pull_range(entity: Entity, conn: connection, settings: Settings, *, run_id: str, first: int) -> PullResult | None:
    """Pull the range that begins at `first` from its position; None when it is finished, or another process has it.

    Raises EntityLocked during an ordinary pull, SourceError, DatabaseError or BronzeWriteFailed; complete parts that
    landed before the error stay.
    """
    with ExitStack() as held:
        held.enter_context(locked(conn, entity_lock(entity.name), shared=True))
        try:
            held.enter_context(locked(conn, range_lock(entity.name, first)))
        except EntityLocked:
            return None
        return _pull_locked(entity, conn, settings, run_id, first)


def _pull_locked(entity: Entity, conn: connection, settings: Settings, run_id: str, first: int) -> PullResult | None:
    started = datetime.now(timezone.utc)
    with (
        open_source(entity, settings) as source,
        logged_load(conn, run_id=run_id, layer="bronze", dataset=entity.name, exclusive=False) as load_id,
    ):
        with transaction(conn):
            claim = claim_range(conn, entity.name, first, load_id)
        collected = None
        if claim is not None:
            landing = Landing(entity, conn, settings, load_id, started)
            collected = _pull(entity, conn, source, claim, landing)
        with transaction(conn):
            succeed_load(conn, load_id)
    if collected is not None:
        log.info("%s", collected.summary())
    return collected


def pull_open_ranges(entity: Entity, conn: connection, settings: Settings, *, run_id: str) -> int:
    """Pull free ranges, one after the other, until none is left. Returns how many were finished.

    Raises as `pull_range`.
    """
    finished, others = 0, set[int]()
    while True:
        with transaction(conn):
            free = [one.first for one in open_ranges(conn, entity.name) if one.first not in others]
        if not free:
            return finished
        if pull_range(entity, conn, settings, run_id=run_id, first=free[0]) is None:
            others.add(free[0])
        else:
            finished += 1


def finish_backfill(entity: Entity, conn: connection, settings: Settings, *, run_id: str, full_refresh: bool) -> None:
    """Finish a backfill of the entity that no process works on, before an ordinary pull.

    While other processes work on it, raises NothingToDo. Raises EntityLocked instead with `full_refresh`, which must
    not be forgotten, or when the backfill has not moved for HOUR_DEADLINE_MINUTES. Otherwise raises as `pull_range`.
    """
    with transaction(conn):
        progress = read_progress(conn, entity.name)
        stalled = stalled_ranges(conn, entity.name, settings.hour_deadline_minutes) if progress is not None else []
    if stalled:
        raise EntityLocked(
            "; ".join(one.words() for one in stalled),
            remedy="end that process (./retail down, or kill it); the next run resumes the range",
        )
    if progress is not None and progress.at_work:
        left = f"{entity.name}: left to the backfill: {progress.words()}"
        if full_refresh:
            raise EntityLocked(left, remedy="trigger the full refresh again once it has ended")
        raise NothingToDo(left, remedy="the first run after its end pulls what is newer")
    if progress is not None:
        pull_open_ranges(entity, conn, settings, run_id=run_id)


def cut(ids: IdRange, most: int) -> list[IdRange]:
    """Divide `ids` into ranges of about the same size, at most `most`, none much below SMALLEST_RANGE."""
    size = ids.last - ids.first + 1
    number = max(1, min(most, size // SMALLEST_RANGE))
    starts = [ids.first + size * index // number for index in range(number)]
    return [
        IdRange(first, following - 1)
        for first, following in zip(starts, [*starts[1:], ids.last + 1], strict=True)
        if following > first
    ]


def last_id(source: Source, entity: Entity, after: int) -> int:
    """The largest id at the source, or `after` when nothing lies after it; found by asking."""

    def lies_behind(number: int) -> bool:
        return any(id_of(entity.key, one) for one in source.page(str(number), limit=1).items)

    if not lies_behind(after):
        return after
    below, step = after, SMALLEST_RANGE
    while below + step < LARGEST_ID and lies_behind(below + step):
        below, step = below + step, 2 * step
    above = min(below + step, LARGEST_ID)
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if lies_behind(middle) else (below, middle)
    if above == LARGEST_ID and source.exists(str(above)):
        raise SourceViolation(
            f"{entity.name}: the source has something after every id, even {above}",
            remedy="a source with up_to and a cursor must end somewhere; have it fixed",
        )
    return above


def _pull(entity: Entity, conn: connection, source: Source, claim: RangeClaim, landing: Landing) -> PullResult:
    before = str(claim.reached)
    name = f"{entity.name} {claim.ids.first} to {claim.ids.last}"
    with pull_progress(name, entity.position) as progress:
        reading = IdReading(
            entity,
            conn,
            _inside(conn, source, entity, claim.ids, source.pages(before, up_to=claim.ids.last)),
            before,
            load_id=landing.load_id,
            progress=progress,
            advance=lambda through: advance_range(conn, claim, int(through)),
            keeps_sample=False,  # ranges are pulled in parallel
        )
        while landing.land(reading):
            pass
    after = reading.position or before
    unseen = IdRange(int(after) + 1, claim.ids.last)
    _require_nothing_in(source, entity, unseen, reading.unreadable_at_end)
    with transaction(conn):
        if unseen.last >= unseen.first:
            keep_gaps(conn, entity.name, not_kept(conn, entity.name, [Gap(unseen)]))
        finish_range(conn, claim, landing.load_id)
        fail_point("range.finished")
    fail_point("range.passed")
    return landing.collected(name, before, after)


def _require_nothing_in(source: Source, entity: Entity, unseen: IdRange, unreadable: int) -> None:
    """Raise unless the source's totals confirm that nothing more follows, before the watermark may pass.

    They may differ for a moment, while a record is committed late: worth another try. `unreadable` is the number of
    records that landed from there without a readable id.
    """
    if unseen.last < unseen.first:
        return
    try:
        totals = source.totals(unseen)
    except NotOffered:
        log.warning("%s: nothing more came up to %s; the source has no totals to confirm it", entity.name, unseen.last)
        return
    if totals.count > unreadable:
        raise SourceUnavailable(
            f"{entity.name}: nothing more came up to {unseen.last}, but by its totals the source has {totals.count:,} "
            f"from {unseen.first} on",
            remedy="the range stays open and is asked for again; if it stays so, have the source fixed",
        )


def _inside(conn: connection, source: Source, entity: Entity, ids: IdRange, pages: Iterator[Page]) -> Iterator[Page]:
    for page in pages:
        require_same_name(conn, source, entity)
        check_inside(entity, ids, page)
        yield page
