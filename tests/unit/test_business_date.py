"""The business date is the last day that is over in UTC, whatever zone the clock speaks."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from medallion.business_date import business_date

TOKYO = timezone(timedelta(hours=9))


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 6, 0, 0, tzinfo=timezone.utc), date(2026, 11, 5)),
        (datetime(2026, 11, 6, 23, 59, 59, tzinfo=timezone.utc), date(2026, 11, 5)),
        (datetime(2026, 11, 6, 8, 59, tzinfo=TOKYO), date(2026, 11, 4)),
        (datetime(2026, 1, 1, 2, 15, tzinfo=timezone.utc), date(2025, 12, 31)),
        (datetime(2024, 3, 1, 2, 15, tzinfo=timezone.utc), date(2024, 2, 29)),
    ],
)
def test_the_day_is_the_one_before_the_day_of_the_clock_in_utc(now: datetime, day: date) -> None:
    assert business_date(now) == day
