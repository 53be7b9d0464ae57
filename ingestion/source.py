"""The interface of a source of one entity's records. `ingestion.api.source` implements it for the source API.

Another kind of source, such as a table or a sheet, is one class that implements it, named in its entity
(`Entity.open_source`). Gaps, late arrivals, lookback and backfills come with the order that the entity declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from medallion.errors import SourceViolation
from medallion.foreign_text import shown
from medallion.state.reconciliation import MODULUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from medallion.state.id_range import IdRange
    from medallion.state.pull import SampleRecord


_LONGEST_CURSOR = 1_000  # characters
CURSOR_RULE = f"1 to {_LONGEST_CURSOR:,} printable characters of ASCII are one"


@dataclass(frozen=True)
class Page:
    """`items` are the records as the source sent them, each without a line break.

    `next_cursor` points after the last item and is None only when there are none.
    """

    items: list[bytes]
    has_more: bool
    next_cursor: str | None


@dataclass(frozen=True)
class SpanTotals:
    """The source's totals of a range of ids: the number of records; None for figures that it does not give."""

    count: int
    lines: int | None = None
    net_amount: Decimal | None = None
    checksum: int | None = None

    def agrees(self, sample: Sequence[SampleRecord]) -> bool:
        """Whether the range holds the sample and nothing else. A count alone does not say which records they are."""
        if self.lines is None and self.net_amount is None and self.checksum is None:
            return False
        figures = (
            (self.lines, sum(one.lines for one in sample)),
            (self.net_amount, sum((one.net_amount for one in sample), Decimal(0))),
            (self.checksum, sum(one.checksum for one in sample) % MODULUS),
        )
        return self.count == len(sample) and all(told is None or told == ours for told, ours in figures)


class Source(Protocol):
    """The records of one entity, in the order that it declares. A cursor is the source's own text.

    In a listing by id the cursor is the decimal id of the last record seen, and ids can be bounded from above. Every
    method raises SourceUnavailable, which is worth another try, or SourceRefused or SourceViolation, which are not.
    """

    @property
    def source_id(self) -> str | None:
        """The name that the source gave itself in its last answer, or None."""

    @property
    def page_size(self) -> int:
        """Records of a full page."""

    def pages(self, after: str | None, *, up_to: int | None = None) -> Iterator[Page]:
        """Every page with records after the cursor (None: from the beginning), to the end or the id `up_to`."""

    def page(self, after: str | None, *, up_to: int | None = None, limit: int | None = None) -> Page:
        """The first of `pages`, with at most `limit` records; a page without records where none follow."""

    def exists(self, after: str, *, up_to: int | None = None) -> bool:
        """Whether any record follows the cursor."""

    def totals(self, ids: IdRange) -> SpanTotals:
        """The source's totals of a range of ids. Raises NotOffered when it has none."""


def check_cursor(resource: str, cursor: str | None) -> None:
    """Raise SourceViolation for a cursor that no request can carry. None is the source's beginning.

    A stored cursor may be older than today's rules, or edited by hand.
    """
    if cursor is not None and not is_cursor(cursor):
        raise SourceViolation(
            f"{resource}: the cursor '{shown(cursor)}' is none: {CURSOR_RULE}",
            remedy=f"set cursor_value of {resource} in meta.ingestion_state to the last cursor_through of "
            "meta.bronze_file that is one, or to null: all is then pulled again, Silver makes nothing of what it has",
        )


def is_cursor(text: str) -> bool:
    """Whether the text, unchanged, fits in a URL, a log line and a Postgres text."""
    return 0 < len(text) <= _LONGEST_CURSOR and text.isascii() and text.isprintable()
