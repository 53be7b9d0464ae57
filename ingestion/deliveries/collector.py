"""The pull of an entity that comes as files: every file that the inbox has and Bronze has not, each landed whole.

    python -m ingestion.deliveries.collector top_up

A file is news while its name has a content that it had not at the last look, and that does not count for its day
already. One that cannot be read, or whose day or header is missing, is refused by itself and noted in `meta.delivery`
for its sender; all others land. The rows of a file are one Bronze file, and its delivery commits with the receipt, so
that a file is in Bronze completely or not at all.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timezone
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ingestion.deliveries.inbox import Inbox
from ingestion.deliveries.names import layout_of, natural, period_of, required_period
from ingestion.deliveries.table import Origin, TableReading
from ingestion.files.opening import open_delivery
from ingestion.landing import Landing
from ingestion.listing import pull_of
from ingestion.source import Page
from medallion.database import transaction
from medallion.entities.entity import PROVENANCE
from medallion.entities.registry import DELIVERED
from medallion.errors import DataQualityError, DeliveryRefused, InboxUnreadable, NothingToDo
from medallion.process.step import hand_run_id, one_named, run_step
from medallion.state.deliveries import (
    Delivery,
    add_delivery,
    deliveries,
    forget_gone,
    next_delivery,
    note_sighting,
    refuse_file,
    sightings,
)
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import entity_lock, locked
from medallion.state.pull import warehouse_clock
from medallion.state.watermarks import advance_watermark, claim_entity
from medallion.wording import counted, minute_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection

    from ingestion.entity import PullResult
    from medallion.entities.column_types import ColumnType
    from medallion.entities.entity import Entity as Declared
    from medallion.settings import Settings
    from medallion.state.watermarks import Claim

log = logging.getLogger(__name__)
_ROWS_OF_A_PAGE = 5_000


@dataclass(frozen=True)
class _File:
    """A copy of a file of the inbox."""

    name: str
    path: Path
    sha256: str
    bytes: int


@dataclass
class _Pull:
    """A pull under way. `cursor` is the last delivery that has landed, `names` are the files of the inbox.

    `sightings`: the content that each file had at the last look.
    """

    declared: Declared
    conn: connection
    settings: Settings
    landing: Landing
    claim: Claim
    cursor: str | None
    known: list[Delivery]
    sightings: Mapping[str, str]
    names: frozenset[str]
    full_refresh: bool
    notes: list[str] = field(default_factory=list)

    def take(self, file: _File) -> None:
        """Land a file, or note why not."""
        try:
            self._land(file)
        except DataQualityError as error:
            with transaction(self.conn):
                refused = self._delivery(next_delivery(self.conn), file, period_of(self.declared, file.name), "REFUSED")
                refuse_file(self.conn, replace(refused, reason=error.message, remedy=error.remedy))
                note_sighting(self.conn, self.declared.name, file.name, file.sha256)
            self.notes.append(f"refused: {error.message}")
            log.warning("%s: refused: %s; %s", self.declared.name, error.message, error.remedy)

    def _land(self, file: _File) -> None:
        period = required_period(self.declared, file.name)
        if why := self._no_news(file, period):
            log.info("%s: %s", self.declared.name, why)
            with transaction(self.conn):
                note_sighting(self.conn, self.declared.name, file.name, file.sha256)
            return
        with transaction(self.conn):
            number = next_delivery(self.conn)
        layout, columns = layout_of(self.declared), self._columns()
        reading = TableReading(layout, columns, Origin(number, period, PurePosixPath(file.name).name))
        with open_delivery(file.path, layout, list(columns)) as book:
            files = self.landing.write(self._pages(reading.lines(book), number), lambda page: page.items)
            reading.notes += book.notes
        written = next(iter(files.values()), None)
        delivery = replace(
            self._delivery(number, file, period, "LANDED"),
            path=written.path if written else None,
            rows=reading.rows,
            cells=reading.cells,
            other_cells=reading.other_cells,
            notes="; ".join(reading.notes),
        )
        with self.landing.acknowledged(files, self.cursor, str(number)):
            add_delivery(self.conn, delivery)
            note_sighting(self.conn, self.declared.name, file.name, file.sha256)
            advance_watermark(self.conn, self.claim, str(number), self.landing.load_id)
        self.cursor = str(number)
        together = [one.name for one in self.known if one.load_id == delivery.load_id and one.period == period]
        if together:
            self.notes.append(f"{file.name} counts, and not {together[-1]}: they came together for {period}")
        self.known.append(delivery)
        self.notes += [f"{file.name}: {note}" for note in reading.notes]

    def _pages(self, lines: Iterator[bytes], number: int) -> Iterator[Page]:
        while some := list(islice(lines, _ROWS_OF_A_PAGE)):
            yield Page(some, has_more=True, next_cursor=str(number))

    def _no_news(self, file: _File, period: str) -> str:
        """Why a file brings nothing; empty for one that does. Raises DeliveryRefused for a copy of another day's file.

        A file stays where it was put, so it is no news as long as its name has the content that it had. What is new
        under a name counts, unless it is what counts for the day already: its sender may go back to an earlier content.
        """
        if any(one.returned_sha256 == file.sha256 for one in self.known):
            return f"{file.name} is the marked copy, as it was returned"
        if self.sightings.get(file.name) == file.sha256 and not self._is_tried_again(file):
            return f"{file.name} is as it was"
        counts = {one.period: one for one in self.known if one.status != "REFUSED"}
        if (same := counts.get(period)) is not None and same.sha256 == file.sha256:
            when = minute_of(same.seen_at) if same.seen_at else "in this run"
            return f"{file.name} landed already: {when}, as delivery {same.delivery_id}"
        for one in counts.values():
            if one.sha256 == file.sha256 and one.rows and one.name != file.name and one.name in self.names:
                raise DeliveryRefused(
                    f"{file.name} has the content of {one.name}, which is of {one.period}",
                    remedy=f"deliver the rows of {period}; if only the name was wrong, remove {one.name}",
                )
        return ""

    def _is_tried_again(self, file: _File) -> bool:
        """Whether a refused file is read again, as today's rules may let it in. One that landed only if asked for."""
        last = next((one for one in reversed(self.known) if (one.name, one.sha256) == (file.name, file.sha256)), None)
        return last is not None and last.status == "REFUSED" and (last.path is None or self.full_refresh)

    def _delivery(self, number: int, file: _File, period: str, status: str) -> Delivery:
        name, load_id = self.declared.name, self.landing.load_id
        return Delivery(number, name, file.name, period, file.sha256, file.bytes, status, load_id=load_id)

    def _columns(self) -> dict[str, ColumnType]:
        (table,) = self.declared.tables
        return {one.name: one.type for one in table.columns if one.name not in PROVENANCE}


def collect_deliveries(
    conn: connection,
    settings: Settings,
    *,
    subject: str,
    run_id: str,
    full_refresh: bool = False,
) -> PullResult:
    """Land the new files of the entity `subject`. A full refresh also reads those again that a load has refused.

    Raises NothingToDo before the first file, and InboxUnreadable, EntityLocked, DatabaseError or BronzeWriteFailed;
    files that landed before the error stay.
    """
    declared = DELIVERED[subject]
    inbox = Inbox.open(settings.inbox_location, subject, settings.inbox_settle_seconds)
    # A file is one part, however large it is.
    whole = settings.model_copy(update={"bronze_part_bytes": sys.maxsize, "bronze_part_seconds": float("inf")})
    with (
        locked(conn, entity_lock(subject)),
        logged_load(conn, run_id=run_id, layer="bronze", dataset=subject) as load_id,
    ):
        with transaction(conn):
            claim = claim_entity(conn, subject)
            started = warehouse_clock(conn)
            known = deliveries(conn, subject)
            before = sightings(conn, subject)
        landing = Landing(pull_of(declared), conn, whole, load_id, started.astimezone(timezone.utc))
        looked = inbox.look()
        names = frozenset((*looked.ready, *looked.waiting))
        pull = _Pull(
            declared, conn, settings, landing, claim, claim.cursor, known, before, names, full_refresh=full_refresh
        )
        unreadable = list[InboxUnreadable]()
        for name in sorted(looked.ready, key=lambda one: (period_of(declared, one), natural(one))):
            try:
                with _copy_of(inbox, name) as file:
                    pull.take(file)
            except InboxUnreadable as error:
                unreadable.append(error)
        with transaction(conn):
            forget_gone(conn, subject, sorted(names))
        if unreadable:
            raise unreadable[0]  # all others have landed
        if looked.waiting:
            pull.notes.append(
                f"{counted(len(looked.waiting), 'file')} still being written: {', '.join(looked.waiting)}"
            )
        with transaction(conn):
            succeed_load(conn, load_id)
    collected = landing.collected(subject, claim.cursor, pull.cursor, notes=pull.notes)
    if not pull.known and not pull.notes:
        raise NothingToDo(
            f"{subject}: no file has come yet", remedy=f"put the first one into {inbox.root} (docs/sources.md)"
        )
    log.info("%s", collected.summary())
    return collected


@contextmanager
def _copy_of(inbox: Inbox, name: str) -> Iterator[_File]:
    """A copy of a file on this machine, private to the platform, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="retail-inbox-") as folder:
        path = Path(folder) / PurePosixPath(name).name
        sha256, size = inbox.fetch(name, path)
        yield _File(name, path, sha256, size)


def _step(conn: connection, settings: Settings) -> str:
    subject = one_named(sys.argv[1:], DELIVERED, "entity that comes as files")
    return collect_deliveries(conn, settings, subject=subject, run_id=hand_run_id()).summary()


if __name__ == "__main__":
    run_step(_step)
