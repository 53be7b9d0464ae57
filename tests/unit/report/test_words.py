"""Each unit has one format, whatever its size and sign."""

from __future__ import annotations

from datetime import date, datetime, timezone
from decimal import Decimal

import pytest

from report import words


@pytest.mark.parametrize(
    ("amount", "currency", "whole", "short"),
    [
        ("0", "EUR", "€0", "€0"),
        ("999.49", "EUR", "€999", "€999"),
        ("366870.5", "EUR", "€366,871", "€367k"),
        ("-1234567", "USD", "−$1,234,567", "−$1.2M"),
        ("2000000", "CHF", "CHF 2,000,000", "CHF 2M"),
        ("-0.2", "EUR", "€0", "€0"),
    ],
)
def test_an_amount_has_one_format(amount: str, currency: str, whole: str, short: str) -> None:
    assert words.money(Decimal(amount), currency) == whole
    assert words.short_money(Decimal(amount), currency) == short


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("2500", "€2.5k"),
        ("625", "€625"),
        ("0.25", "€0.25"),
        ("200000", "€200k"),
        ("1250000", "€1.25M"),
        ("18750", "€18.75k"),
    ],
)
def test_a_line_of_an_axis_says_its_value_exactly(amount: str, said: str) -> None:
    assert words.tick_money(Decimal(amount), "EUR") == said


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (112, 100, "+12%"),
        (Decimal("99.6"), 100, "−0.4%"),
        (100, 100, "+0.0%"),
        (Decimal("99.99"), 100, "+0.0%"),
        (5, 0, ""),
        (5, None, ""),
        (None, 5, ""),
        (5, -5, ""),
    ],
)
def test_a_change_is_said_only_where_there_is_something_to_compare_with(now: int, before: int, said: str) -> None:
    assert words.change(now, before) == said


def test_shares_are_compared_in_points() -> None:
    assert words.points(Decimal("0.042"), Decimal("0.02")) == "+2.2 points"
    assert words.points(Decimal("0.02"), Decimal("0.042")) == "−2.2 points"
    assert words.points(None, Decimal("0.042")) == ""
    assert words.share(Decimal("0.0915")) == "9.2%"
    assert words.share(None) == "–"


def test_moments_say_their_zone_and_days_their_weekday() -> None:
    moment = datetime(2026, 11, 6, 9, 5, tzinfo=timezone.utc)
    assert words.at(moment) == "Nov 6, 2026, 09:05 UTC"
    assert words.day(moment) == "Fri, Nov 6"
    assert words.full_day(date(2026, 11, 6)) == "Friday, November 6, 2026"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.044, "0.04 s"),
        (3.14, "3.1 s"),
        (61, "61 s"),
        (600, "10 min"),
        (7_500, "2 h 05 min"),
        (200_000, "55 h 33 min"),
    ],
)
def test_a_duration_is_said_in_the_unit_that_fits(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said
