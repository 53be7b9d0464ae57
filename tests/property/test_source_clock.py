"""Whichever way a moment is written, a version is refused when it lies in a second after the last one that may be."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from loaders.columns import utc_moment
from loaders.load_customers import CUSTOMERS
from loaders.records import parse_block
from loaders.source_clock import Latest, latest_of_file
from tests.integration.test_silver import customer
from tests.property.strategies import moments

_clocks = st.datetimes(timezones=st.just(timezone.utc))


def is_ahead(text: str, latest: datetime) -> bool:
    """The same, of one moment and by the calendar."""
    moment = utc_moment(text)
    return moment is not None and datetime.fromisoformat(moment).replace(microsecond=0) > latest


@given(told=st.lists(moments, min_size=1, max_size=8), latest=_clocks, accepted=st.sets(st.integers(5, 12)))
def test_a_version_is_refused_exactly_when_it_is_later(told: list[str], latest: datetime, accepted: set[int]) -> None:
    latest = latest.replace(microsecond=0)
    lines = b"".join(customer(customer_id=n, updated_at=text) + b"\n" for n, text in enumerate(told, 1))
    without = parse_block(CUSTOMERS, lines, 5)
    block = parse_block(CUSTOMERS, lines, 5, Latest(latest, "late", accepted))
    ahead = [n for n, text in enumerate(told, 5) if is_ahead(text, latest) and n not in accepted]
    assert [one.line_no for one in block.rejections if one.is_ahead] == ahead
    assert [one.line_no for one in block.rejections if not one.is_ahead] == [one.line_no for one in without.rejections]
    assert block.rows.height == without.rows.height - len(ahead)
    assert all(json.loads(one.raw)["customer_id"] == one.line_no - 4 for one in block.rejections)


@given(landed=_clocks, minutes=st.floats(0, 1e300))
def test_no_clock_and_no_tolerance_is_too_large(landed: datetime, minutes: float) -> None:
    latest = latest_of_file(landed, minutes, frozenset())
    assert latest is None or latest.moment >= landed


def test_without_a_receipt_nothing_is_ahead() -> None:
    assert latest_of_file(None, 60, frozenset()) is None
