"""Numbers, nouns, times and cursors in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from medallion.entities.entity import ById, ByUpdatedAt
from medallion.entities.registry import ENTITIES, TABLES
from medallion.entity_words import counted_records, position_after, position_of, singular
from medallion.wording import age_of, counted, megabytes

NOW = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 sales lines"), (1, "1 sales line"), (12345, "12,345 sales lines")]
)
def test_a_number_agrees_with_its_noun(number: int, words: str) -> None:
    assert counted(number, "sales line") == words
    assert counted_records(TABLES["sales_product"], number) == words


def test_one_of_many_is_derived() -> None:
    assert [singular(many) for many in ("sales", "categories", "staff")] == ["sale", "category", "staff"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "just now"),
        (59, "just now"),
        (60, "1 minute ago"),
        (3 * 3600 + 59, "3 hours ago"),
        (24 * 3600, "1 day ago"),
        (400 * 86400, "400 days ago"),
    ],
)
def test_an_age_is_in_its_largest_unit(seconds: int, words: str) -> None:
    assert age_of(NOW - timedelta(seconds=seconds), NOW) == words


def test_a_watermark_is_a_time_or_a_record() -> None:
    assert position_after(ENTITIES["customers"], "1794220320~773") == "after 2026-11-09 10:32 UTC, id 773"
    assert position_after(ENTITIES["sales"], "54049") == "after sale 54,049"
    assert position_after(ENTITIES["sales"], None) == "from the beginning"


@pytest.mark.parametrize("order", [ById(), ByUpdatedAt()])
@pytest.mark.parametrize("cursor", ["", "b2Zmc2V0", "9" * 40, "99999999999~1", "1~", "-1", "٣", "a\x1b[2Jb"])
def test_a_cursor_of_another_form_stays_readable(order: ById | ByUpdatedAt, cursor: str) -> None:
    words = position_of(order, "sales", cursor)
    assert words.isprintable()
    assert words.replace("\\u001b", "\x1b") == cursor or "UTC" in words


def test_a_size_is_in_megabytes() -> None:
    assert [megabytes(size) for size in (0, 49_999, 1_200_500_000)] == ["0.0 MB", "0.0 MB", "1,200.5 MB"]
