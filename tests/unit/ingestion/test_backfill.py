"""Cutting a span of ids into ranges: nothing left out, nothing twice, none too small."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ingestion.backfill import SMALLEST_RANGE, cut
from medallion.state.id_range import IdRange


@pytest.mark.parametrize(
    ("ids", "most", "number"),
    [
        (IdRange(1, 10 * SMALLEST_RANGE), 8, 8),
        (IdRange(1, 10 * SMALLEST_RANGE), 64, 10),
        (IdRange(12_345, 12_345 + 3 * SMALLEST_RANGE), 8, 3),
        (IdRange(5, 5), 8, 1),
        (IdRange(1, 10_000_001), 7, 7),
    ],
)
def test_the_ranges_cover_every_id_once_and_are_about_alike(ids: IdRange, most: int, number: int) -> None:
    ranges = cut(ids, most)
    assert len(ranges) == number
    assert (ranges[0].first, ranges[-1].last) == (ids.first, ids.last)
    assert all(one.last + 1 == following.first for one, following in pairwise(ranges))
    sizes = [one.last - one.first + 1 for one in ranges]
    assert max(sizes) - min(sizes) <= 1


def test_where_nothing_lies_there_is_nothing_to_cut() -> None:
    assert cut(IdRange(8, 7), 8) == []
