"""What the block about the next 28 days says of a forecast that is there, untested, too new or not built."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

from report.charts import Ahead, ahead_chart
from report.forecast import Forecast, ForecastDay, Outlook, show_forecast
from report.sales import Sales

NOW = datetime(2023, 11, 30, 12, tzinfo=timezone.utc)
LAST = date(2023, 11, 29)
SALES = Sales("EUR", datetime(2022, 1, 1, tzinfo=timezone.utc), NOW, NOW, {})
TOTAL = Outlook(
    currency="EUR",
    name=None,
    verdict="expected",
    unknown_stores=0,
    expected=Decimal(1000),
    lower=Decimal(900),
    upper=Decimal(1200),
    last_days=Decimal(800),
    year_before=Decimal(950),
    tests=13,
    error=Decimal("0.05"),
    error_of_week=Decimal("0.125"),
    error_of_year=Decimal("0.03"),
)
STORE = replace(TOTAL, name="Rivoli")


def shown(*outlooks: Outlook, days: tuple[ForecastDay, ...] = ()) -> dict[str, Any]:
    return show_forecast(Forecast(LAST, outlooks, days), SALES, NOW)


def test_the_answer_says_what_is_expected_and_how_wrong_it_was_even_when_a_naive_way_was_better() -> None:
    assert shown(TOTAL)["answer"] == (
        "The next 28 days are expected to bring €1,000, between €900 and €1,200; a year before: €950. In the last 13 "
        "tests this method was off by 5.0%, repeating last week's days by 12.5%, repeating those of a year "
        "before by 3.0%."
    )


def test_what_is_not_known_is_left_out() -> None:
    short = replace(TOTAL, lower=None, upper=None, year_before=None, tests=1, error_of_year=None)
    assert shown(short)["answer"] == (
        "The next 28 days are expected to bring €1,000. In the one test so far this method was off by 5.0%, repeating "
        "last week's days by 12.5%."
    )
    untested = replace(short, tests=None, error=None, error_of_week=None)
    assert shown(untested)["answer"].endswith("It could not be tested yet: the history is too short.")
    nothing = replace(TOTAL, expected=Decimal(0), lower=Decimal(0), upper=Decimal(0))
    assert shown(nothing)["answer"].startswith("The next 28 days are expected to bring €0, between €0 and €0;")


def test_a_forecast_that_is_not_there_says_why() -> None:
    assert show_forecast(Forecast(), SALES, NOW)["empty"].startswith("Built at night, and not there yet")
    assert shown(replace(TOTAL, expected=None))["empty"].startswith("The history is too short")
    assert shown(replace(TOTAL, currency="CHF"))["empty"].startswith("The history is too short")


def test_a_store_without_a_forecast_says_so_and_counts_for_nothing() -> None:
    young = replace(STORE, name="Lyon", verdict="history too short", expected=None, lower=None, upper=None, error=None)
    closed = replace(STORE, name="Nice", verdict="closed", expected=Decimal(0), lower=Decimal(0), upper=Decimal(0))
    block = shown(replace(TOTAL, unknown_stores=1), STORE, closed, young)
    rows = [
        (row["name"], row["mark"], row["amount"], row["between"], row["change"]) for row in block["tables"][0]["rows"]
    ]
    assert rows == [
        ("Rivoli", "", "€1,000", "€900 – €1,200", "+25%"),
        ("Nice", "closed", "€0", "", "−100%"),
        ("Lyon", "history too short", "–", "", ""),
    ]
    assert block["left_out"] == "Not in it: 1 store that began to sell less than 28 days ago."


def test_the_chart_has_a_bar_for_each_day_that_was_and_a_band_around_the_days_to_come() -> None:
    past = [Ahead(f"d{n}", f"d{n}", 10.0, None, None, None, None) for n in range(3)]
    coming = [Ahead(f"e{n}", "<b>", None, 20.0, 15.0, 40.0, 30.0) for n in range(2)]
    drawn = str(ahead_chart([*past, *coming], 540, 142, str))
    assert drawn.count('class="bar"') == 3
    assert "<b>" not in drawn
    [band] = re.findall(r'class="band" points="([^"]*)"', drawn)
    heights = [float(point.split(",")[1]) for point in band.split()]
    assert heights == [18, 18, 80.5, 80.5]  # 40 is the top of the axis, 15 three eighths of it
    [line] = re.findall(r'class="ahead" points="([^"]*)"', drawn)
    assert {point.split(",")[1] for point in line.split()} == {"68"}
    assert "band" not in str(ahead_chart(past, 540, 142, str))


def test_days_are_shown_in_the_currency_of_the_page() -> None:
    was = ForecastDay(LAST, Decimal(40), None, None, None, None)
    comes = ForecastDay(LAST + timedelta(days=1), None, Decimal(30), Decimal(50), Decimal(45), Decimal(60))
    block = shown(TOTAL, days=(was, comes))
    assert "Wed, Nov 29: €40" in block["wide"]
    assert "Thu, Nov 30: €50 expected, €45 to €60" in block["narrow"]
    assert (block["has_band"], block["has_year"]) == (True, True)
