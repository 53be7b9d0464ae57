"""Stores, forecast, customers, cohorts and baskets of the report are those of plain SQL and Python, read in bounds."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from medallion.database import transaction
from medallion.settings import Settings
from report.details import Details, read_details
from report.sales import Sales, read_sales
from report.write import read_page
from tests import customer_figures as figures
from tests.conftest import NOON
from tests.integration.test_gold_rebuild import execute
from tests.integration.test_report import CHROMIUM, Elements, check_nothing_sticks_out, total
from tests.pipeline import build_untested
from tests.purchases import _insert, draw_history, write_to_silver
from tests.queries import rows

FREQUENT = 20
YESTERDAY = date(2026, 11, 5)
SOLD = draw_history(8, date(2025, 6, 3), date(2026, 11, 6), customers=150)
NIGHTLY = """
    lifetime_value_backtest lifetime_value_totals mart_basket_pairs mart_customer_cohorts revenue_forecast_totals
    rfm_segments
"""
OPENED = datetime(2026, 10, 20, 8, tzinfo=timezone.utc)
STORES = (
    (0, "Rivoli", "city", "Paris", "Region", "FR", "EUR", OPENED.replace(year=2020), True, OPENED),
    (1, "Lyon Nord", "city", "Lyon", "Region", "FR", "EUR", OPENED, True, OPENED),
)
STORE_COLUMNS = "store_id name format city region country currency opened_at is_active updated_at"
SOLD_BY_STORE = """
    select
        store_id,
        coalesce(sum(amount) filter (where sold_at >= '2026-10-09Z' and sold_at < '2026-11-06Z'), 0),
        coalesce(sum(amount) filter (where sold_at >= '2026-09-11Z' and sold_at < '2026-10-09Z'), 0),
        coalesce(sum(amount) filter (where sold_at >= '2025-10-10Z' and sold_at < '2025-11-07Z'), 0)
    from silver.sales_customer
    inner join (select sale_id, quantity * unit_price - discount as amount from silver.sales_product) using (sale_id)
    where currency = '{0}'
    group by 1
"""
WORTH = "select sum(expected_margin_amount), sum(margin_amount) from gold.mart_customer_lifetime_value"


@pytest.fixture
def history(conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> connection:
    """Seventeen months of sales in two currencies and three stores, one of them unknown, with the nightly tables.

    There are more pairs of products than the page asks for.
    """
    monkeypatch.setattr("report.baskets._FREQUENT", FREQUENT)
    write_to_silver(conn, SOLD)
    execute(conn, "update silver.sales_customer set store_id = sale_id % 3")
    _insert(conn, "stores", STORE_COLUMNS, STORES)
    build_untested(conn, settings)
    gold.build_nightly(conn, settings, run_id="night", now=NOON)
    return conn


def read(conn: connection) -> tuple[Sales, Details]:
    with transaction(conn):
        sales = read_sales(conn, NOON)
        assert sales is not None
        return sales, read_details(conn, sales, NOON)


def page(conn: connection) -> str:
    with conn:  # ends a transaction that a test has left open
        pass
    return read_page(conn, NOON)


def test_every_figure_is_that_of_plain_sql_and_python(history: connection) -> None:
    sales, details = read(history)
    assert sales.currencies == ("EUR", "CHF")
    check_stores(history, sales, details)
    check_customers(history, sales, details)
    check_pairs(details)
    check_forecast(history, sales, details)
    text = page(history)
    for said in ("opened Oct 20", "A year before", "Built at night"):
        assert (said in text) is (said != "Built at night")


def check_stores(history: connection, sales: Sales, details: Details) -> None:
    assert details.stores is not None
    names = {0: ("Rivoli", "Paris"), 1: ("Lyon Nord", "Lyon"), 2: ("Store 2", "")}
    for currency in sales.currencies:
        expected = {
            (*names[store_id], *amounts)
            for store_id, *amounts in rows(history, SOLD_BY_STORE.format(currency))
            if any(amounts)
        }
        found = [one for one in details.stores if one.currency == currency]
        assert {(one.name, one.city, one.net_amount, one.net_before, one.net_year_before) for one in found} == expected
        assert [one.net_amount for one in found] == sorted((one.net_amount for one in found), reverse=True)
    assert {one.name: one.opened_on for one in details.stores} == {
        "Rivoli": date(2020, 10, 20),
        "Lyon Nord": date(2026, 10, 20),
        "Store 2": None,
    }


def check_forecast(conn: connection, sales: Sales, details: Details) -> None:
    forecast = details.forecast
    assert forecast.as_of == YESTERDAY
    for currency in sales.currencies:
        total, *stores = [one for one in forecast.outlooks if one.currency == currency]
        assert total.name is None
        assert {one.name for one in stores} <= {"Rivoli", "Lyon Nord", "Store 2"}
        assert total.expected == sum(one.expected or 0 for one in stores)
        query = f"""
            select sum(net_amount) from gold.sales_item
            where currency = '{currency}' and sold_date between '2026-10-09' and '2026-11-05'
        """
        assert [(total.last_days,)] == rows(conn, query)
    bound = YESTERDAY - timedelta(days=55)
    assert [one.day for one in forecast.days] == [bound + timedelta(days=n) for n in range(84)]
    assert all((one.actual is None) == (one.day > YESTERDAY) for one in forecast.days)


def check_customers(history: connection, sales: Sales, details: Details) -> None:
    customers = details.customers
    days = (customers.segments_as_of, customers.worths_as_of, details.cohorts.as_of, details.baskets.as_of)
    assert set(days) == {YESTERDAY}
    year = defaultdict(lambda: [0, Decimal()])
    for (_, currency), worth in figures.worths(SOLD, YESTERDAY).items():
        year[currency][0] += 1
        year[currency][1] += worth.monetary
    for currency in sales.currencies:
        own = [one for one in customers.segments if one.currency == currency]
        assert [sum(one.customer_count for one in own), sum(one.net_amount for one in own)] == year[currency]
        assert len({one.name for one in own}) == len(own) > 3
    lives = figures.lives(SOLD, YESTERDAY)
    for one in customers.worths:
        assert one.customer_count == sum(of == one.currency for _, of in lives)
        assert [(one.expected_amount, one.margin_amount)] == rows(history, f"{WORTH} where currency = '{one.currency}'")
        assert (one.expected_from, one.expected_until) == (
            date(YESTERDAY.year, 12, 1),
            date(YESTERDAY.year + 1, 11, 30),
        )
    assert [(one.currency, one.month_count) for one in customers.backtests] == [("CHF", 6), ("EUR", 6)]
    expected = {row for row in figures.cohorts(SOLD, YESTERDAY) if row[0] >= date(2025, 12, 1)}
    months = details.cohorts.months
    found = {(one.cohort, one.number, one.is_complete, one.customer_count, one.active_count) for one in months}
    assert found == expected


def check_pairs(details: Details) -> None:
    for currency in ("EUR", "CHF"):
        pairs = [row for row in figures.basket_pairs(SOLD, YESTERDAY) if row[0] == currency]
        most = sorted(pairs, key=lambda row: (-row[3], -row[1], -row[2]))[:FREQUENT]
        found = [one for one in details.baskets.pairs if one.currency == currency]
        assert [(one.product_a, one.product_b, one.count, one.basket_count) for one in found] == [
            (f"Product {a}", f"Product {b}", both, count) for _, a, b, both, _, _, count, _ in most
        ]
        for one, (*_, both, a, b, count, _) in zip(found, most, strict=True):
            exact = (both / count, both / a, both / b, both * count / (a * b))
            measures = [float(of) for of in (one.support, one.a_to_b, one.b_to_a, one.lift)]
            assert measures == pytest.approx(exact, abs=1e-6)


def test_names_are_escaped_and_what_is_not_built_is_said(history: connection) -> None:
    execute(history, "update gold.dim_store set store_name = '<script>x</script>', city = '\"><img src=x>'")
    known = "is_inferred = false, sku = 'x', unit_price = 1, unit_cost = 1, currency = 'EUR', updated_at = 'epoch'"
    execute(history, f"update gold.dim_product set product_name = '<object>' || product_id, {known}")
    text = page(history)
    assert not Elements(text).names & {"script", "img", "object"}
    assert "&lt;script&gt;x&lt;/script&gt;" in text
    assert "&lt;object&gt;" in text
    execute(history, f"drop table {', '.join(f'gold.{one}' for one in NIGHTLY.split())}, gold.mart_sales_by_store")
    text = page(history)
    assert text.count("Built at night, and not there yet: ./retail nightly builds it now.") == 5
    assert text.count("Not built yet: the next run builds it.") == 1
    assert "Which products sell best?" in text


def test_details_read_the_same_rows_however_many_customers_days_and_pairs_there_are(history: connection) -> None:
    before = rows_read(history)
    for table, key, more in (
        ("mart_sales_by_store", "sold_date", "sold_date - n * 1000"),
        ("mart_customer_cohorts", "cohort_month", "(cohort_month - make_interval(years => n * 2))::date"),
        ("mart_basket_pairs", "product_id_a", "product_id_a - n * 100"),
    ):
        query = f"select attname from pg_attribute where attrelid = 'gold.{table}'::regclass and attnum > 0"
        columns = {name: name for (name,) in rows(history, query)}
        changed = columns | {key: more} | ({"pair_basket_count": "1"} if table == "mart_basket_pairs" else {})
        execute(
            history,
            f"""
            insert into gold.{table} ({", ".join(columns)})
            select {", ".join(changed.values())} from gold.{table} cross join generate_series(1, 50) as n;
            analyze gold.{table};
            """,
        )
    assert 0 < before <= rows_read(history) < 1.1 * before


def rows_read(conn: connection) -> int:
    """Rows of Gold that the blocks read, as their own session counts them."""
    names = """
        select c.oid::bigint from pg_class as c
        where c.relnamespace = 'gold'::regnamespace and c.relkind in ('r', 'i')
    """
    relations = ", ".join(f"({oid}::oid)" for (oid,) in rows(conn, names))
    count = f"""
        select pg_stat_get_xact_tuples_returned(c) + pg_stat_get_xact_tuples_fetched(c)
        from (values {relations}) as t (c)
    """
    with transaction(conn), conn.cursor() as opened:
        opened.execute("set local enable_seqscan = off")
        opened.execute("set local enable_bitmapscan = off")  # counts a row once where an index scan counts it twice
        sales = read_sales(conn, NOON)
        assert sales is not None
        earlier = total(opened, count)
        read_details(conn, sales, NOON)
        return total(opened, count) - earlier


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it")
def test_nothing_sticks_out_of_a_page_with_every_block(history: connection, tmp_path: Path) -> None:
    """Also with names of three words that cannot be broken."""
    execute(history, "update gold.dim_store set store_name = 'Aix-en-Provence Centre-Commercial Grand-Littoral'")
    text = page(history)
    for width in (390, 1440):
        folder = tmp_path / str(width)
        folder.mkdir()
        check_nothing_sticks_out(text, folder, width)
