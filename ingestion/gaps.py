"""Ids that a pull passed over: ranges that may still be filled by a sale that was committed late.

A source hands out ids before it commits, so a sale may appear behind a larger id that was read long ago. `id > last`
alone would never ask for it. What is skipped on the way is therefore kept (`meta.sales_gap`) and asked for again.

Kept as ranges and not as ids: a hole of a million ids is one row. Pure functions; the collector does the rest.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from loaders.errors import SourceViolation
from loaders.state_store import IdRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingestion.pages import Page


def skipped_between(after: int, ids: Iterable[int]) -> list[IdRange]:
    """Ranges that rising `ids`, the first of them above `after`, leave out."""
    skipped = []
    for number in ids:
        if number > after + 1:
            skipped.append(IdRange(after + 1, number - 1))
        after = number
    return skipped


def windows(gaps: Sequence[IdRange], span: int) -> list[IdRange]:
    """Few ranges to ask for that cover all `gaps`: neighbours join while a window spans at most `span` ids.

    A window holds ids that are known already; asking for them costs less than a request per gap.
    """
    joined: list[IdRange] = []
    for gap in sorted(gaps):
        if joined and gap.last - joined[-1].first < span:
            joined[-1] = IdRange(joined[-1].first, max(gap.last, joined[-1].last))
        else:
            joined.append(gap)
    return joined


def runs_of(ids: Iterable[int]) -> list[IdRange]:
    """The ids as ranges without holes between."""
    runs: list[IdRange] = []
    for number in sorted(set(ids)):
        if runs and number == runs[-1].last + 1:
            runs[-1] = IdRange(runs[-1].first, number)
        else:
            runs.append(IdRange(number, number))
    return runs


def by_gap(gaps: Sequence[IdRange], ids: Iterable[int]) -> dict[IdRange, list[int]]:
    """The ids, each under the gap it lies in. `gaps` rise; an id in none of them is left out."""
    starts = [gap.first for gap in gaps]
    found: dict[IdRange, list[int]] = {}
    for number in sorted(set(ids)):
        at = bisect_right(starts, number) - 1
        if at >= 0 and number in gaps[at]:
            found.setdefault(gaps[at], []).append(number)
    return found


def left_of(gap: IdRange, ids: Iterable[int]) -> list[IdRange]:
    """What of `gap` is still missing after `ids`, which lie in it."""
    return skipped_between(gap.first - 1, [*sorted(set(ids)), gap.last + 1])


def check_inside(resource: str, window: IdRange, page: Page) -> None:
    """Raise SourceViolation for a page that goes beyond the ids it was asked for."""
    if int(page.next_cursor or 0) > window.last:
        raise SourceViolation(
            f"/{resource}: asked up to {window.last}, the page goes on to {page.next_cursor}",
            remedy="the source ignores up_to: nothing of that page was kept; have it mended",
        )
