"""How every entity is pulled: claim, read pages, land parts, move the watermark with their receipts.

A part is a handful of pages: it ends when one of its files is full, when it has been open for long enough,
or when the source has nothing more. Its files are made durable first; then one transaction writes their
receipts and moves the watermark behind the last page. Killed between the two, the run leaves files without
a receipt, which nobody reads, and the next run pulls the part again: at least once, never a gap.

No bookkeeping per page and no list of finished pages: the watermark is the only position there is.
"""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ingestion.bronze import BronzeFile, BronzeStore, WrittenFile, bronze_path
from ingestion.client import SourceClient
from ingestion.progress import pull_progress
from loaders.database import transaction
from loaders.state_store import (
    Claim,
    Receipt,
    add_receipt,
    advance_watermark,
    claim_entity,
    locked,
    logged_load,
    succeed_load,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from psycopg2.extensions import connection

    from ingestion.pages import Page
    from loaders.config import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Entity:
    """A source entity: its resource, the datasets it lands in, and how a page is divided among them.

    `check` raises SourceViolation for a page that breaks the contract of this resource; it is given the
    cursor the page was asked with.
    """

    name: str
    datasets: tuple[str, ...]
    divide: Callable[[Sequence[bytes]], Mapping[str, Sequence[bytes]]]
    check: Callable[[str | None, Page], None] = lambda _cursor, _page: None


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

    def summary(self) -> str:
        """One line for a person."""
        if not self.files:
            return f"{self.entity}: nothing new behind {self.cursor_after}"
        records = ", ".join(f"{count:,} {dataset}" for dataset, count in self.records.items())
        return f"{self.entity}: {records} in {self.files} files, watermark {self.cursor_after}"


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

    def run(self, source: SourceClient, cursor: str | None) -> Collected:
        pages = source.pages(self._entity.name, cursor)
        reached, part = cursor, 0
        with pull_progress(self._entity.name) as progress:
            while True:
                through = self._land_part(pages, reached, part, progress)
                if through is None:
                    break
                reached, part = through, part + 1
        return Collected(
            entity=self._entity.name,
            load_id=self._load_id,
            cursor_before=self._claim.cursor,
            cursor_after=reached if self._landed else self._claim.cursor,
            files=len(self._landed),
            bytes=sum(file.bytes for file in self._landed),
            records=self._records,
        )

    def _land_part(
        self,
        pages: Iterator[Page],
        reached: str | None,
        number: int,
        progress: Callable[[int, str | None], None],
    ) -> str | None:
        """Land the next part; the cursor behind it, or None when the source has nothing more."""
        part = _Part(self._settings)
        through = reached
        with part.discarded_on_error():
            for page in pages:
                self._entity.check(through, page)
                for dataset, lines in self._entity.divide(page.items).items():
                    part.append(dataset, lines, lambda name: self._create(name, number))
                through = page.next_cursor
                progress(len(page.items), through)
                if part.is_complete:
                    break
            files = part.commit()
            if not files or through is None:
                return None
            self._acknowledge(files, number, reached, through)
        return through

    def _create(self, dataset: str, number: int) -> BronzeFile:
        return self._store.create(bronze_path(dataset, self._started, self._load_id, number))

    def _acknowledge(self, files: Mapping[str, WrittenFile], number: int, after: str | None, through: str) -> None:
        """The one moment in which the part begins to exist: receipts and watermark in one transaction."""
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
            advance_watermark(self._conn, self._claim, through, self._load_id)
        for dataset, file in files.items():
            self._landed.append(file)
            self._records[dataset] = self._records.get(dataset, 0) + file.records


class _Part:
    """The open files of a part, one per dataset that has records."""

    def __init__(self, settings: Settings) -> None:
        self._files: dict[str, BronzeFile] = {}
        self._full_at = settings.bronze_part_bytes
        self._due_at = time.monotonic() + settings.bronze_part_seconds

    @property
    def is_complete(self) -> bool:
        return time.monotonic() > self._due_at or any(file.bytes >= self._full_at for file in self._files.values())

    def append(self, dataset: str, lines: Sequence[bytes], create: Callable[[str], BronzeFile]) -> None:
        if not lines:
            return
        if dataset not in self._files:
            self._files[dataset] = create(dataset)
        self._files[dataset].append(lines)

    def commit(self) -> dict[str, WrittenFile]:
        return {dataset: file.commit() for dataset, file in self._files.items()}

    @contextmanager
    def discarded_on_error(self) -> Iterator[None]:
        """A part that fails leaves no file under a temporary name."""
        try:
            yield
        except BaseException:
            for file in self._files.values():
                file.discard()
            raise
