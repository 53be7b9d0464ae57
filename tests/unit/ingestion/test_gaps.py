from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.gaps import (
    by_gap,
    check_inside,
    contiguous_ranges,
    rows_for,
    skipped_between,
    still_missing,
    windows,
    without,
)
from ingestion.late_arrivals import Stretch
from ingestion.sales import SALES
from ingestion.source import Page
from medallion.errors import SourceViolation
from medallion.state.gaps import Gap, decode_ids, encode_ids, sparse_gap
from medallion.state.id_range import IdRange

ids = st.sets(st.integers(1, 60))


def numbers(ranges: list[IdRange]) -> set[int]:
    return {number for one in ranges for number in range(one.first, one.last + 1)}


def test_ids_without_a_hole_leave_no_gap() -> None:
    assert skipped_between(4, [5, 6, 7]) == []


def test_a_hole_of_a_million_ids_is_one_range() -> None:
    assert skipped_between(4, [1_000_005]) == [IdRange(5, 1_000_004)]


@given(ids)
def test_ids_and_what_they_skip_make_up_the_whole(present: set[int]) -> None:
    skipped = skipped_between(0, sorted(present))
    assert numbers(skipped) == set(range(1, max(present, default=0) + 1)) - present


@given(ids, ids)
def test_a_gap_is_divided_into_what_came_and_what_is_left(missing: set[int], came: set[int]) -> None:
    gaps = contiguous_ranges(missing)
    for gap, arrived in by_gap(gaps, came).items():
        left = still_missing(gap, arrived)
        assert numbers(contiguous_ranges(arrived)) | numbers(left) == numbers([gap])
        assert not numbers(contiguous_ranges(arrived)) & numbers(left)
    assert {one for arrived in by_gap(gaps, came).values() for one in arrived} == missing & came


@given(ids, st.integers(1, 30))
def test_windows_cover_every_gap_in_few_requests_that_do_not_overlap(missing: set[int], span: int) -> None:
    gaps = contiguous_ranges(missing)
    asked = windows(gaps, span)
    assert missing <= numbers(asked)
    assert all(former.last < latter.first for former, latter in itertools.pairwise(asked))
    assert all(one.last - one.first < span or one in gaps for one in asked)


def test_neighbouring_gaps_share_a_request() -> None:
    assert windows([IdRange(2, 2), IdRange(5, 6), IdRange(900, 901)], 100) == [IdRange(2, 6), IdRange(900, 901)]


def test_a_page_beyond_what_was_asked_for_is_refused() -> None:
    with pytest.raises(SourceViolation, match="asked up to 6, the page continues to 7"):
        check_inside(SALES, IdRange(2, 6), Page([b"{}"], has_more=False, next_cursor="7"))


@given(ids, ids)
def test_what_is_known_is_taken_out_of_the_holes_and_nothing_else(missing: set[int], known: set[int]) -> None:
    assert numbers(without(contiguous_ranges(missing), contiguous_ranges(known))) == missing - known


@given(ids)
def test_the_rows_of_a_page_lack_what_it_passed_over_and_hold_the_rest(present: set[int]) -> None:
    rising = sorted(present)
    for holes, many in ((skipped_between(0, rising), False), (skipped_between(0, [7 * one for one in rising]), True)):
        found = [7 * one for one in rising] if many else rising
        rows = rows_for(holes, found)
        lacking = {one for row in rows for one in range(row.first, row.last + 1)} - {
            n for row in rows for n in row.held
        }
        assert lacking == numbers(holes)
        assert sum(row.missing for row in rows) == len(lacking)


def test_a_page_with_many_holes_is_one_row_that_lists_what_it_holds() -> None:
    rising = list(range(2, 2000, 2))
    (row,) = rows_for(skipped_between(0, rising), rising)
    assert (row.first, row.last, row.known) == (1, 1997, 998)
    assert row.held == frozenset(range(2, 1997, 2))


@given(ids, st.integers(61, 90))
def test_a_stretch_is_divided_without_cutting_a_gap_and_holds_what_its_parts_hold(missing: set[int], end: int) -> None:
    gaps = tuple(Gap(one) for one in contiguous_ranges(missing))
    left = [Stretch(0, end, gaps)]
    whole, parts = left[0], list[Stretch]()
    assert whole.held == end - len(missing)
    while left:
        one = left.pop()
        if one.is_whole:
            parts.append(one)
        else:
            divided = one.divided()
            assert len(divided) > 1
            left += divided
    assert sorted(number for one in parts for number in range(one.after + 1, one.up_to + 1)) == list(range(1, end + 1))
    assert sum(one.held for one in parts) == whole.held


@given(st.sets(st.integers(1, 2**63 - 1)))
def test_ids_survive_their_compression(some: set[int]) -> None:
    assert decode_ids(encode_ids(some)) == some


def test_ids_with_a_regular_step_take_little_room() -> None:
    assert len(encode_ids(range(1, 5_000 * 4_194_304, 4_194_304))) < 400


def test_a_sparse_row_counts_only_what_it_lacks() -> None:
    assert Stretch(0, 100, (sparse_gap(11, 20, [12, 14]),)).held == 92
