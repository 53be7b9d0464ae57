"""A long history in ranges: cut at ids, pulled side by side, each range with a position of its own.

One reader waits for the source half of the time, and uses one processor. The first load of years of sales is therefore
cut into ranges of ids; any number of processes take one after the other. They share the lock of the entity, so that no
ordinary pull runs beside them, and hold one of their own for the range. An ordinary pull that meets ranges that nobody
works on brings them to their end: nothing depends on the processes that began it.

What a range passes over is kept as a gap, as in every pull, and so is its end: ids behind its last sale may still come.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ingestion.client import SourceClient
from ingestion.gaps import check_inside
from ingestion.landing import Landing
from ingestion.pages import id_of_cursor
from ingestion.progress import pull_progress
from loaders.backfill import RangeClaim, add_ranges, advance_range, claim_range, finish_range, open_ranges
from loaders.database import transaction
from loaders.errors import EntityLocked, SourceUnavailable, SourceViolation
from loaders.fail_point import fail_point
from loaders.state_store import IdRange, add_gaps, claim_entity, locked, logged_load, succeed_load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from ingestion.entity import Collected, Entity
    from ingestion.pages import Page
    from loaders.config import Settings

log = logging.getLogger(__name__)

LARGEST_ID = 2**63 - 1
SMALLEST_RANGE = 50_000  # ids; below, a range costs more than it gains


def plan_ranges(entity: Entity, conn: connection, settings: Settings, *, most: int) -> list[IdRange]:
    """Cut what lies behind the watermark into at most `most` ranges; those of a backfill under way stay as they are.

    Empty when there is too little to cut. Raises SourceError or DatabaseError.
    """
    with transaction(conn):
        under_way = open_ranges(conn)
    if under_way:
        return under_way
    with SourceClient(settings) as source, locked(conn, "bronze", entity.name):
        with transaction(conn):
            under_way = open_ranges(conn)  # by another plan, a moment ago
            claim = claim_entity(conn, entity.name)
        if under_way:
            return under_way
        after = id_of_cursor(claim.cursor) if claim.cursor else 0
        ranges = cut(IdRange(after + 1, last_id(source, entity.name, after)), most)
        if len(ranges) < 2:  # noqa: PLR2004 - side by side takes two
            return []
        with transaction(conn):
            add_ranges(conn, ranges)
        return ranges


def pull_range(entity: Entity, conn: connection, settings: Settings, *, run_id: str, first: int) -> Collected | None:
    """Pull the range that begins at `first` from where it stands; None when it is finished, or another process has it.

    Raises EntityLocked during an ordinary pull, SourceError, DatabaseError or BronzeWriteFailed; what whole parts came
    before stays.
    """
    with ExitStack() as held:
        held.enter_context(locked(conn, "bronze", entity.name, shared=True))
        try:
            held.enter_context(locked(conn, "bronze", f"{entity.name} from {first}"))
        except EntityLocked:
            return None
        return _pull_locked(entity, conn, settings, run_id, first)


def _pull_locked(entity: Entity, conn: connection, settings: Settings, run_id: str, first: int) -> Collected | None:
    started = datetime.now(timezone.utc)
    with (
        SourceClient(settings) as source,
        logged_load(conn, run_id=run_id, layer="bronze", dataset=entity.name, alone=False) as load_id,
    ):
        with transaction(conn):
            claim = claim_range(conn, first, load_id)
        collected = None
        if claim is not None:
            landing = Landing(entity, conn, settings, load_id, started)
            since = started - timedelta(hours=settings.sales_gap_ttl_hours)
            collected = _pull(entity, conn, source, claim, landing, since)
        with transaction(conn):
            succeed_load(conn, load_id)
    if collected is not None:
        log.info("%s", collected.summary())
    return collected


def pull_open_ranges(entity: Entity, conn: connection, settings: Settings, *, run_id: str) -> int:
    """Take one range after the other that nobody has, until none is left to take. Returns how many were finished.

    Raises as `pull_range`.
    """
    finished, others = 0, set[int]()
    while True:
        with transaction(conn):
            free = [one.first for one in open_ranges(conn) if one.first not in others]
        if not free:
            return finished
        if pull_range(entity, conn, settings, run_id=run_id, first=free[0]) is None:
            others.add(free[0])
        else:
            finished += 1


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


def last_id(source: SourceClient, resource: str, after: int) -> int:
    """The largest id at the source, or `after` when nothing lies behind it; found by asking."""

    def lies_behind(number: int) -> bool:
        return bool(source.page(resource, str(number), limit=1).items)

    if not lies_behind(after):
        return after
    below, step = after, SMALLEST_RANGE
    while lies_behind(below + step):
        below, step = below + step, 2 * step
        if below > LARGEST_ID:
            raise SourceViolation(
                f"{resource}: the source has something behind every id, even {below}",
                remedy="a source with up_to and a cursor must end somewhere; have it mended",
            )
    above = below + step
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if lies_behind(middle) else (below, middle)
    return above


def _pull(
    entity: Entity, conn: connection, source: SourceClient, claim: RangeClaim, landing: Landing, since: datetime
) -> Collected:
    cursor = before = str(claim.reached)
    name = f"{entity.name} {claim.ids.first} to {claim.ids.last}"
    pages = _inside(source.pages(entity.name, cursor, up_to=claim.ids.last), entity, claim.ids)

    def advance(through: str) -> None:
        advance_range(conn, claim, int(through))

    with pull_progress(name) as progress:
        while (through := landing.land(pages, cursor, progress, gaps_since=since, advance=advance)) is not None:
            cursor = through
    unseen = IdRange(int(cursor) + 1, claim.ids.last)
    _require_nothing_in(source, entity, unseen)
    with transaction(conn):
        if unseen.last >= unseen.first:
            add_gaps(conn, [unseen])
        finish_range(conn, claim, landing.load_id)
        fail_point("range.finished")
    fail_point("range.passed")
    return landing.collected(name, before, cursor)


def _require_nothing_in(source: SourceClient, entity: Entity, unseen: IdRange) -> None:
    """The source said that nothing more follows: its totals must say the same before the watermark may pass.

    They may differ for a moment, while a sale is committed late: worth another try.
    """
    if unseen.last < unseen.first:
        return
    told = source.sales_totals(unseen.first - 1, unseen.last)
    if told.sales:
        raise SourceUnavailable(
            f"{entity.name}: nothing more came up to {unseen.last}, but by its totals the source has {told.sales:,} "
            f"from {unseen.first} on",
            remedy="the range stays open and is asked for again; if it stays so, have the source mended",
        )


def _inside(pages: Iterator[Page], entity: Entity, ids: IdRange) -> Iterator[Page]:
    for page in pages:
        check_inside(entity.name, ids, page)
        yield page
