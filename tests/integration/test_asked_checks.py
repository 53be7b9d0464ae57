"""What `./retail superset check` may be asked for: days with sales, values that rows have, references."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from dashboards.checking.asking import days_to_check, newest_day, require_day, require_rows
from medallion.errors import NothingToCompare
from tests.dashboard_files import declared
from tests.queries import execute

FIRST, NEWEST = date(2026, 1, 5), date(2026, 1, 31)


@pytest.fixture
def sales(conn: connection) -> connection:
    """A fact with sales of two days, and one of a till whose clock runs ahead."""
    execute(conn, "create table gold.sales_item (sold_date date, sold_at timestamptz)")
    execute(conn, "create table gold.dashboard_sales (currency text)")
    execute(conn, "create table gold.rfm_segments (currency text)")
    execute(conn, "create table gold.dashboard_categories (currency text)")
    for day in (FIRST, NEWEST, date(9999, 1, 1)):
        execute(conn, f"insert into gold.sales_item values ('{day}', '{day} 12:00+00')")
    return conn


def test_a_period_may_end_from_the_day_after_the_first_sale_to_the_day_after_the_newest(sales: connection) -> None:
    assert newest_day(sales) == NEWEST
    for day in (FIRST + timedelta(days=1), NEWEST, NEWEST + timedelta(days=1)):
        require_day(sales, day)
    for day in (FIRST, NEWEST + timedelta(days=2)):
        with pytest.raises(NothingToCompare, match=f"no period can end before {day}"):
            require_day(sales, day)


def test_a_warehouse_without_a_sale_has_nothing_to_compare(sales: connection) -> None:
    execute(sales, "delete from gold.sales_item where sold_date < '9999-01-01'")
    with pytest.raises(NothingToCompare, match="holds no sale"):
        newest_day(sales)


def test_the_newest_sale_and_the_newest_references_say_which_days_are_checked(
    sales: connection, tmp_path: Path
) -> None:
    assert days_to_check(sales, {}, None, tmp_path, must_have=False) == {NEWEST: None}
    with pytest.raises(NothingToCompare, match=f"has no folder {NEWEST}"):
        days_to_check(sales, {}, None, tmp_path, must_have=True)
    approved = tmp_path / "2026-01-15"
    for name in ("2026-01-10", approved.name, "2026-01-20 Currency=CHF", ".2026-01-25.new", "2026-01-99"):
        (tmp_path / name).mkdir()
    assert days_to_check(sales, {}, None, tmp_path, must_have=True) == {date(2026, 1, 15): approved, NEWEST: None}
    assert list(days_to_check(sales, {"Currency": "CHF"}, None, tmp_path, must_have=True)) == [
        date(2026, 1, 20),
        NEWEST,
    ]
    assert days_to_check(sales, {}, date(2026, 1, 12), tmp_path, must_have=False) == {date(2026, 1, 12): None}
    (tmp_path / "2026-02-02").mkdir()
    with pytest.raises(NothingToCompare, match="no period can end before 2026-02-02"):
        days_to_check(sales, {}, None, tmp_path, must_have=False)


def test_a_value_that_no_row_has_is_refused_though_it_is_the_default(sales: connection) -> None:
    tables = ("dashboard_sales", "rfm_segments", "dashboard_categories")
    for table in tables:
        execute(sales, f"insert into gold.{table} values ('CHF')")
    require_rows(sales, declared(), {"Currency": "CHF"})
    with pytest.raises(NothingToCompare, match="no row has Currency=EUR") as refused:
        require_rows(sales, declared(), {"Currency": "EUR"})
    assert "CHF" in refused.value.remedy
