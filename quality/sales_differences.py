"""Differences between the source and Silver in sales: by totals of ever smaller spans, then sale by sale.

Totals decide whether anything differs, the listing shows what. Both come from the source, so they are compared with
each other too: sales that the totals count and the listing never shows are a difference without an id.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.state.accepted_differences import Difference, accepted_among
from medallion.state.reconciliation import (
    NOTHING,
    SilverSale,
    Span,
    Totals,
    in_open_gaps,
    in_quarantine,
    sales_of_silver,
    silver_totals,
)
from quality.checksum import total_of
from quality.findings import Findings
from quality.sale_pair import SalePair
from quality.sales_listing import Listing, read_listing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg2.extensions import connection

    from ingestion.api.client import SourceClient
    from quality.sales_listing import Record

DATASETS = ("sales_customer", "sales_product")
_BUCKET = 200_000  # ids whose totals are asked for together, where ids are dense
_TRIES = 3  # of a listing and its totals: a sale may commit in between
_MOST_UNNAMED = 3  # places at which totals and listing differ that a message names


@dataclass
class SalesFound(Findings):
    """The result of a comparison. `source` and `silver` are the totals of the complete span.

    Ids of sales that differ are in `missing`, `unknown` (not at the source), `lines` or `headers` (which differ);
    `differences` has their figures. `unnamed` describes differences without an id. Explained differences are in
    `late`, `accepted` and the records `in_quarantine`, headers and lines.
    """

    source: Totals = NOTHING
    silver: Totals = NOTHING
    lines: list[int] = field(default_factory=list)
    headers: list[int] = field(default_factory=list)
    late_totals: Totals = NOTHING
    accepted_totals: Totals = NOTHING
    in_quarantine: tuple[int, int] = (0, 0)


def compare_sales(conn: connection, source: SourceClient, span: Span) -> SalesFound:
    """Compare the span. Raises NotOffered when the source has no totals, otherwise as `SourceClient.pages`."""
    found = SalesFound()
    for bucket in _buckets(source, span, found):
        _compare_within(conn, source, bucket, found)
    return found


def _buckets(source: SourceClient, span: Span, found: SalesFound) -> Iterator[Span]:
    """The span in pieces small enough for a source to add up their totals within the time of one answer."""
    after, width = span.after, max(_BUCKET, source.page_size)
    while after < span.up_to:
        before = found.source.sales
        yield Span(after, min(after + width, span.up_to))
        after += width
        if 2 * (found.source.sales - before) < _BUCKET:
            width *= 2


def _compare_within(conn: connection, source: SourceClient, span: Span, found: SalesFound) -> None:
    """Add the span to `found`: as a whole where its totals agree, else by halves, and finally sale by sale."""
    reported = source.sales_totals(span.after, span.up_to)
    with transaction(conn):
        silver = silver_totals(conn, span)
    if reported.agrees(silver):
        found.source, found.silver = found.source + reported, found.silver + silver
    elif max(reported.sales, silver.sales) <= source.page_size or span.up_to - span.after == 1:
        _compare_sale_by_sale(conn, source, span, found)
    else:
        middle = (span.after + span.up_to) // 2
        _compare_within(conn, source, Span(span.after, middle), found)
        _compare_within(conn, source, Span(middle, span.up_to), found)


def _compare_sale_by_sale(conn: connection, source: SourceClient, span: Span, found: SalesFound) -> None:
    listing, reported = _listing_and_totals(source, span)
    with transaction(conn):
        here = sales_of_silver(conn, span)
        leaf = _judged(conn, listing, here)
    leaf.source, leaf.silver = reported, _sum_of(here)
    if not listing.bears_out(reported):
        leaf.unnamed += _contradictions(source, listing, span)
    elif leaf.is_explained:
        _count_quarantine(leaf, listing)
    _add(found, leaf)


def _listing_and_totals(source: SourceClient, span: Span) -> tuple[Listing, Totals]:
    """The listing and its totals, of one moment if possible: what commits between the two is in both the next time."""
    for _ in range(_TRIES):
        listing = read_listing(source, span)
        reported = source.sales_totals(span.after, span.up_to)
        if listing.bears_out(reported):
            break
    return listing, reported


def _judged(conn: connection, listing: Listing, here: dict[int, SilverSale]) -> SalesFound:
    """The result for each sale of the listing and of Silver."""
    there = {one.sale_id: one for one in listing.sales if one.sale_id is not None}
    pairs = [(one, SalePair(there.get(one), here.get(one))) for one in sorted(there.keys() | here.keys())]
    nameless = [record for one in listing.sales if one.sale_id is None for record in (one.header, *one.lines)]
    wanted = [record.raw for _, pair in pairs for record in pair.unmatched()] + [record.raw for record in nameless]
    aside = in_quarantine(conn, DATASETS, wanted)
    gaps = in_open_gaps(conn, [one for one, pair in pairs if pair.is_all_missing])
    accepted = accepted_among(conn, [pair.difference(one) for one, pair in pairs if pair.kinds(aside)])
    leaf = SalesFound()
    for sale_id, pair in pairs:
        _sort_in(leaf, sale_id, pair, aside, gaps, accepted)
    _look_at_nameless(leaf, listing, nameless, aside)
    return leaf


def _sort_in(
    leaf: SalesFound, sale_id: int, pair: SalePair, aside: set[bytes], gaps: set[int], accepted: set[Difference]
) -> None:
    kinds, difference = pair.kinds(aside), pair.difference(sale_id)
    if not kinds:
        headers, lines = leaf.in_quarantine
        leaf.in_quarantine = headers + pair.is_header_missing, lines + len(pair.unmatched_lines)
    elif difference in accepted:
        leaf.accepted.append(sale_id)
        leaf.accepted_totals += pair.surplus
    elif pair.is_all_missing and sale_id in gaps:
        leaf.late.append(sale_id)
        leaf.late_totals += pair.surplus
    else:
        leaf.differences.append(difference)
        for kind in kinds:
            getattr(leaf, kind).append(sale_id)


def _look_at_nameless(leaf: SalesFound, listing: Listing, records: list[Record], aside: set[bytes]) -> None:
    """Check records of sales without a valid id: either quarantine has them by their bytes, or they are lost."""
    lost = [one for one in records if one.raw not in aside]
    if lost:
        near = next(one.at for one in listing.sales if one.sale_id is None)
        leaf.unnamed.append(
            f"{_count(len(lost), 'record')} of sales whose id cannot be read, from {near} on, neither in Silver nor in "
            "quarantine"
        )
    headers = sum(one.sale_id is None for one in listing.sales)
    leaf.in_quarantine = leaf.in_quarantine[0] + headers, leaf.in_quarantine[1] + len(records) - headers


def _count_quarantine(leaf: SalesFound, listing: Listing) -> None:
    """Compare the number of records in quarantine with the number missing: they count only where they explain it.

    A source may leave what it cannot add up out of its totals, and only the source knows how many lines a sale has that
    could not be split.
    """
    rest = leaf.source - leaf.silver - leaf.late_totals - leaf.accepted_totals
    headers, lines = leaf.in_quarantine
    unsplit = any(one.is_unsplit for one in listing.sales)
    if rest.sales not in (0, headers) or not (rest.lines in (0, lines) or (unsplit and rest.lines > lines)):
        leaf.unnamed.append(
            f"totals differ by {_count(rest.sales, 'sale')}, {_count(rest.lines, 'line')}; in quarantine are "
            f"{_count(headers, 'header')}, {_count(lines, 'line')}"
        )
    elif rest.net_amount and not (lines or unsplit):
        leaf.unnamed.append(f"control sums differ by {rest.net_amount}")
    leaf.in_quarantine = rest.sales, rest.lines


def _contradictions(source: SourceClient, listing: Listing, span: Span) -> list[str]:
    """Places where the listing does not show what the totals count, found by halving the listing."""
    words: list[str] = []
    for part, reported in _contradicting(source, listing, span):
        rest = reported - listing.within(part).totals
        what = f"totals differ by {_count(rest.sales, 'sale')}, {_count(rest.lines, 'line')}, {rest.net_amount:.2f}"
        where = f"between {part.after} and {part.up_to}"
        shown = "the listing shows no such sale" if rest.sales > 0 else "the listing says otherwise"
        words.append(f"{what} {where}, {shown}")
        if len(words) == _MOST_UNNAMED:
            break
    return words or ["totals and listing of the source differed, and agreed when they were asked again"]


def _contradicting(source: SourceClient, listing: Listing, span: Span) -> Iterator[tuple[Span, Totals]]:
    reported = source.sales_totals(span.after, span.up_to)
    inside = listing.within(span)
    if inside.bears_out(reported):
        return
    if len(inside.sales) <= 1:
        yield span, reported
        return
    middle = inside.sales[(len(inside.sales) - 1) // 2].at
    if middle == span.up_to:  # two records at one id: no cut between them
        yield span, reported
        return
    halves = Span(span.after, middle), Span(middle, span.up_to)
    within = [one for half in halves for one in _contradicting(source, listing, half)]
    yield from within or [(span, reported)]


def _sum_of(sales: dict[int, SilverSale]) -> Totals:
    marks = [one.header for one in sales.values() if one.header is not None]
    of_lines = [mark for one in sales.values() for mark in one.lines]
    net_amount = sum((one.net_amount for one in sales.values()), Decimal(0))
    return Totals(len(marks), len(of_lines), net_amount, total_of([*marks, *of_lines]))


def _add(found: SalesFound, leaf: SalesFound) -> None:
    for name in ("source", "silver", "late_totals", "accepted_totals"):
        setattr(found, name, getattr(found, name) + getattr(leaf, name))
    for name in ("missing", "unknown", "lines", "headers", "differences", "unnamed", "late", "accepted"):
        getattr(found, name).extend(getattr(leaf, name))
    found.in_quarantine = (
        found.in_quarantine[0] + leaf.in_quarantine[0],
        found.in_quarantine[1] + leaf.in_quarantine[1],
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if abs(number) == 1 else f"{number:,} {what}s"


def some(ids: Iterable[int], named: int = 10) -> str:
    """The first ids, and how many more."""
    listed = list(ids)
    words = ", ".join(map(str, listed[:named]))
    return words + (f" and {len(listed) - named:,} more" if len(listed) > named else "")
