"""The sales of a span as the source lists them, to compare with totals and with Silver sale by sale."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from ingestion.record_ids import id_of
from ingestion.sales import SALES
from ingestion.split import split_sales
from medallion.state.accepted_differences import Figures
from medallion.state.reconciliation import Span, Totals
from quality.checksum import byte_checksum, checksums_of, total_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ingestion.api.client import SourceClient

_LAST_ID = 2**63 - 1
_LINES = b'"lines"'  # in a header: the sale could not be split


class _Amounts(msgspec.Struct, gc=False):
    quantity: int
    unit_price: str
    discount: str


_AMOUNTS = msgspec.json.Decoder(_Amounts)


@dataclass(frozen=True)
class Record:
    """A header or a line as it lands in Bronze; `checksum` is None when Silver cannot read it."""

    raw: bytes
    checksum: int | None
    net_amount: Decimal = Decimal(0)

    @property
    def mark(self) -> int:
        """The checksum; of an unreadable record, that of its bytes."""
        return byte_checksum(self.raw) if self.checksum is None else self.checksum


@dataclass
class SourceSale:
    """A sale as the source lists it. `sale_id` is None when it has no valid id; `at` is then its place by id."""

    sale_id: int | None
    at: int
    header: Record
    lines: list[Record] = field(default_factory=list)

    @property
    def net_amount(self) -> Decimal:
        """The net amount of the lines that can be read."""
        return sum((line.net_amount for line in self.lines), Decimal(0))

    @property
    def figures(self) -> Figures:
        """The figures that an accepted difference keeps."""
        checksum = total_of([self.header.mark, *(line.mark for line in self.lines)])
        return Figures(checksum, len(self.lines), self.net_amount)

    @property
    def is_unsplit(self) -> bool:
        """Whether it could not be split into header and lines, so that the number of lines is unknown."""
        return self.header.checksum is None and _LINES in self.header.raw


@dataclass(frozen=True)
class Listing:
    """The sales of a span in the listing's order."""

    sales: Sequence[SourceSale]

    def within(self, span: Span) -> Listing:
        """The sales of the listing that lie in the span."""
        return Listing([one for one in self.sales if span.after < one.at <= span.up_to])

    @property
    def totals(self) -> Totals:
        """The sums over the listing; no checksum when a record cannot be read."""
        records = [one.header for one in self.sales] + self._lines()
        checksums = [one.checksum for one in records if one.checksum is not None]
        known = total_of(checksums) if len(checksums) == len(records) else None
        net_amount = sum((line.net_amount for line in self._lines()), Decimal(0))
        return Totals(len(self.sales), len(self._lines()), net_amount, known)

    def bears_out(self, reported: Totals) -> bool:
        """Whether the source's totals are those of its listing.

        The totals may leave out unreadable records; their amounts are not known.
        """
        ours = self.totals
        headers = sum(one.header.checksum is None for one in self.sales)
        lines = sum(line.checksum is None for line in self._lines())
        unsplit = any(one.is_unsplit for one in self.sales)
        if not (headers or lines):
            return ours.agrees(reported)
        of_lines = reported.lines in (ours.lines, ours.lines - lines) or (unsplit and reported.lines > ours.lines)
        of_amounts = lines or unsplit or reported.net_amount == ours.net_amount
        return reported.sales in (ours.sales, ours.sales - headers) and of_lines and bool(of_amounts)

    def _lines(self) -> list[Record]:
        return [line for one in self.sales for line in one.lines]


def read_listing(source: SourceClient, span: Span) -> Listing:
    """The sales of the span, asked for page by page. Raises as `SourceClient.pages`."""
    sales: list[SourceSale] = []
    for page in source.pages(SALES.name, str(span.after), up_to=span.up_to, id_key=SALES.key):
        sales += _sales_of(page.items, sales[-1].at if sales else span.after)
        if sales and sales[-1].at >= span.up_to:  # whatever follows from a source that ignores up_to
            break
    return Listing(sales).within(span)


def read_sale_id(record: bytes) -> int | None:
    """The id of a sale, None when it has no valid one."""
    sale_id = id_of(SALES.key, record)
    return sale_id if sale_id is not None and 1 <= sale_id <= _LAST_ID else None


def _sales_of(items: Sequence[bytes], last: int) -> Iterator[SourceSale]:
    headers, lines = (_records(part.text) for part in split_sales(items))
    of_lines = _by_sale(lines)
    for raw, checksum in zip(headers, checksums_of("sales_customer", headers), strict=True):
        sale_id = read_sale_id(raw)
        last = last + 1 if sale_id is None else sale_id
        yield SourceSale(sale_id, last, Record(raw, checksum), of_lines.pop(sale_id, []))


def _by_sale(lines: Sequence[bytes]) -> dict[int | None, list[Record]]:
    """Lines by the id of their sale; lines without a valid id are under None."""
    found: dict[int | None, list[Record]] = {}
    for raw, checksum in zip(lines, checksums_of("sales_product", lines), strict=True):
        net_amount = Decimal(0) if checksum is None else _net_amount(raw)
        found.setdefault(read_sale_id(raw), []).append(Record(raw, checksum, net_amount))
    return found


def _net_amount(line: bytes) -> Decimal:
    amounts = _AMOUNTS.decode(line)
    return amounts.quantity * Decimal(amounts.unit_price) - Decimal(amounts.discount)


def _records(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n") if text else []
