"""The calendar against Python's own: ISO weeks, months and leap years, and 4-4-5 by walking through the weeks."""

from __future__ import annotations

import calendar
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from gold.public_holidays import public_holidays
from medallion.errors import DataQualityError
from medallion.settings import Settings
from tests.integration.test_gold_rebuild import execute, sell
from tests.pipeline import build_untested
from tests.queries import rows

NOW = datetime(2026, 11, 6, 2, 15, tzinfo=timezone.utc)
DAY = date(2026, 11, 5)
ISO = "date_day, year, quarter, month, month_start_date, month_end_date, iso_year, iso_week, week_start_date, weekday"
NAMES = "weekday_name, is_weekend, same_weekday_last_year"
FISCAL = "fiscal_year, fiscal_quarter, fiscal_period, fiscal_week"


def iso_row(day: date) -> tuple[Any, ...]:
    """What Python's calendar says of a day."""
    year, week, weekday = day.isocalendar()
    ends = day.replace(day=calendar.monthrange(day.year, day.month)[1])
    monday = date.fromisocalendar(year, week, 1)
    named = (calendar.day_name[weekday - 1], weekday in (6, 7), day - timedelta(weeks=52))
    quarter = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3}.get(day.month, 4)
    return (day, day.year, quarter, day.month, day.replace(day=1), ends, year, week, monday, weekday, *named)


def begin_of(year: int, month: int) -> date:
    """The Monday nearest to the first of that month, by trying each day around it."""
    around = [date(year, month, 1) + timedelta(days=days) for days in range(-3, 4)]
    (monday,) = [day for day in around if day.weekday() == 0]
    return monday


def fiscal_days(first: int, last: int, month: int) -> Iterator[tuple[Any, ...]]:
    """Each day of the fiscal years, one week after the other."""
    for year in range(first, last):
        periods = [number for number, weeks in enumerate([4, 4, 5] * 4, start=1) for _ in range(weeks)]
        length = (begin_of(year + 1, month) - begin_of(year, month)).days
        assert length in (52 * 7, 53 * 7)
        periods += [12] * (length // 7 - 52)
        for week, period in enumerate(periods, start=1):
            monday = begin_of(year, month) + timedelta(weeks=week - 1)
            for days in range(7):
                yield (monday + timedelta(days=days), year, (period - 1) // 3 + 1, period, week)


def build_calendar(conn: connection, settings: Settings, as_of: date, **variables: Any) -> None:
    command = ["run", "--select", "dim_holiday", "dim_date", "--vars", json.dumps(variables)]
    passed = {"RETAIL_BUSINESS_DATE": as_of.isoformat()}
    dbt_runner.built_by(dbt_runner.invoke(conn, settings, command, "calendar", passed))


@pytest.mark.slow
def test_forty_years_are_those_of_pythons_calendar(conn: connection, settings: Settings) -> None:
    """The fiscal year too, whichever month it begins with; with January it is the ISO year."""
    sell(conn, settings, 1, customer_id=1, sold_at="1986-07-03T10:00:00Z")
    build_untested(conn, settings)
    for month in (2, 1, 10):
        build_calendar(conn, settings, DAY, calendar_first_day="1985-01-01", fiscal_year_first_month=month)
        days = [date(1986, 1, 1) + timedelta(days=number) for number in range((DAY - date(1986, 1, 1)).days + 401)]
        assert rows(conn, f"select {ISO}, {NAMES} from gold.dim_date order by 1") == [iso_row(day) for day in days]
        expected = [row for row in fiscal_days(1984, 2030, month) if days[0] <= row[0] <= days[-1]]
        assert rows(conn, f"select date_day, {FISCAL} from gold.dim_date order by 1") == expected
        is_iso = rows(conn, "select bool_and((fiscal_year, fiscal_week) = (iso_year, iso_week)) from gold.dim_date")
        assert is_iso == [(month == 1,)]
    long_years = "select count(distinct iso_year) from gold.dim_date where iso_week = 53"
    assert rows(conn, long_years) != [(0,)]


@pytest.mark.slow
def test_a_strange_date_of_a_sale_makes_no_centuries(conn: connection, settings: Settings) -> None:
    """Nor does it turn a night red: those of the tests are the days that the calendar promises."""
    for number, day in enumerate(["1970-01-01", "2024-02-29", "2026-11-07", "2099-06-01"], start=1):
        sell(conn, settings, number, customer_id=1, sold_at=f"{day}T10:00:00Z")
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOW)
    span = "select min(date_day), max(date_day) from gold.dim_date"
    assert rows(conn, span) == [(date(2024, 1, 1), DAY + timedelta(days=400))]
    gold.build_nightly(conn, settings, run_id="night", now=NOW + timedelta(days=1))
    assert rows(conn, span) == [(date(2024, 1, 1), DAY + timedelta(days=401))]


@pytest.mark.slow
def test_a_day_of_sales_that_the_calendar_lacks_fails_a_test(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-01-15T10:00:00Z")
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOW)
    command = ["test", "--select", "days_of_sales_are_in_the_calendar"]
    dbt_runner.built_by(dbt_runner.invoke(conn, settings, command, "calendar"))
    execute(conn, "delete from gold.dim_date where date_day <= '2026-01-15'")
    with pytest.raises(DataQualityError, match="days_of_sales_are_in_the_calendar"):
        dbt_runner.built_by(dbt_runner.invoke(conn, settings, command, "calendar"))


@pytest.mark.slow
def test_without_sales_before_the_business_date_the_calendar_begins_with_its_year(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2099-06-01T10:00:00Z")
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOW)
    assert rows(conn, "select min(date_day) from gold.dim_date") == [(date(2026, 1, 1),)]


@pytest.mark.slow
def test_holidays_are_those_of_the_stores_countries_and_an_unknown_country_is_a_warning(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-01-15T10:00:00Z")
    build_untested(conn, settings)
    execute(conn, "update gold.dim_customer set country = 'JP'")
    built = gold.build_nightly(conn, settings, run_id="night", now=NOW)
    assert rows(conn, "select distinct country from gold.dim_holiday") == [("JP",)]  # no store has a country
    assert built.warnings == ()
    store = "insert into gold.dim_store select (jsonb_populate_record(one, '%s')).* from gold.dim_store as one limit 1"
    for number, country in enumerate(["DE", "FR", "QQ"], start=901):
        told = {"store_id": number, "country": country, "store_key": f"00000000-0000-0000-0000-000000000{number}"}
        execute(conn, store % json.dumps(told))
    built = gold.build_nightly(conn, settings, run_id="night", now=NOW)
    assert built.warnings == ("no public holidays are known for the countries QQ",)
    assert "QQ" in built.summary()
    assert rows(conn, "select distinct country from gold.dim_holiday order by 1") == [("DE",), ("FR",)]
    named = "select country, name from gold.dim_holiday where date_day = '%s' order by 1"
    assert rows(conn, named % "2026-05-01") == [("DE", "Labor Day"), ("FR", "Labor Day")]
    assert rows(conn, named % "2026-07-14") == [("FR", "National Day")]
    assert rows(conn, named % "2026-01-06") == []  # Epiphany, in three of the German states
    both = "select is_holiday, holiday_countries from gold.dim_date where date_day = '%s'"
    assert rows(conn, both % "2026-05-01") == [(True, "DE, FR")]
    assert rows(conn, both % "2026-10-03") == [(True, "DE")]
    assert rows(conn, both % "2026-11-04") == [(False, "")]


def test_every_public_holiday_of_a_country_is_one_row_for_each_day() -> None:
    """Easter by its own rule, and days off in place of a holiday on a weekend."""
    found, unknown = public_holidays(["GB", "DE", "XX"], range(2021, 2028))
    assert unknown == ["XX"]
    assert len({(country, day) for country, day, _ in found}) == len(found)
    easter_mondays = [day for country, day, name in found if country == "DE" and name == "Easter Monday"]
    assert easter_mondays[:3] == [date(2021, 4, 5), date(2022, 4, 18), date(2023, 4, 10)]
    assert ("GB", date(2021, 12, 27), "Christmas Day (observed)") in found


def test_a_place_has_the_key_that_the_dimensions_hold(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOW)
    joined = """
        select place.country, place.city, place.has_store, place.has_customer
        from gold.dim_customer inner join gold.dim_location as place using (location_key)
    """
    assert rows(conn, joined) == [("??", "Unknown", True, True)]
    assert rows(conn, "select count(*) from gold.dim_store inner join gold.dim_location using (location_key)") == [(1,)]
    by_hand = """select md5('location:["??", "Unknown", "Unknown"]')::uuid"""
    assert rows(conn, "select location_key from gold.dim_location") == rows(conn, by_hand)
