"""The nightly tables about customers say what plain Python works out from the sales, as of any date."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from medallion.settings import Settings
from tests import customer_figures as figures
from tests.customer_figures import Method, Row, rounded
from tests.purchases import (
    Line,
    Sale,
    Version,
    draw_history,
    sale,
    write_costs_to_silver,
    write_customers_to_silver,
    write_to_silver,
)
from tests.queries import content_of, execute, rows

FIRST, LAST = date(2024, 5, 3), date(2026, 7, 20)
MIDDLE, MONTHS_END = date(2026, 6, 14), date(2026, 5, 31)
TABLES = (
    "fct_customer_behavior",
    "lifetime_value_backtest",
    "lifetime_value_totals",
    "mart_basket_pairs",
    "mart_customer_cohort_sales",
    "mart_customer_cohorts",
    "mart_customer_lifetime_value",
    "mart_customer_rfm",
    "rfm_cut_points",
    "rfm_segments",
)
BEHAVIOR = """
    select
        customer_id, event_type, event_date, sale_id, purchase_number, days_since_previous_purchase,
        currency, net_amount, margin_amount
    from gold.fct_customer_behavior
"""
CUTS = ("recency", "frequency", "monetary")


def night(
    conn: connection,
    settings: Settings,
    as_of: date,
    sales: Sequence[Sale] = (),
    *,
    full_refresh: bool = False,
    checks: bool = False,
    **variables: int,
) -> None:
    """The fact takes these sales, and the tables are built as of this date; with their tests if asked."""
    if sales:
        write_to_silver(conn, sales)
        gold.prepare(conn, settings, run_id="night")
    told = ["--vars", json.dumps(variables)] if variables else []
    passed = {"RETAIL_BUSINESS_DATE": as_of.isoformat(), "RETAIL_FULL_TESTS": "yes"}
    refresh = ["--full-refresh"] if full_refresh else []
    command = ["run", "--select", "tag:core", *TABLES, *refresh, *told]
    gold._step(conn, settings, command, "night", "dbt_run_nightly", passed)
    if checks:
        command = ["test", "--select", *TABLES, "--exclude-resource-type", "unit_test", *told]
        gold._step(conn, settings, command, "night", "dbt_run_nightly", passed)


def contents(conn: connection) -> dict[str, tuple[Any, ...]]:
    return {table: content_of(conn, f"gold.{table}") for table in TABLES}


def behavior(conn: connection) -> set[Row]:
    found = rows(conn, BEHAVIOR)
    assert len(found) == len(set(found))
    return set(found)


def cut_points(conn: connection) -> dict[tuple[date, str], list[list[Any]]]:
    names = ", ".join(f"array[{', '.join(f'{name}_{p}' for p in (20, 40, 60, 80))}]" for name in CUTS)
    return {
        (night, currency): cuts
        for night, currency, *cuts in rows(conn, f"select night, currency, {names} from gold.rfm_cut_points")
    }


def check_behavior(conn: connection, sales: Sequence[Sale], as_of: date) -> None:
    assert behavior(conn) == figures.behavior(sales, as_of)


def check_rfm(conn: connection, sales: Sequence[Sale], as_of: date) -> None:
    nights = [as_of - timedelta(days=back) for back in range(28)]
    expected = {(one, of): cuts for one in nights for of, cuts in figures.cut_points(sales, one).items()}
    assert cut_points(conn) == expected
    scored = {}
    for (who, currency), worth in figures.worths(sales, as_of).items():
        values = (worth.recency, worth.frequency, worth.monetary)
        cuts = expected.get((as_of, currency))
        scores = [figures.score(value, of) for value, of in zip(values, cuts, strict=True)] if cuts else [1, 1, 1]
        scored[who, currency] = (*values, *scores)
    query = """
        select
            customer_id, currency, last_sale_date, frequency, monetary_amount,
            recency_score, frequency_score, monetary_score
        from gold.mart_customer_rfm
    """
    assert {(who, currency): tuple(rest) for who, currency, *rest in rows(conn, query)} == scored
    added_up = (
        "select currency, sum(customer_count), sum(sale_count), sum(net_amount) from gold.rfm_segments group by 1"
    )
    for currency, count, purchases, amount in rows(conn, added_up):
        own = [of for (_, one), of in scored.items() if one == currency]
        assert (count, purchases, amount) == (len(own), sum(of[1] for of in own), sum(of[2] for of in own))


def check_cohorts(conn: connection, sales: Sequence[Sale], as_of: date) -> None:
    query = """
        select cohort_month, month_number, is_complete, customer_count, active_customer_count
        from gold.mart_customer_cohorts
    """
    assert set(rows(conn, query)) == figures.cohorts(sales, as_of)
    query = """
        select
            cohort_month, month_number, currency, customer_count, active_customer_count, sale_count, return_count,
            net_amount, margin_amount
        from gold.mart_customer_cohort_sales
    """
    assert set(rows(conn, query)) == figures.cohort_sales(sales, as_of)


def check_lifetime_value(conn: connection, sales: Sequence[Sale], as_of: date, method: Method) -> None:
    lives = figures.lives(sales, as_of)
    expected = {
        currency: figures.forecast([life for (_, of), life in lives.items() if of == currency], as_of, 12, method)
        for currency in {of for _, of in lives}
    }
    query = """
        select customer_id, currency, cohort_month, net_amount, margin_amount, expected_margin_amount
        from gold.mart_customer_lifetime_value
    """
    mart = {(who, currency): tuple(of) for who, currency, *of in rows(conn, query)}
    assert {key: of[:3] for key, of in mart.items()} == {
        key: (figures.first_day(life.cohort), sum(life.amounts.values()), sum(life.margins.values()))
        for key, life in lives.items()
    }
    for (who, currency), life in lives.items():
        coming = expected[currency].get(life.cohort)
        check_close(mart[who, currency][3], None if coming is None else rounded(coming))
    totals = "select currency, customer_count, net_amount, expected_margin_amount from gold.lifetime_value_totals"
    for currency, count, amount, coming in rows(conn, totals):
        own = [of for (_, one), of in mart.items() if one == currency]
        assert (count, amount) == (len(own), sum(of[1] for of in own))
        assert coming == (sum(of[3] for of in own) if own[0][3] is not None else None)


def check_close(found: Decimal | None, expected: Decimal | None) -> None:
    """To the cent: the mart works with decimals of many places, the test with fractions."""
    assert (found is None) is (expected is None)
    assert found is None or expected is None or abs(found - expected) <= Decimal("0.01"), (found, expected)


def check_backtest(conn: connection, sales: Sequence[Sale], as_of: date, method: Method) -> None:
    query = """
        select
            currency, horizon_month_count, as_of_date, verdict, customer_count,
            expected_margin_amount, actual_margin_amount
        from gold.lifetime_value_backtest
    """
    found = rows(conn, query)
    last = figures.month_of(as_of + timedelta(days=1)) - 1
    lives = figures.lives(sales, as_of)
    assert {one[:2] for one in found} == {(of, months) for _, of in lives for months in (3, 6, 12)}
    for currency, months, then, verdict, count, expected, actual in found:
        assert then == figures.first_day(last - months + 1) - timedelta(days=1)
        known = [life for (_, of), life in figures.lives(sales, then).items() if of == currency]
        later = [life for (_, of), life in lives.items() if of == currency and figures.first_day(life.cohort) <= then]
        forecast = figures.forecast(known, then, months, method)
        assert verdict == ("measured" if forecast else "history too short")
        if forecast:
            assert count == len(known)
            check_close(expected, rounded(sum(forecast[life.cohort] for life in known)))
            assert actual == sum((life.brought(figures.month_of(then) + 1, last) for life in later), Decimal())
        else:
            assert (count, expected, actual) == (None, None, None)


def check_pairs(conn: connection, sales: Sequence[Sale], as_of: date, **bounds: int) -> None:
    query = """
        select
            currency, product_id_a, product_id_b, pair_basket_count, basket_count_a, basket_count_b, basket_count,
            oversized_basket_count
        from gold.mart_basket_pairs
    """
    expected = figures.basket_pairs(sales, as_of, **bounds)
    assert set(rows(conn, query)) == expected
    shares = """
        select
            pair_basket_count, basket_count_a, basket_count_b, basket_count,
            support, confidence_a_to_b, confidence_b_to_a, lift
        from gold.mart_basket_pairs
    """
    for both, a, b, total, support, a_to_b, b_to_a, lift in rows(conn, shares):
        exact = (both / total, both / a, both / b, both * total / (a * b))
        assert [float(one) for one in (support, a_to_b, b_to_a, lift)] == pytest.approx(exact, abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("as_of", [MIDDLE, MONTHS_END])
def test_every_figure_is_that_of_plain_python(conn: connection, settings: Settings, as_of: date) -> None:
    """In the middle of a month and at its end. The fact holds later sales, too."""
    sales = draw_history(as_of.day, FIRST, LAST, customers=90)
    method = Method(curve_customers=12, prior_customers=5)
    bounds = {"lifetime_value_curve_customers": 12, "lifetime_value_prior_customers": 5, "basket_products": 4}
    write_costs_to_silver(conn, settings)
    night(conn, settings, as_of, sales, checks=True, **bounds)
    assert {one.day > as_of for one in sales} == {True, False}
    check_behavior(conn, sales, as_of)
    check_rfm(conn, sales, as_of)
    check_cohorts(conn, sales, as_of)
    check_lifetime_value(conn, sales, as_of, method)
    check_backtest(conn, sales, as_of, method)
    check_pairs(conn, sales, as_of, limit=4)
    drawn = {row[1] for row in behavior(conn)}
    assert drawn == {"first_purchase", "repeat_purchase", "win_back", "return", "lapse"}
    measured = {row[0] for row in rows(conn, "select verdict from gold.lifetime_value_backtest")}
    assert measured == {"measured"}
    assert rows(conn, "select count(*) > 20 and bool_or(oversized_basket_count > 0) from gold.mart_basket_pairs") == [
        (True,)
    ]


@pytest.mark.slow
def test_the_tables_hang_on_the_fact_and_the_date_alone(conn: connection, settings: Settings) -> None:
    """A night again, after later nights, more sales and a full refresh, gives the same rows by hash."""
    sales = draw_history(4, FIRST, LAST)
    early, late = [one for one in sales if one.sale_id % 3], [one for one in sales if not one.sale_id % 3]
    night(conn, settings, MONTHS_END, early)
    before = contents(conn)
    night(conn, settings, LAST, late)
    night(conn, settings, MONTHS_END)
    with_late = contents(conn)
    assert all(before[table] != with_late[table] for table in TABLES if table != "mart_basket_pairs")
    execute(conn, "drop table gold.fct_customer_behavior, gold.mart_customer_rfm")
    night(conn, settings, MONTHS_END, full_refresh=True)
    assert contents(conn) == with_late


@pytest.mark.slow
def test_what_has_happened_by_a_date_does_not_change_as_days_pass(conn: connection, settings: Settings) -> None:
    """Events and cut points of a date are those that a later night gives for it; complete cohort months stay, too."""
    night(conn, settings, MIDDLE, draw_history(5, FIRST, LAST))
    complete = (
        "select cohort_month, month_number, active_customer_count from gold.mart_customer_cohorts where is_complete"
    )
    then, cuts, months = behavior(conn), cut_points(conn), set(rows(conn, complete))
    night(conn, settings, MIDDLE + timedelta(days=20))
    assert {row for row in behavior(conn) if row[2] <= MIDDLE} == then != behavior(conn)
    both = cuts.keys() & cut_points(conn).keys()
    assert len({night for night, _ in both}) == 8
    assert {one: cut_points(conn)[one] for one in both} == {one: cuts[one] for one in both}
    assert months < set(rows(conn, complete))


@pytest.mark.slow
def test_without_a_sale_by_the_date_the_tables_are_empty(conn: connection, settings: Settings) -> None:
    night(conn, settings, date(2026, 1, 4), [sale(1, 1, "2026-01-05")], checks=True)
    assert {table: of[0] for table, of in contents(conn).items()} == dict.fromkeys(TABLES, 0)


def shop_of_two_months() -> list[Sale]:
    return [sale(number, number, f"2026-{5 + number % 2:02}-10") for number in range(1, 41)]


@pytest.mark.parametrize("wrong", ["0001-01-01", "1970-01-01"])
def test_one_sale_of_a_wrong_date_stops_no_night_and_makes_no_history(
    conn: connection, settings: Settings, wrong: str
) -> None:
    sales = [*shop_of_two_months(), sale(999, 999, wrong)]
    write_costs_to_silver(conn, settings)
    night(conn, settings, date(2026, 6, 30), sales, checks=True)
    check_cohorts(conn, sales, date(2026, 6, 30))
    expected = "select count(*), count(expected_margin_amount) from gold.mart_customer_lifetime_value"
    assert rows(conn, expected) == [(41, 0)]
    assert rows(conn, "select distinct verdict from gold.lifetime_value_backtest") == [("history too short",)]


def test_a_cohort_is_expected_to_make_three_times_the_average_at_most(conn: connection, settings: Settings) -> None:
    """First purchases at a loss and months at +5.00 make an average of almost 0, then others begin at +10.01."""

    def bought(sale_id: int, who: int, month: int, quantity: int, price: str) -> Sale:
        return Sale(sale_id, who, sale(1, 1, f"2026-{month:02}-10").sold_at, (Line(1, quantity, Decimal(price)),))

    write_costs_to_silver(conn, settings)
    old = [bought(who, who, 1, 5, "0.00") for who in range(1, 41)]
    months = [bought(1000 * month + who, who, month, 1, "7.00") for month in range(2, 7) for who in range(1, 41)]
    new = [bought(who, who, 6, 1, "12.01") for who in range(101, 141)]
    night(conn, settings, date(2026, 6, 30), old + months + new, checks=True)
    expected = "select max(expected_margin_amount) from gold.mart_customer_lifetime_value where customer_id > 100"
    ((most,),) = rows(conn, expected)
    assert Decimal(100) < most <= 3 * 12 * Decimal(5)


def test_one_customer_scores_the_middle_and_has_no_forecast(conn: connection, settings: Settings) -> None:
    """From the first day on: one cohort of one customer, complete or not, and nothing to divide by."""
    night(conn, settings, date(2025, 1, 31), [sale(1, 1, "2025-01-31")])
    scores = "select recency_score, frequency_score, monetary_score, rfm_segment from gold.mart_customer_rfm"
    assert rows(conn, scores) == [(3, 3, 3, "loyal")]
    cohort = "select month_number, is_complete, retention_share from gold.mart_customer_cohorts order by 1"
    assert rows(conn, cohort) == [(0, True, 1)]
    night(conn, settings, date(2026, 1, 31), checks=True)  # the sale has left the year
    assert rows(conn, scores) == [(1, 1, 1, "lost")]
    assert rows(conn, cohort) == [(0, True, 1), *((number, True, 0) for number in range(1, 13))]
    assert rows(conn, "select expected_margin_amount from gold.mart_customer_lifetime_value") == [(None,)]
    verdicts = """
        select horizon_month_count, verdict, expected_margin_amount, error_share
        from gold.lifetime_value_backtest order by 1
    """
    assert rows(conn, verdicts) == [
        (3, "history too short", None, None),
        (6, "history too short", None, None),
        (12, "history too short", None, None),
    ]


def test_equal_customers_score_equally_whoever_they_are(conn: connection, settings: Settings) -> None:
    """Ties are not broken: every customer with the same figures has the same scores, at every number of customers."""
    same = [sale(number, number, "2026-01-05") for number in range(1, 8)]
    better = [sale(number, 8, "2026-01-06") for number in (8, 9)]
    night(conn, settings, date(2026, 2, 1), [*same, *better])
    query = "select customer_id = 8, recency_score, frequency_score, monetary_score from gold.mart_customer_rfm"
    assert sorted(set(rows(conn, query))) == [(False, 3, 3, 3), (True, 5, 5, 5)]


def test_a_deleted_customer_stays_and_is_flagged(conn: connection, settings: Settings) -> None:
    night(conn, settings, date(2025, 1, 31), [sale(1, 1, "2026-01-05"), sale(2, 2, "2026-01-05")])
    execute(conn, "update gold.dim_customer set is_deleted = customer_id = 2")
    night(conn, settings, date(2026, 1, 31))
    for mart in ("mart_customer_rfm", "mart_customer_lifetime_value"):
        assert rows(conn, f"select customer_id, is_deleted from gold.{mart} order by 1") == [(1, False), (2, True)]
    assert rows(conn, "select customer_count from gold.mart_customer_cohorts") == [(2,)]


@pytest.mark.slow
def test_dates_that_cannot_be_right_cost_rows_and_break_nothing(conn: connection, settings: Settings) -> None:
    sales = [
        sale(1, 1, "1970-01-01"),
        sale(2, 1, "2026-01-05"),
        sale(3, 2, "2099-01-01"),
        sale(4, 3, "2026-01-05", quantity=-1),
    ]
    write_costs_to_silver(conn, settings)
    night(conn, settings, date(2026, 1, 31), sales, checks=True)
    check_behavior(conn, sales, date(2026, 1, 31))
    check_cohorts(conn, sales, date(2026, 1, 31))
    assert {row[1:3] for row in behavior(conn) if row[0] == 1} >= {
        ("lapse", date(1970, 4, 1)),
        ("win_back", date(2026, 1, 5)),
    }
    assert rows(conn, "select customer_id from gold.mart_customer_rfm") == [(1,)]


@pytest.mark.slow
def test_a_late_sale_renames_what_came_after_it(conn: connection, settings: Settings) -> None:
    """The first purchase becomes a repeat, the lapse goes, and the customer changes the cohort."""
    first = [sale(1, 1, "2026-01-05"), sale(2, 1, "2026-06-01")]
    write_costs_to_silver(conn, settings)
    night(conn, settings, date(2026, 6, 30), first)
    check_behavior(conn, first, date(2026, 6, 30))
    late = [sale(3, 1, "2025-12-31"), sale(4, 1, "2026-03-20")]
    night(conn, settings, date(2026, 6, 30), late)
    kinds = "select sale_id, event_type from gold.fct_customer_behavior order by event_at"
    assert rows(conn, kinds) == [
        (3, "first_purchase"),
        (1, "repeat_purchase"),
        (4, "repeat_purchase"),
        (2, "repeat_purchase"),
    ]
    assert rows(conn, "select distinct cohort_month from gold.mart_customer_cohorts") == [(date(2025, 12, 1),)]


def test_a_change_of_city_or_segment_is_an_event_of_its_day(conn: connection, settings: Settings) -> None:
    """Not the first version, nor one of another attribute, nor one after the date. A version that came late, too."""
    versions = [
        Version(1, "2026-01-01T00:00:00Z", "Lyon"),
        Version(1, "2026-02-01T23:59:59Z", "Nice"),
        Version(1, "2026-03-01T00:00:00Z", "Nice", "vip"),
        Version(1, "2026-04-01T00:00:00Z", "Brest"),
        Version(2, "2026-02-01T00:00:00Z", "Nice"),
    ]
    write_customers_to_silver(conn, settings, versions)
    night(conn, settings, date(2026, 3, 31), [sale(1, 1, "2026-01-05")], checks=True)
    query = """
        select event_type, event_date::text, from_value, to_value from gold.fct_customer_behavior
        where from_value is not null order by event_at, event_type
    """
    moved = ("city_change", "2026-02-01", "Lyon", "Nice")
    honored = ("segment_change", "2026-03-01", "new", "vip")
    assert rows(conn, query) == [moved, honored]
    write_customers_to_silver(conn, settings, [Version(1, "2026-01-10T00:00:00Z", "Paris")])
    night(conn, settings, date(2026, 4, 1))
    assert rows(conn, query) == [
        ("city_change", "2026-01-10", "Lyon", "Paris"),
        ("city_change", "2026-02-01", "Paris", "Nice"),
        honored,
        ("city_change", "2026-04-01", "Nice", "Brest"),
        ("segment_change", "2026-04-01", "vip", "new"),
    ]


def test_a_large_basket_is_left_out_and_counted(conn: connection, settings: Settings) -> None:
    small = [sale(number, number, "2026-01-05", 1, 2) for number in range(1, 6)]
    large = [Sale(9, 9, small[0].sold_at, tuple(Line(product, 1) for product in range(1, 32)))]
    night(conn, settings, date(2026, 1, 31), [*small, *large])
    check_pairs(conn, [*small, *large], date(2026, 1, 31))
    counted = "select pair_basket_count, basket_count, oversized_basket_count, lift from gold.mart_basket_pairs"
    assert rows(conn, counted) == [(5, 5, 1, 1)]
