"""The business date: the last day that the nightly tables of Gold count."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone


def business_date(now: datetime) -> date:
    """The last day that is complete in UTC at `now`, an aware moment: at midnight, the day that has just ended."""
    return now.astimezone(timezone.utc).date() - timedelta(days=1)
