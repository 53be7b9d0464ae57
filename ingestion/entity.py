"""What a pull must know of a source entity, and what it says of itself when it is through."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from ingestion.client import SourceClient
    from ingestion.ndjson import Ndjson
    from ingestion.pages import Page
    from loaders.state_store import IdRange


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
    divide: Callable[[Sequence[bytes]], Mapping[str, Ndjson]]
    check: Callable[[str | None, Page], list[IdRange]] = lambda _cursor, _page: []
    late: Callable[[Sequence[bytes], Sequence[IdRange]], Mapping[int, bytes]] | None = None
    known: Callable[[SourceClient, str], bool] = lambda _source, _cursor: True
    recent: Callable[[Page, list[IdRange], datetime], list[IdRange]] = lambda _page, gaps, _since: gaps


@dataclass(frozen=True)
class Collected:
    """What one pull brought. `records` per dataset; cursors are its position before and after."""

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
        return f"{self.entity}: {records} in {self.files} files{late}, up to {self.cursor_after}"
