"""Late arrivals of a listing by id: records that arrive in gaps, found at a cost that does not grow with the gaps.

Every id up to the watermark is held or lies in a row of `meta.gap`, so the number of records that Bronze holds of a
range is known. One request for the source's totals, from the first open gap to the last one, shows whether anything
has arrived. Only where the totals differ is the range divided and asked again, down to a page, which is then listed.

A source without totals is asked for the gaps themselves: at most SALES_GAP_REQUESTS requests a pull, the older gaps
less often. So is a source whose totals its own listing contradicts. Either way the pull reports what it left unasked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ingestion.gaps import by_gap, check_inside, contiguous_ranges, skipped_between, still_missing, windows, without
from ingestion.id_page import position_after, validate_page
from ingestion.reading import Reading, digest
from ingestion.record_ids import ids_of
from medallion.database import transaction
from medallion.errors import NotOffered, SourceUnavailable, SourceViolation
from medallion.state.gaps import (
    Gap,
    expire,
    expiring_gaps,
    fill,
    gaps_between,
    gaps_to_ask,
    keep_gaps,
    mark_checked,
    set_held,
    withdraw,
)
from medallion.state.id_range import IdRange
from medallion.state.pull import known_unreadable, note_unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.entity import Entity
    from ingestion.landing import Landing
    from ingestion.progress import Report
    from ingestion.source import Page, Source
    from medallion.settings import Settings

log = logging.getLogger(__name__)

MOST_CONTRADICTIONS = 3  # stretches whose listing is not what the totals say, before these are no longer asked for
_WAITS = ((timedelta(hours=3), timedelta()), (timedelta(hours=12), timedelta(hours=3)))
_LONGEST_WAIT = timedelta(hours=8)


@dataclass(frozen=True)
class Stretch:
    """Ids above `after`, up to and including `up_to`, with every gap among them."""

    after: int
    up_to: int
    gaps: tuple[Gap, ...]

    @property
    def held(self) -> int:
        """Records of the stretch that have landed and were not withdrawn since."""
        return self.up_to - self.after - sum(gap.missing for gap in self.gaps)

    @property
    def is_whole(self) -> bool:
        """Whether it cannot be divided: a gap from end to end, or a single id."""
        if self.gaps:
            return (self.gaps[0].first, self.gaps[0].last) == (self.after + 1, self.up_to)
        return self.up_to - self.after == 1

    def divided(self) -> list[Stretch]:
        """The stretch in parts, none of which cuts a gap."""
        if len(self.gaps) > 1:
            middle = len(self.gaps) // 2
            return self.cut_after(self.gaps[middle - 1].last)
        if self.gaps:
            gap = self.gaps[0]
            *before, rest = self.cut_after(gap.first - 1)
            return [*before, *rest.cut_after(gap.last)]
        return self.cut_after((self.after + self.up_to) // 2)

    def cut_after(self, number: int) -> list[Stretch]:
        """The stretch up to that id and the rest of it; a part without ids is left out."""
        left = tuple(gap for gap in self.gaps if gap.last <= number)
        parts = [Stretch(self.after, number, left), Stretch(number, self.up_to, self.gaps[len(left) :])]
        return [part for part in parts if part.up_to > part.after]


class LateArrivals:
    """Asks for records that have arrived in gaps and lands them. `landed` counts them; `notes`: what was not asked."""

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        source: Source,
        settings: Settings,
        landing: Landing,
        *,
        watermark: str,
        progress: Report,
        hold: Callable[[], None],
    ) -> None:
        self.landed = 0
        self.notes: list[str] = []
        self._entity, self._conn, self._source = entity, conn, source
        self._settings, self._landing = settings, landing
        self._watermark, self._progress, self._hold = watermark, progress, hold
        self._contradictions = 0

    def land(self) -> None:
        """Ask, land, and expire gaps that are too old. Raises SourceError, DatabaseError or BronzeWriteFailed."""
        with transaction(self._conn):
            gaps = gaps_to_ask(self._conn, self._entity.name)
        if not gaps:
            return
        try:
            asked = self._land_by_totals(Stretch(gaps[0].first - 1, gaps[-1].last, tuple(gaps)))
        except NotOffered:
            asked = self._land_by_listing("the source offers no totals that can be used")
        with transaction(self._conn):
            mark_checked(self._conn, self._entity.name, asked)
        self._expire(asked)

    def _land_by_totals(self, whole: Stretch) -> Sequence[Gap] | None:
        """Land what the totals say has arrived. Returns the gaps that were asked for; None: all of them."""
        for stretch, told in self._differing(whole):
            listed = self._land_stretch(stretch)
            self._contradictions += listed != told
            if self._contradictions >= MOST_CONTRADICTIONS:
                return self._land_by_listing("the source's listing does not bear out its totals")
        return None

    def _differing(self, stretch: Stretch) -> Iterator[tuple[Stretch, int]]:
        """Stretches of about a page where the source's number of records is not Bronze's, each with that number."""
        told = self._told(stretch)
        if told == stretch.held:
            return
        if stretch.is_whole or max(told, stretch.held) <= self._source.page_size:
            yield stretch, told
            return
        for part in stretch.divided():
            yield from self._differing(part)

    def _told(self, stretch: Stretch) -> int:
        """The number of records by the totals. Raises NotOffered, also for totals that fail or cannot be right."""
        try:
            return self._source.totals(IdRange(stretch.after + 1, stretch.up_to)).count
        except (SourceUnavailable, SourceViolation) as error:
            raise NotOffered(error.message, remedy=error.remedy) from error

    def _land_by_listing(self, why: str) -> list[Gap]:
        """List the gaps that are due, as many as the bound allows. Returns them."""
        with transaction(self._conn):
            due = [gap for gap in gaps_to_ask(self._conn, self._entity.name) if gap.status == "OPEN" and _is_due(gap)]
        due.sort(key=lambda gap: -gap.first)  # the newest are the likeliest to arrive
        asked, requests = list[Gap](), 0
        for stretch in _stretches(due, self._source.page_size):
            requests += 1 + sum(gap.known for gap in stretch.gaps) // self._source.page_size
            if requests > self._settings.sales_gap_requests and asked:
                break
            self._land_stretch(stretch)
            asked += stretch.gaps
        self._note_unasked(len(due) - len(asked), why)
        return asked

    def _note_unasked(self, left: int, why: str) -> None:
        if left:
            self.notes.append(
                f"{left:,} gaps were not asked for: {why}, and SALES_GAP_REQUESTS="
                f"{self._settings.sales_gap_requests} requests are spent"
            )
            log.warning("%s: %s", self._entity.name, self.notes[-1])

    def _land_stretch(self, stretch: Stretch) -> int:
        """List a stretch, land late arrivals, note withdrawn records. Returns how many records were listed."""
        reading = LateReading(
            self._entity,
            self._conn,
            self._source,
            stretch,
            watermark=self._watermark,
            load_id=self._landing.load_id,
            progress=self._progress,
            hold=self._hold,
        )
        while self._landing.land(reading):
            pass
        self.landed += reading.arrived
        if reading.withdrawn() and self._source_agrees(reading):
            with transaction(self._conn):
                reading.note_withdrawn(self._conn)
        return len(reading.listed) + reading.nameless

    def _source_agrees(self, reading: LateReading) -> bool:
        """Whether the totals confirm that the listing was complete."""
        try:
            return self._told(reading.stretch) == len(reading.listed) + reading.nameless
        except NotOffered:
            return False

    def _expire(self, asked: Sequence[Gap] | None) -> None:
        """Expire gaps that are too old, once their own listing was asked for: totals may be wrong."""
        hours = self._settings.sales_gap_ttl_hours
        with transaction(self._conn):
            over = expiring_gaps(self._conn, self._entity.name, hours, self._settings.sales_gap_requests)
        if not over:
            return
        if asked is None:
            for stretch in _stretches([gap for gap in over if gap.is_hole], 0):
                self._land_stretch(stretch)
        with transaction(self._conn):
            expired = expire(self._conn, self._entity.name, hours, over if asked is None else asked)
        if expired:
            log.warning("%s: %s ids never came and have expired (meta.gap)", self._entity.name, f"{expired:,}")


class LateReading(Reading):
    """The listing of a stretch: takes the records that lie in its gaps, and those without a readable id."""

    def __init__(
        self,
        entity: Entity,
        conn: connection,
        source: Source,
        stretch: Stretch,
        *,
        watermark: str,
        load_id: int,
        progress: Report,
        hold: Callable[[], None],
    ) -> None:
        super().__init__(source.pages(str(stretch.after), up_to=stretch.up_to), str(stretch.after))
        self.stretch = stretch
        self.listed: set[int] = set()
        self.nameless = 0  # records that were listed without a readable id
        self.arrived = 0
        self._entity, self._conn, self._watermark, self._load_id = entity, conn, watermark, load_id
        self._progress, self._hold = progress, hold
        self._late: list[int] = []
        self._unreadable: list[bytes] = []
        self._window = IdRange(stretch.after + 1, stretch.up_to)
        with transaction(conn):
            self._gaps = gaps_between(conn, entity.name, self._window)

    def take(self, page: Page) -> Sequence[bytes]:
        """Validate the page and return its records that have not landed."""
        told = ids_of(self._entity.key, page.items)
        validate_page(self._entity, self.position, page, told)
        check_inside(self._entity, self._window, page)
        ids = [one for one in told if one is not None]
        self.position = str(position_after(self._entity, page, told, ids[-1] if ids else int(self.position or 0)))
        self.listed.update(ids)
        self.nameless += len(told) - len(ids)
        late = self._select_late_arrivals(ids)
        self._late += late
        unreadable = self._not_landed([item for item, one in zip(page.items, told, strict=True) if one is None])
        self._progress(len(late), self.position)
        return [item for item, one in zip(page.items, told, strict=True) if one in late] + unreadable

    def save(self, conn: connection) -> None:
        """Note what has arrived in the gaps, if the run still holds the entity; the watermark stays."""
        self._hold()
        note_unreadable(conn, self._entity.name, self._unreadable, self._load_id)
        for ids, numbers in by_gap([gap.ids for gap in self._gaps], self._late).items():
            gap = next(one for one in self._gaps if one.ids == ids)
            if gap.is_hole:
                fill(conn, self._entity.name, gap, contiguous_ranges(numbers), still_missing(ids, numbers))
            else:
                set_held(conn, self._entity.name, gap, gap.held | set(numbers))
        self._gaps = gaps_between(conn, self._entity.name, self._window)

    def cursors(self) -> tuple[str | None, str]:
        """The watermark, which stays: it is the cursor in the receipts of late arrivals."""
        return self._watermark, self._watermark

    def settle(self) -> None:
        """Begin the next part."""
        super().settle()
        self.arrived += len(self._late)
        self._late, self._unreadable = [], []

    def withdrawn(self) -> list[int | IdRange]:
        """Records of the stretch that have landed and were not listed: ranges of ids, and single ones within a gap."""
        inside = (one for gap in self._open_with_records() for one in gap.held - self.listed)
        return [*self._withdrawn_between(), *(gap.ids for gap in self._filled_and_gone()), *inside]

    def note_withdrawn(self, conn: connection) -> None:
        """Record withdrawn records as not held, so that the totals agree again."""
        keep_gaps(conn, self._entity.name, [Gap(ids) for ids in self._withdrawn_between()], status="WITHDRAWN")
        withdraw(conn, self._entity.name, self._filled_and_gone())
        for gap in self._open_with_records():
            set_held(conn, self._entity.name, gap, gap.held & self.listed)

    def _select_late_arrivals(self, ids: Sequence[int]) -> set[int]:
        """The ids that lie in a gap and have not landed."""
        in_gaps = by_gap([gap.ids for gap in self._gaps], ids)
        by_ids = {gap.ids: gap for gap in self._gaps if gap.status != "FILLED" and not gap.is_settled}
        return {
            one for where, numbers in in_gaps.items() if where in by_ids for one in set(numbers) - by_ids[where].held
        }

    def _not_landed(self, unreadable: Sequence[bytes]) -> list[bytes]:
        if not unreadable:
            return []
        with transaction(self._conn):
            known = known_unreadable(self._conn, self._entity.name, [digest(one) for one in unreadable])
        fresh = [one for one in unreadable if digest(one) not in known]
        self._unreadable += [digest(one) for one in fresh]
        return fresh

    def _withdrawn_between(self) -> list[IdRange]:
        first, last = self._window.first, self._window.last
        not_listed = skipped_between(first - 1, [*sorted(self.listed), last + 1])
        return without(not_listed, [gap.ids for gap in self._gaps])

    def _filled_and_gone(self) -> list[Gap]:
        filled = [gap for gap in self._gaps if gap.status == "FILLED"]
        return [gap for gap in filled if not any(one in gap.ids for one in self.listed)]

    def _open_with_records(self) -> list[Gap]:
        return [gap for gap in self._gaps if not gap.is_hole and not gap.is_settled]


def _stretches(gaps: Sequence[Gap], span: int) -> list[Stretch]:
    """Gaps to list, neighbors joined while they span at most `span` ids, in the order of the first gap of each."""
    found = []
    for window in windows([gap.ids for gap in gaps], span):
        inside = tuple(sorted((gap for gap in gaps if gap.first in window), key=lambda gap: gap.first))
        found.append(Stretch(window.first - 1, window.last, inside))
    order = {gap.first: place for place, gap in enumerate(gaps)}
    return sorted(found, key=lambda stretch: min(order[gap.first] for gap in stretch.gaps))


def _is_due(gap: Gap) -> bool:
    """Whether it is time to ask for a gap again. The older the gap, the less often."""
    if gap.since_checked is None or gap.age is None:
        return True
    wait = next((wait for until, wait in _WAITS if gap.age < until), _LONGEST_WAIT)
    return gap.since_checked >= wait
