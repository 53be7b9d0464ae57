"""A reading: pages of one stretch of the source, what is taken from each, and what commits with its receipts.

A pull is a few readings in sequence: late arrivals, new records, a full refresh. They differ in what they take and in
what they remember. How records become durable files, and how receipts and position commit together, is the same for
all (`ingestion.landing`).
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from medallion.state.pull import DIGEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.source import Page


class Reading(ABC):
    """Base of the readings. Cursors: `after` the receipts, `position` after what was taken; None: the beginning."""

    def __init__(self, pages: Iterator[Page], after: str | None) -> None:
        self.pages = pages
        self.after = self.position = after

    @abstractmethod
    def take(self, page: Page) -> Sequence[bytes]:
        """Check a page and return the records of it that are to land. Raises SourceViolation."""

    @abstractmethod
    def save(self, conn: connection) -> None:
        """Write what must commit with the receipts of the records taken so far, above all the position."""

    def cursors(self) -> tuple[str | None, str]:
        """The cursors before and after what was taken, as the receipts record them."""
        return self.after, self.position or "0"

    def settle(self) -> None:
        """Forget what `save` wrote: it is committed."""
        self.after = self.position


def digest(record: bytes) -> bytes:
    """The first 16 bytes of a record's sha256: enough to recognize it."""
    return hashlib.sha256(record).digest()[:DIGEST_BYTES]


def digests(records: Iterable[bytes]) -> list[bytes]:
    """The digest of each record."""
    return [digest(record) for record in records]
