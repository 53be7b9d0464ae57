"""When an hour is late, and when one is missing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from medallion.alerting.deadline import missed_run_reason, overdue_reason

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(("minutes", "is_late"), [(0, False), (60, False), (60.1, True), (600, True)])
def test_a_run_is_late_once_its_deadline_is_over(minutes: float, is_late: bool) -> None:
    assert bool(overdue_reason(NOON, NOON - timedelta(minutes=minutes), 60)) is is_late


@pytest.mark.parametrize(("minutes", "is_missing"), [(60, False), (120, False), (120.1, True), (3000, True)])
def test_an_hour_is_missing_when_none_began_for_an_hour_and_the_deadline(minutes: float, is_missing: bool) -> None:
    assert bool(missed_run_reason(NOON, NOON - timedelta(minutes=minutes), 60)) is is_missing


def test_before_the_first_hour_none_is_missing() -> None:
    assert missed_run_reason(NOON, None, 60) is None
