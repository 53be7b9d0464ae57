"""How every entity is pulled: claim, read pages, land parts, move the watermark with their receipts.

A part is a handful of pages: it ends when one of its files is full, when it has been open for long enough,
or when the source has nothing more. Its files are made durable first; then one transaction writes their
receipts and moves the watermark behind the last page. Killed between the two, the run leaves files without
a receipt, which nobody reads, and the next run pulls the part again: at least once, never a gap.

No bookkeeping per page and no list of finished pages: the watermark is the only position there is. What it passed
over is kept beside it, as ranges of ids (`ingestion.gaps`), and asked for again before anything new.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ingestion.bronze import BronzeFile, BronzeStore, WrittenFile, bronze_path
from ingestion.client import SourceClient
from ingestion.gaps import by_gap, check_inside, left_of, runs_of, windows
from ingestion.part import Part
from ingestion.progress import pull_progress
from loaders.database import transaction
from loaders.errors import SourceViolation
from loaders.fail_point import fail_point
from loaders.state_store import (
    Claim,
    IdRange,
    Receipt,
    add_gaps,
    add_receipt,
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
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg2.extensions import connection

    from ingestion.pages import Page
    from loaders.config import Settings

    Progress = Callable[[int, str | None], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entity:
    """A source entity: its resource, the datasets it lands in, and how a page is divided among them.

    `check` raises SourceViolation for a page that breaks the contract of this resource, and returns the ids it
    passes over; it is given the cursor the page was asked with. `late` picks, by id, the records that lie in such
    a gap; None for a resource whose changed records come again by themselves. `recent` leaves out gaps that nothing
    can fill any more. `known` says whether the source still has the record at a cursor.
    """

    name: str
    datasets: tuple[str, ...]
    divide: Callable[[Sequence[bytes]], Mapping[str, Sequence[bytes]]]
    check: Callable[[str | None, Page], list[IdRange]] = lambda _cursor, _page: []
    late: Callable[[Sequence[bytes], Sequence[IdRange]], Mapping[int, bytes]] | None = None
    known: Callable[[SourceClient, str], bool] = lambda _source, _cursor: True
    recent: Callable[[Page, list[IdRange], datetime], list[IdRange]] = lambda _page, gaps, _since: gaps


@dataclass(frozen=True)
class Collected:
    """What one pull brought. `records` per dataset; cursors are the watermark before and after."""

    entity: str
    load_id: int
    cursor_before: str | None
    cursor_after: str | None
    files: int = 0
    bytes: int = 0
    records: Mapping[str, int] = field(default_factory=dict)
    late: int = 0

    def summary(self) -> str:
        """One line for a person."""
        if not self.files:
            return f"{self.entity}: nothing new behind {self.cursor_after}"
        records = ", ".join(f"{count:,} {dataset}" for dataset, count in self.records.items())
        late = f", {self.late:,} of them late" if self.late else ""
        return f"{self.entity}: {records} in {self.files} files{late}, watermark {self.cursor_after}"


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
    store = BronzeStore(settings.bronze_location)
    with (
        client or SourceClient(settings) as source,
        locked(conn, "bronze", entity.name),
        logged_load(conn, run_id=run_id, layer="bronze", dataset=entity.name) as load_id,
    ):
        with transaction(conn):
            claim = claim_entity(conn, entity.name)
        pull = _Pull(entity, conn, store, settings, claim, load_id, started)
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
        store: BronzeStore,
        settings: Settings,
        claim: Claim,
        load_id: int,
        started: datetime,
    ) -> None:
        self._entity, self._conn, self._store, self._settings = entity, conn, store, settings
        self._claim, self._load_id, self._started = claim, load_id, started
        self._landed: list[WrittenFile] = []
        self._records: dict[str, int] = {}
        self._late = 0
        self._replays = False
        self._gaps_since = started - timedelta(hours=settings.sales_gap_ttl_hours)

    def run(self, source: SourceClient, cursor: str | None) -> Collected:
        self._replays = cursor != self._claim.cursor
        with pull_progress(self._entity.name) as progress:
            part = self._land_late(source, progress)
            pages, reached = source.pages(self._entity.name, cursor), cursor
            while True:
                through = self._land_part(pages, reached, part, progress)
                if through is None:
                    break
                reached, part = through, part + 1
        self._finish(source, reached)
        return Collected(
            entity=self._entity.name,
            load_id=self._load_id,
            cursor_before=self._claim.cursor,
            cursor_after=reached if reached != cursor else self._claim.cursor,
            files=len(self._landed),
            bytes=sum(file.bytes for file in self._landed),
            records=self._records,
            late=self._late,
        )

    def _finish(self, source: SourceClient, reached: str | None) -> None:
        """Refuse a source that no longer knows the watermark; move the watermark of a replay, which it held back.

        A source that was restored from a backup hands out the same ids again, and `id > watermark` would skip them.
        """
        before = self._claim.cursor
        if before is None:
            return
        if (self._replays or not self._landed) and not self._entity.known(source, before):
            raise SourceViolation(
                f"{self._entity.name}: the source does not know the record at the watermark {before} any more",
                remedy="find out whether it was restored from a backup; if its ids start again, set the watermark in "
                "meta.ingestion_state back to the last record that both sides have",
            )
        if self._replays and reached is not None:
            with transaction(self._conn):
                advance_watermark(self._conn, self._claim, reached, self._load_id)

    def _land_late(self, source: SourceClient, progress: Progress) -> int:
        """Ask again for what was passed over and land what has come; the watermark stays. Returns the next part."""
        if self._entity.late is None or self._claim.cursor is None:
            return 0
        with transaction(self._conn):
            gaps = open_gaps(self._conn)
        pages, number = self._late_pages(source, gaps), 0
        while self._land_late_part(pages, gaps, number, progress):
            number += 1
            with transaction(self._conn):
                gaps = open_gaps(self._conn)
        if gaps:
            self._expire_gaps()
        return number

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

    def _land_late_part(self, pages: Iterator[Page], gaps: Sequence[IdRange], number: int, progress: Progress) -> bool:
        """Land what has come into gaps; False when nothing more has."""
        part, arrived = Part(self._settings), list[int]()
        with part.discarded_on_error():
            for page in pages:
                late = self._entity.late(page.items, gaps) if self._entity.late else {}
                self._append(part, list(late.values()), number)
                arrived += late
                progress(len(late), page.next_cursor)
                if part.is_complete:
                    break
            files = part.commit()
        if not files or self._claim.cursor is None:
            return False
        with self._acknowledged(files, number, self._claim.cursor, self._claim.cursor):
            for gap, ids in by_gap(gaps, arrived).items():
                fill_gap(self._conn, gap, runs_of(ids), left_of(gap, ids))
        self._late += len(arrived)
        return True

    def _land_part(self, pages: Iterator[Page], reached: str | None, number: int, progress: Progress) -> str | None:
        """Land the next part; the cursor behind it, or None when the source has nothing more."""
        part, passed_over = Part(self._settings), list[IdRange]()
        through = reached
        with part.discarded_on_error():
            for page in pages:
                passed_over += self._entity.recent(page, self._entity.check(through, page), self._gaps_since)
                self._append(part, page.items, number)
                through = page.next_cursor
                progress(len(page.items), through)
                if part.is_complete:
                    break
            files = part.commit()
        if not files or through is None:
            return None
        with self._acknowledged(files, number, reached, through):
            add_gaps(self._conn, passed_over)
        return through

    def _append(self, part: Part, records: Sequence[bytes], number: int) -> None:
        for dataset, lines in self._entity.divide(records).items():
            part.append(dataset, lines, lambda name: self._file(name, number))

    def _file(self, dataset: str, number: int) -> BronzeFile:
        return self._store.file(bronze_path(dataset, self._started, self._load_id, number))

    @contextmanager
    def _acknowledged(
        self, files: Mapping[str, WrittenFile], number: int, after: str | None, through: str
    ) -> Iterator[None]:
        """The one moment in which the part begins to exist: receipts, watermark and gaps in one transaction.

        A replay holds the watermark where it was, so that it never moves back.
        """
        with transaction(self._conn):
            for dataset, file in files.items():
                add_receipt(
                    self._conn,
                    Receipt(
                        path=file.path,
                        dataset=dataset,
                        load_id=self._load_id,
                        part=number,
                        records=file.records,
                        bytes=file.bytes,
                        sha256=file.sha256,
                        cursor_after=after,
                        cursor_through=through,
                    ),
                )
            fail_point("part.receipted")
            yield
            held = self._claim.cursor if self._replays else None
            advance_watermark(self._conn, self._claim, held or through, self._load_id)
            fail_point("part.advanced")
        fail_point("part.acknowledged")
        for dataset, file in files.items():
            self._landed.append(file)
            self._records[dataset] = self._records.get(dataset, 0) + file.records
