"""The forecast of revenue is what plain Python works out, for any business date, and no forecast knows what came."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from loaders.load_table import load_table
from medallion.settings import Settings
from tests.property.warehouse import land
from tests.purchases import Line, Sale, draw_history, write_to_silver
from tests.queries import content_of, execute, rows
from tests.revenue_figures import Method, Shop

FIRST, LAST = date(2024, 9, 2), date(2026, 7, 20)
TABLES = (
    "revenue_forecast_origins",
    "revenue_forecast_backtest",
    "mart_revenue_forecast",
    "revenue_forecast_days",
    "revenue_forecast_totals",
)
CLOSED_ON, OPENED = "2026-03-14T18:00:00Z", "2020-01-01T00:00:00Z"
STORE = {"format": "city", "city": "Town", "region": "Region", "country": "FR", "currency": "EUR"}
OPEN = [
    {"store_id": store, "name": name, **STORE, "opened_at": OPENED, "is_active": True, "updated_at": OPENED}
    for store, name in ((1, "Lille"), (2, "Nice"))
]
CLOSED = {**OPEN[1], "is_active": False, "updated_at": CLOSED_ON}
SOLD = """
    select store_id, currency, (sold_at at time zone 'UTC')::date, sum(quantity * unit_price - discount)
    from silver.sales_customer inner join silver.sales_product using (sale_id) group by 1, 2, 3
"""
ORIGINS = """
    select origin_date, store_id, currency, sold_date - origin_date, expected_amount, week_before_amount, actual_amount
    from gold.revenue_forecast_origins
"""


def night(conn: connection, settings: Settings, as_of: date, *, checks: bool = False, **variables: int) -> None:
    """Build the fact and the tables of the forecast as of a date; with their tests if asked."""
    gold.prepare(conn, settings, run_id="night")
    told = ["--vars", json.dumps(variables)] if variables else []
    passed = {"RETAIL_BUSINESS_DATE": as_of.isoformat(), "RETAIL_FULL_TESTS": "yes"}
    models = ["tag:core", "mart_sales_by_store", "dim_date", "dim_holiday", *TABLES]
    for command in (
        ["run", "--select", *models],
        ["test", "--select", *TABLES, "--exclude-resource-type", "unit_test"],
    ):
        if command[0] == "run" or checks:
            gold._step(conn, settings, [*command, *told], "night", "dbt_run_nightly", passed)


def write(conn: connection, settings: Settings, sales: list[Sale], stores: Sequence[dict[str, Any]]) -> None:
    """Sales in three stores, one of which no record names."""
    write_to_silver(conn, sales)
    execute(conn, "update silver.sales_customer set store_id = sale_id % 3 + 1")
    land(conn, settings, "stores", [json.dumps(one).encode() for one in stores])
    load_table(conn, settings, subject="stores", run_id="night")


def holidays(conn: connection, *named: tuple[date, str]) -> dict[tuple[str, date], str]:
    for day, name in named:
        execute(conn, f"insert into meta.holiday (country, date_day, name) values ('FR', '{day}', '{name}')")
    return {("FR", day): name for day, name in named}


def to_cents(amount: Fraction | None) -> Decimal | None:
    """As Postgres rounds: half away from zero, after sixteen digits that no amount of a test depends on."""
    if amount is None:
        return None
    return (Decimal(amount.numerator) / amount.denominator).quantize(Decimal("0.01"), ROUND_HALF_UP)


def shop(named: dict[tuple[str, date], str]) -> Shop:
    return Shop(
        lambda store: "FR" if store < 3 else "??",
        lambda store, day: store == 2 and day >= date(2026, 3, 14),
        named,
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 11])
def test_every_forecast_is_that_of_plain_python(conn: connection, settings: Settings, seed: int) -> None:
    write(conn, settings, draw_history(seed, FIRST, LAST, customers=150), [*OPEN, CLOSED])
    named = holidays(
        conn, (date(2025, 4, 21), "Easter"), (date(2026, 4, 6), "Easter"), (date(2025, 12, 25), "Christmas")
    )
    sold = {(store, of, day): Fraction(amount) for store, of, day, amount in rows(conn, SOLD)}
    for as_of in (LAST, date(2026, 3, 29), date(2025, 12, 7)):
        night(conn, settings, as_of, checks=as_of == LAST, forecast_tests=2)
        known = {key: amount for key, amount in sold.items() if key[2] <= as_of}
        found = rows(conn, ORIGINS)
        assert {origin for origin, *_ in found} == {as_of - timedelta(days=28 * n) for n in range(3)}
        methods = {origin: Method(known, shop(named), origin) for origin in {one[0] for one in found}}
        assert {(one[0], one[1], one[2]) for one in found} == {
            (origin, *series) for origin, method in methods.items() for series in method.first
        }
        for origin, store, currency, ahead, expected, _, actual in found:
            wanted = to_cents(methods[origin].of((store, currency), ahead))
            assert expected == wanted, (origin, store, currency, ahead)
            came = known.get((store, currency, origin + timedelta(days=ahead)), Fraction(0))
            assert actual == (None if origin == as_of else to_cents(came))


@pytest.mark.slow
def test_no_forecast_knows_what_came_after_it(conn: connection, settings: Settings) -> None:
    """The forecast as of a day is the one that a test of a later night makes as of that day, whatever came between."""
    early = LAST - timedelta(days=56)
    write(conn, settings, draw_history(5, FIRST, LAST, customers=80), [*OPEN, CLOSED])
    night(conn, settings, LAST)
    select = f"""
        select store_id, currency, sold_date, expected_amount, verdict
        from gold.revenue_forecast_origins where origin_date = '{early}'
    """
    later = set(rows(conn, select))
    night(conn, settings, early)
    assert set(rows(conn, select)) == later
    assert len(later) > 28
    content = {table: content_of(conn, f"gold.{table}") for table in TABLES}
    execute(conn, f"delete from gold.mart_sales_by_store where sold_date > '{early}'")
    passed = {"RETAIL_BUSINESS_DATE": early.isoformat()}
    gold._step(conn, settings, ["run", "--select", *TABLES], "night", "dbt_run_nightly", passed)
    assert {table: content_of(conn, f"gold.{table}") for table in TABLES} == content


def test_the_backtest_and_the_sums_are_those_of_the_days(conn: connection, settings: Settings) -> None:
    write(conn, settings, draw_history(7, FIRST, LAST, customers=80), OPEN)
    night(conn, settings, LAST, checks=True)
    tests: dict[tuple[str, str], dict[date, list[Decimal]]] = defaultdict(lambda: defaultdict(lambda: [Decimal(0)] * 3))
    for origin, store, currency, _, expected, naive, actual in rows(conn, ORIGINS):
        if actual is None or expected is None:
            continue
        for series in (str(store), "all stores"):
            sums = tests[currency, series][origin]
            tests[currency, series][origin] = [a + b for a, b in zip(sums, (expected, naive, actual), strict=True)]
    published = """
        select currency, series, method, test_count, error_amount, actual_amount from gold.revenue_forecast_backtest
        where horizon = 'sum of 28 days' and method <> 'year before' and verdict = 'measured'
    """
    found = {(one[0], one[1], one[2]): one[3:] for one in rows(conn, published)}
    assert found == {
        (*key, method): (
            len(by_origin),
            sum(abs(sums[place] - sums[2]) for sums in by_origin.values()),
            sum(sums[2] for sums in by_origin.values()),
        )
        for key, by_origin in tests.items()
        for place, method in enumerate(("forecast", "seasonal naive"))
    }
    totals = "select currency, expected_amount from gold.revenue_forecast_totals where series = 'all stores'"
    days = "select currency, sum(expected_amount) from gold.revenue_forecast_days group by 1"
    stores = "select currency, sum(expected_amount) from gold.mart_revenue_forecast group by 1"
    assert set(rows(conn, totals)) == set(rows(conn, days)) == set(rows(conn, stores))
    bounds = "select count(*) from gold.revenue_forecast_totals where lower_amount is not null"
    assert rows(conn, bounds)[0][0] > 0


@pytest.mark.slow
@pytest.mark.parametrize("amount", ["9999999999.99", "0.01", "0.00"])
def test_amounts_at_their_limits_and_single_sales_are_no_error(
    conn: connection, settings: Settings, amount: str
) -> None:
    """The most that a line can cost; one sale, years ago; a store that only takes back; a sale of the year 1."""
    day = datetime(2026, 7, 20, 12, tzinfo=timezone.utc)
    often = [Sale(3 * n, 1, day - timedelta(days=n), (Line(1, 1000, Decimal(amount)),)) for n in range(1, 500, 2)]
    returns = [Sale(3 * n + 1, 1, day - timedelta(days=n), (Line(1, -2),), "CHF") for n in range(1, 60)]
    odd = [Sale(3_002, 1, day.replace(year=1), (Line(1, 1),)), Sale(3_005, 2, day.replace(year=2023), (Line(1, 1),))]
    write(conn, settings, [*often, *returns, *odd], OPEN)
    night(conn, settings, LAST, checks=True)
    query = """
        select store_id, currency, min(expected_amount), max(expected_amount)
        from gold.mart_revenue_forecast group by 1, 2
    """
    found = {(store, currency): (lowest, most) for store, currency, lowest, most in rows(conn, query)}
    assert found[2, "CHF"] == (0, 0)
    assert set(found) == {(1, "EUR"), (2, "CHF")}
    assert 0 <= found[1, "EUR"][0] <= found[1, "EUR"][1] <= 7_000 * Decimal(amount)


def test_without_sales_there_is_no_forecast(conn: connection, settings: Settings) -> None:
    night(conn, settings, LAST, checks=True)
    assert [rows(conn, f"select count(*) from gold.{table}") for table in TABLES] == [[(0,)]] * 5
