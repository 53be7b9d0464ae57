"""A source entity as a pull sees it, and the report of a pull that has ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from medallion.entities.entity import ByDelivery, ById, ByUpdatedAt
from medallion.entities.registry import TABLES
from medallion.entity_words import counted_records, position_of
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from ingestion.source import Source
    from medallion.bronze.ndjson import Ndjson
    from medallion.settings import Settings


_CHANGING = ByUpdatedAt()


@dataclass(frozen=True)
class Entity:
    """A declared entity (`medallion.entities`) for a pull, and how its records are divided among its datasets.

    `key` is the member that holds the natural key: without it neither a record nor another source is recognized.
    `lasting` are members that a record keeps for life. `has_lines`: a record has lines with amounts, which the source's
    totals add up. `open_source` opens the source of its records; None: the resource of its name at the source API.
    `is_optional`: a source may have no such resource.
    """

    name: str
    datasets: tuple[str, ...]
    split_by_dataset: Callable[[Sequence[bytes]], Mapping[str, Ndjson]]
    key: str = ""
    lasting: tuple[str, ...] = ()
    order: ById | ByUpdatedAt | ByDelivery = _CHANGING
    has_lines: bool = False
    open_source: Callable[[Settings], AbstractContextManager[Source]] | None = None
    is_optional: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a listing by id whose records have none."""
        if self.is_by_id and not self.key:
            raise ValueError(f"{self.name}: a listing by id needs the member that holds the id (key)")

    @property
    def is_by_id(self) -> bool:
        """Whether ids that a pull passes over are gaps, and a long history can be cut into ranges."""
        return isinstance(self.order, ById)

    @property
    def id_key(self) -> str | None:
        """The member that a listing by id is ordered by; None for another listing."""
        return self.key if self.is_by_id else None

    @property
    def version(self) -> str | None:
        """The member that tells two versions of a record apart; None: records do not change."""
        return None if self.is_by_id else "updated_at"

    def position(self, cursor: str | None) -> str:
        """A cursor in words, as the declared order reads it; none is the beginning."""
        return "the beginning" if cursor is None else position_of(self.order, self.name, cursor)

    def lookback(self, settings: Settings) -> timedelta:
        """How far before the watermark a pull of changing records reads again, by the setting that it declares."""
        if not isinstance(self.order, ByUpdatedAt):
            return timedelta()
        return timedelta(minutes=getattr(settings, self.order.lookback))


@dataclass(frozen=True)
class PullResult:
    """What one pull landed. `records` per dataset; cursors are its position before and after.

    `position` is the cursor after it, in words. `late` counts records that arrived in gaps. `notes` say what an
    operator should know although nothing failed.
    """

    entity: str
    load_id: int
    cursor_before: str | None
    cursor_after: str | None
    files: int = 0
    bytes: int = 0
    records: Mapping[str, int] = field(default_factory=dict)
    late: int = 0
    notes: tuple[str, ...] = ()
    position: str = ""

    def summary(self) -> str:
        """One line for a person."""
        return "; ".join((self._brought(), *self.notes))

    def _brought(self) -> str:
        if not self.files:
            return f"{self.entity}: nothing new after {self.position or self.cursor_after}"
        records = ", ".join(_counted(dataset, count) for dataset, count in self.records.items())
        late = f", {self.late:,} of them late" if self.late else ""
        files = counted(self.files, "file")
        return f"{self.entity}: {records} in {files}{late}, up to {self.position or self.cursor_after}"


def _counted(dataset: str, number: int) -> str:
    table = TABLES.get(dataset)
    return counted_records(table, number) if table else counted(number, "record") + f" of {dataset}"
