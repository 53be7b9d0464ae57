"""Ids that a pull passed over: ranges that may still be filled by a record that was committed late.

A source hands out ids before it commits, so a record may appear with an id below one that was read long ago. `id >
last` alone would never ask for it. Skipped ids are therefore kept (`meta.gap`) and asked for again.

Gaps are ranges and not single ids: a hole of a million ids is one row, and so are the holes of a page that has many.
These are pure functions: `ingestion.late_arrivals` asks the source, `medallion.state.gaps` stores the rows.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from ingestion.record_ids import id_of
from medallion.errors import SourceViolation
from medallion.state.gaps import Gap, sparse_gap
from medallion.state.id_range import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingestion.entity import Entity
    from ingestion.source import Page

FEW_HOLES, MOST_HOLES = 32, 500  # of a page, each in a row of its own
_DIGITS = 19  # of the largest id


def skipped_between(after: int, ids: Iterable[int]) -> list[IdRange]:
    """Ranges that ascending `ids`, the first of them above `after`, leave out."""
    skipped = []
    for number in ids:
        if number > after + 1:
            skipped.append(IdRange(after + 1, number - 1))
        after = number
    return skipped


def rows_for(holes: Sequence[IdRange], ids: Sequence[int]) -> list[Gap]:
    """The rows that keep the holes of a page: one each, or a single one that lists the page's `ids` between them.

    A single one where there are many, and where most ids have a hole before them: such ids are not dense.
    """
    if len(holes) <= FEW_HOLES or (len(holes) <= MOST_HOLES and 2 * len(holes) <= len(ids)):
        return [Gap(one) for one in holes]
    first, last = holes[0].first, holes[-1].last
    return [sparse_gap(first, last, (number for number in ids if first < number < last))]


def without(holes: Sequence[IdRange], known: Sequence[IdRange]) -> list[IdRange]:
    """The part of `holes` that lies in none of the `known` ranges. Both ascend; neither overlaps itself."""
    left = []
    for hole in holes:
        first = hole.first
        for one in known:
            if one.last < first or one.first > hole.last:
                continue
            if one.first > first:
                left.append(IdRange(first, one.first - 1))
            first = one.last + 1
        if first <= hole.last:
            left.append(IdRange(first, hole.last))
    return left


def windows(gaps: Sequence[IdRange], span: int) -> list[IdRange]:
    """Ranges to ask for that cover all `gaps`: neighbors are joined while a window spans at most `span` ids.

    A window holds ids that are known already; asking for them costs less than a request per gap.
    """
    joined: list[IdRange] = []
    for gap in sorted(gaps):
        if joined and gap.last - joined[-1].first < span:
            joined[-1] = IdRange(joined[-1].first, max(gap.last, joined[-1].last))
        else:
            joined.append(gap)
    return joined


def contiguous_ranges(ids: Iterable[int]) -> list[IdRange]:
    """The ids as ranges without holes between."""
    runs: list[IdRange] = []
    for number in sorted(set(ids)):
        if runs and number == runs[-1].last + 1:
            runs[-1] = IdRange(runs[-1].first, number)
        else:
            runs.append(IdRange(number, number))
    return runs


def by_gap(gaps: Sequence[IdRange], ids: Iterable[int]) -> dict[IdRange, list[int]]:
    """The ids, each under the gap it lies in. `gaps` ascend; an id in none of them is left out."""
    starts = [gap.first for gap in gaps]
    found: dict[IdRange, list[int]] = {}
    for number in sorted(set(ids)):
        at = bisect_right(starts, number) - 1
        if at >= 0 and number in gaps[at]:
            found.setdefault(gaps[at], []).append(number)
    return found


def still_missing(gap: IdRange, ids: Iterable[int]) -> list[IdRange]:
    """The part of `gap` that is still missing after `ids`, which lie in it, have arrived."""
    return skipped_between(gap.first - 1, [*sorted(set(ids)), gap.last + 1])


def check_inside(entity: Entity, window: IdRange, page: Page) -> None:
    """Raise SourceViolation for a page that goes beyond the ids it was asked for."""
    cursor = page.next_cursor or "0"
    if page.items and id_of(entity.key, page.items[-1]) is None and cursor.encode() in page.items[-1]:
        return  # a cursor made of a record without a readable id says nothing of where the page ends
    if cursor.isascii() and cursor.isdigit() and (len(cursor) > _DIGITS or int(cursor) > window.last):
        raise SourceViolation(
            f"/{entity.name}: asked up to {window.last}, the page continues to {page.next_cursor}",
            remedy="the source ignores up_to: nothing of that page was kept; have it fixed",
        )
