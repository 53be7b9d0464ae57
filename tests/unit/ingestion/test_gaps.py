from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.gaps import by_gap, check_inside, left_of, runs_of, skipped_between, windows
from ingestion.pages import Page
from loaders.errors import SourceViolation
from loaders.state_store import IdRange

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
    gaps = runs_of(missing)
    for gap, arrived in by_gap(gaps, came).items():
        left = left_of(gap, arrived)
        assert numbers(runs_of(arrived)) | numbers(left) == numbers([gap])
        assert not numbers(runs_of(arrived)) & numbers(left)
    assert {one for arrived in by_gap(gaps, came).values() for one in arrived} == missing & came


@given(ids, st.integers(1, 30))
def test_windows_cover_every_gap_in_few_requests_that_do_not_overlap(missing: set[int], span: int) -> None:
    gaps = runs_of(missing)
    asked = windows(gaps, span)
    assert missing <= numbers(asked)
    assert all(former.last < latter.first for former, latter in itertools.pairwise(asked))
    assert all(one.last - one.first < span or one in gaps for one in asked)


def test_neighbouring_gaps_share_a_request() -> None:
    assert windows([IdRange(2, 2), IdRange(5, 6), IdRange(900, 901)], 100) == [IdRange(2, 6), IdRange(900, 901)]


def test_a_page_beyond_what_was_asked_for_is_refused() -> None:
    with pytest.raises(SourceViolation, match="asked up to 6, the page goes on to 7"):
        check_inside("sales", IdRange(2, 6), Page([b"{}"], has_more=False, next_cursor="7"))
