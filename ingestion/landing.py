"""Landing of records in Bronze: the files of a part are made durable, then one transaction records their receipts.

A part is a handful of pages: it ends when one of its files is full, when it has been open for long enough, or when
there are no more pages. A pull that is killed before that transaction leaves files without a receipt, which no process
reads, and the next pull reads the part again: at least once, never a gap.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.entity import PullResult
from ingestion.part import Part
from medallion.bronze.writer import BronzeFile, BronzeStore, WrittenFile, bronze_path
from medallion.database import transaction
from medallion.process.fail_points import fail_point
from medallion.state.receipts import Receipt, add_receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    from ingestion.entity import Entity
    from ingestion.reading import Reading
    from ingestion.source import Page
    from medallion.settings import Settings

    Take = Callable[[Page], Sequence[bytes]]


class Landing:
    """The parts of one load, landed one after the other. `files` and, by dataset, `records` are those with receipts."""

    def __init__(self, entity: Entity, conn: connection, settings: Settings, load_id: int, started: datetime) -> None:
        self.load_id = load_id
        self.files: list[WrittenFile] = []
        self.records: dict[str, int] = {}
        self._entity, self._conn, self._settings, self._started = entity, conn, settings, started
        self._store = BronzeStore(settings.bronze_location, group_readable=settings.bronze_group_readable)
        self._number = 0

    def land(self, reading: Reading) -> bool:
        """Land the next part of a reading; False when it brings nothing more.

        What the reading saves commits with the receipts. Raises what `write` and the reading raise.
        """
        files = self.write(reading.pages, reading.take)
        if not files:
            return False
        with self.acknowledged(files, *reading.cursors()):
            reading.save(self._conn)
        reading.settle()
        return True

    def write(self, pages: Iterator[Page], take: Take) -> Mapping[str, WrittenFile]:
        """Make the next part durable, without receipts. Returns its files by dataset, none without records.

        `take` checks a page and returns the records of it that are to land. Raises what `take` raises,
        BronzeWriteFailed, or a SourceError from `pages`; then no file is left.
        """
        part = Part(self._settings)
        with part.discarded_on_error():
            for page in pages:
                for dataset, lines in self._entity.split_by_dataset(take(page)).items():
                    part.append(dataset, lines, self._file)
                if part.is_complete:
                    break
            return part.commit()

    @contextmanager
    def acknowledged(self, files: Mapping[str, WrittenFile], after: str | None, through: str) -> Iterator[None]:
        """Commit the receipts of the part in one transaction with the body of the `with` block.

        The body moves the position, and keeps the gaps, of what follows the cursor `after`, up to `through`.
        """
        with transaction(self._conn):
            for dataset, file in files.items():
                add_receipt(
                    self._conn,
                    Receipt(
                        path=file.path,
                        dataset=dataset,
                        load_id=self.load_id,
                        part=self._number,
                        records=file.records,
                        bytes=file.bytes,
                        sha256=file.sha256,
                        cursor_after=after,
                        cursor_through=through,
                    ),
                )
            fail_point("part.receipted")
            yield
            fail_point("part.advanced")
        fail_point("part.acknowledged")
        self._number += 1
        for dataset, file in files.items():
            self.files.append(file)
            self.records[dataset] = self.records.get(dataset, 0) + file.records

    def collected(
        self, name: str, before: str | None, after: str | None, *, late: int = 0, notes: Sequence[str] = ()
    ) -> PullResult:
        """What this load landed, between these two positions."""
        return PullResult(
            entity=name,
            load_id=self.load_id,
            cursor_before=before,
            cursor_after=after,
            files=len(self.files),
            bytes=sum(file.bytes for file in self.files),
            records=self.records,
            late=late,
            notes=tuple(notes),
            position=self._entity.position(after),
        )

    def _file(self, dataset: str) -> BronzeFile:
        return self._store.file(bronze_path(dataset, self._started, self.load_id, self._number))
