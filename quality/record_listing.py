"""Customers or products as the source lists them, each paired with its row in Silver."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING, Annotated

import msgspec

from medallion.database import transaction
from medallion.entities.registry import ENTITIES, LISTINGS
from medallion.state.accepted_differences import Difference, Figures
from medallion.state.reconciliation import Window, cursors_before
from quality.checksum import byte_checksum, checksums_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.api.client import SourceClient

KEYS = {name: ENTITIES[name].key for name in LISTINGS}
_LAST_ID = 2**63 - 1


class _Moment(msgspec.Struct, gc=False):
    updated_at: Annotated[datetime, msgspec.Meta(tz=True)]


_MOMENT = msgspec.json.Decoder(_Moment)
_ID = {name: msgspec.json.Decoder(msgspec.defstruct("_Id", [(key, int)])) for name, key in KEYS.items()}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class SourceRecord:
    """A customer or product as the source lists it. A value that cannot be read is None."""

    raw: bytes
    record_id: int | None
    checksum: int | None
    updated_at: datetime | None


@dataclass(frozen=True)
class RecordPair:
    """A record at the source and in Silver, either of which may lack it. `here` is Silver's checksum and moment."""

    dataset: str
    record_id: int
    there: SourceRecord | None
    here: tuple[int, datetime] | None

    @property
    def agrees(self) -> bool:
        """Whether both sides have the same content."""
        return self.there is not None and self.here is not None and self.there.checksum == self.here[0]

    @property
    def is_newer_there(self) -> bool:
        """Whether the source has a readable version that Silver lacks and that is no older than Silver's."""
        if self.there is None or self.there.updated_at is None:
            return False
        return self.here is None or self.there.updated_at > self.here[1]

    @property
    def change(self) -> datetime | None:
        """When the source changed it, if Silver lacks that version."""
        return self.there.updated_at if self.there is not None and self.is_newer_there else None

    @property
    def kind(self) -> str:
        """The field of `quality.listing_differences.RecordsFound` for this difference."""
        if self.is_newer_there or self.here is None:
            return "missing"
        is_same_moment = self.there is not None and self.there.updated_at == self.here[1]
        return "changed" if is_same_moment or (self.there and self.there.checksum is None) else "unknown"

    @property
    def difference(self) -> Difference:
        """The figures of both sides."""
        there = self.there
        mark = None if there is None else byte_checksum(there.raw) if there.checksum is None else there.checksum
        return Difference(
            self.dataset,
            self.record_id,
            None if mark is None else Figures(mark),
            None if self.here is None else Figures(self.here[0]),
        )

    def surplus(self, window: Window) -> int:
        """Records of the window at the source less records of it in Silver."""
        there = self.there is not None and may_lie_in(self.there, window)
        here = self.here is not None and lies_in(self.record_id, self.here[1], window)
        return int(there) - int(here)


def read_listing(conn: connection, source: SourceClient, dataset: str, windows: Sequence[Window]) -> list[SourceRecord]:
    """The records of the listing from the start of the windows, which begin at one moment, to its end.

    For each id in any window it has the last version after that moment. It has all records without an id.
    """
    since = windows[0].updated_after
    by_id: dict[int, SourceRecord] = {}
    nameless: list[SourceRecord] = []
    for page in source.pages(dataset, _start(conn, source, dataset, since)):
        for one in _records(dataset, page.items):
            if one.record_id is None:
                nameless.append(one)
            elif since is not None and one.updated_at is not None and one.updated_at <= since:
                continue
            elif any(has_id(one.record_id, window) for window in windows):
                by_id[one.record_id] = one
    return [*by_id.values(), *nameless]


def _start(conn: connection, source: SourceClient, dataset: str, since: datetime | None) -> str | None:
    """An earlier cursor after which the listing has all changes since that moment, checked by its first record."""
    if since is None:
        return None
    with transaction(conn):
        cursors = cursors_before(conn, dataset)
    for cursor in cursors:
        first = next(iter(_records(dataset, source.page(dataset, cursor, limit=1).items)), None)
        if first and first.updated_at and first.updated_at <= since:
            return cursor
    return None


def _records(dataset: str, items: Sequence[bytes]) -> Iterator[SourceRecord]:
    for raw, checksum in zip(items, checksums_of(dataset, items), strict=True):
        yield SourceRecord(raw, _id_of(dataset, raw), checksum, _moment_of(raw) if checksum is not None else None)


def _id_of(dataset: str, raw: bytes) -> int | None:
    try:
        found: int = getattr(_ID[dataset].decode(raw), KEYS[dataset])
    except _UNREADABLE:
        return None
    return found if 1 <= found <= _LAST_ID else None


def _moment_of(raw: bytes) -> datetime | None:
    """The moment of change of a record that Silver can read, so that it has one."""
    try:
        return _MOMENT.decode(raw).updated_at
    except _UNREADABLE:
        return None


def may_lie_in(record: SourceRecord, window: Window) -> bool:
    """Whether the record lies in the window, as far as it can be read."""
    if record.record_id is None or record.updated_at is None:
        return False
    return lies_in(record.record_id, record.updated_at, window)


def has_id(record_id: int, window: Window) -> bool:
    """Whether the window has the id."""
    return record_id > window.after and (window.up_to is None or record_id <= window.up_to)


def lies_in(record_id: int, updated_at: datetime, window: Window) -> bool:
    """Whether the window has both the id and the moment."""
    return (
        has_id(record_id, window)
        and (window.updated_after is None or updated_at > window.updated_after)
        and (window.updated_up_to is None or updated_at <= window.updated_up_to)
    )
