"""Periods: in words, in Superset's terms and in days."""

from __future__ import annotations

from datetime import date

import pytest

from dashboards.periods import days_of, period_of, superset_range

TUESDAY = date(2026, 3, 31)
PERIODS = {
    "yesterday": ("2026-03-30", "2026-03-31"),
    "today": ("2026-03-31", "2026-04-01"),
    "last 28 days": ("2026-03-03", "2026-03-31"),
    "last 14 days and today": ("2026-03-17", "2026-04-01"),
    "last 13 weeks": ("2025-12-29", "2026-03-30"),
    "last 1 month": ("2026-02-01", "2026-03-01"),
    "last 12 months": ("2025-03-01", "2026-03-01"),
    "last 12 months and today": ("2025-03-01", "2026-04-01"),
    "last 56 days and next 28 days": ("2026-02-03", "2026-04-28"),
    "last 2 years": ("2024-01-01", "2026-01-01"),
}


@pytest.mark.parametrize(("period", "days"), PERIODS.items())
def test_a_period_is_whole_days_weeks_months_or_years(period: str, days: tuple[str, str]) -> None:
    assert tuple(day.isoformat() for day in days_of(period, TUESDAY)) == days


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_is_read_back_from_what_superset_has(period: str) -> None:
    assert period_of(superset_range(period)) == period


@pytest.mark.parametrize(
    "text", ["Last week", "", "2026-01-01 : 2026-02-01", "DATEADD(DATETIME('now'), -28, day) : now"]
)
def test_a_range_of_another_hand_is_no_period(text: str) -> None:
    assert period_of(text) is None
