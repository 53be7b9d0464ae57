"""The verdict: what is open wins over what is well, and a check that was not made is no good news."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from report.pipeline import Check, Difference, Incident, Pipeline, Run, SalesChecked, join_checks
from report.trust import judge, rows_of_checks

AT = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
LINES = Check(
    *("sales_product", "BALANCED", None, AT, 10, 20, None, None),
    *(16, 16, 16, 16, 0, 0, 0),
    *(Decimal("1.50"), Decimal("1.50"), Decimal("1.50")),
)
WELL = Pipeline(
    checks=(LINES,),
    checked=None,
    differences=(),
    quarantine=(),
    open_records=0,
    closed_records=0,
    open_gap_ids=0,
    expired_gap_ids=0,
    incidents=(),
    freshness={},
    runs=(Run("one", AT, 3.0, has_failed=False, records=5),),
    steps=(),
)
DIFFERENT = Difference("sales_product", "DIFFERENT", "2 sales are missing", AT)
INCIDENT = Incident("sales", "bronze_sales", AT, 1, "the source is down", "wait")
FAILED = Run("two", AT, 3.0, has_failed=True, records=0)


@pytest.mark.parametrize(
    ("changes", "mark", "said"),
    [
        ({}, "good", "source = Bronze = Silver = Gold"),
        ({"checks": ()}, "unknown", "not checked"),
        ({"checks": (replace(LINES, status="UNCHECKED"),)}, "unknown", "no totals"),
        ({"checks": (replace(LINES, status="EXPLAINED"),)}, "good", "explained"),
        ({"checks": (replace(LINES, gold_count=13),)}, "unknown", "Gold was 3 lines behind"),
        ({"open_records": 1}, "good", "1 record in quarantine"),
        ({"has_unchecked": True, "open_records": 1}, "unknown", "not checked against the source yet"),
        (
            {"checks": (replace(LINES, checked_at=AT - timedelta(days=3)),)},
            "unknown",
            "last checked against the source 3 d",
        ),
        ({"checks": (replace(LINES, checked_at=AT - timedelta(hours=23)),)}, "good", "source = Bronze"),
        ({"has_stale_nightly": True, "open_records": 1}, "unknown", "nightly tables failed"),
        ({"has_unchecked": True, "incidents": (INCIDENT,)}, "bad", "1 incident open"),
        ({"runs": (FAILED,)}, "bad", "last run failed"),
        ({"runs": (FAILED,), "incidents": (INCIDENT,)}, "bad", "1 incident open"),
        ({"incidents": (INCIDENT,), "differences": (DIFFERENT, DIFFERENT)}, "bad", "2 checks found a difference"),
    ],
)
def test_what_is_open_comes_first(changes: dict[str, Any], mark: str, said: str) -> None:
    verdict = judge(replace(WELL, **changes), AT)
    assert verdict.mark == mark
    assert said in verdict.words


def test_without_figures_there_is_nothing_to_trust() -> None:
    assert judge(WELL, AT, has_figures=False).mark == "unknown"


def test_a_row_names_what_explains_a_difference() -> None:
    check = replace(LINES, status="EXPLAINED", source_count=20, rejected_count=3, late_count=1, difference="4 lines")
    (row,) = rows_of_checks(replace(WELL, checks=(check,)))
    assert row.counts == ("20", "16", "16", "16")
    assert (row.verdict, row.scope) == ("explained", "sales 11 to 20")
    assert row.difference == "3 in quarantine; 1 late; 4 lines"


def test_an_unknown_status_is_no_good_news() -> None:
    (row,) = rows_of_checks(replace(WELL, checks=(replace(LINES, status="STRANGE"),)))
    assert (row.verdict, row.mark) == ("strange", "unknown")


def test_equal_is_said_only_where_the_columns_are() -> None:
    behind = SalesChecked(20, (2, 2, 2), (4, 4, 4, 3), (Decimal(5), Decimal(5), Decimal(4)), is_equal=True)
    rows = rows_of_checks(replace(WELL, checked=behind, checks=(replace(LINES, gold_count=13),)))
    assert [row.verdict for row in rows] == ["Gold behind"] * 4
    equal = rows_of_checks(replace(WELL, checked=replace(behind, lines=(4, 4, 4, 4))))
    assert {row.verdict for row in equal} == {"equal"}


FIGURES = (1, 1, 1, 2, 2, 2, 2, Decimal(5), Decimal(5), Decimal(5))


def test_checks_of_adjacent_ranges_add_up() -> None:
    found = join_checks([(0, 10, "BALANCED", *FIGURES), (10, 20, "BALANCED", *FIGURES)])
    ten = Decimal(10)
    assert found == SalesChecked(20, (2, 2, 2), (4, 4, 4, 4), (ten, ten, ten), is_equal=True)


def test_a_range_that_was_not_checked_ends_the_sum() -> None:
    found = join_checks([(0, 10, "BALANCED", *FIGURES), (5, 12, "BALANCED", *FIGURES), (12, 20, "BALANCED", *FIGURES)])
    assert found is not None
    assert (found.up_to_id, found.sales) == (10, (1, 1, 1))
    assert join_checks([(5, 10, "BALANCED", *FIGURES)]) is None


def test_one_explained_range_and_one_without_totals_are_said() -> None:
    unknown = (None, *FIGURES[1:])
    found = join_checks([(0, 10, "EXPLAINED", *FIGURES), (10, 20, "BALANCED", *unknown)])
    assert found is not None
    assert (found.is_equal, found.sales) == (False, (None, 2, 2))
