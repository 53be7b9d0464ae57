"""The sales report says what Silver says, for its periods alone, whatever text and clocks the source has."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from psycopg2.extensions import connection, cursor
from rich.console import Console

from medallion.database import transaction
from medallion.settings import Settings
from portal.app import make_app
from quality.reconcile import reconcile_sales
from report.sales import Sales, read_sales
from report.write import read_page, write_report
from stack.commands.report import write_page
from stack.commands.shifted_dates import unshifted
from stack.host.console import Talk
from stack.host.home import Home
from tests.conftest import NOON, Source
from tests.conftest import serving as in_a_thread
from tests.integration.test_gold_rebuild import execute, sell
from tests.pipeline import build_untested, hour
from tests.queries import rows

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SOLD = """
    select count(distinct sale_id) filter (where quantity > 0), count(distinct sale_id) filter (where quantity < 0),
        sum(quantity * unit_price - discount),
        coalesce(-sum(quantity * unit_price - discount) filter (where quantity < 0), 0)
    from silver.sales_customer inner join silver.sales_product using (sale_id)
    where (sold_at at time zone 'UTC')::date = %s and currency = 'EUR'
"""
RANKED = """
    select {what}::text, sum(quantity * line.unit_price - discount)
    from silver.sales_customer as header
    inner join silver.sales_product as line using (sale_id)
    inner join silver.products as product using (product_id)
    where sold_at < '2026-11-06' and sold_at >= '2026-10-09' and header.currency = 'EUR'
    group by {what} order by 2 desc, {what}
"""


@pytest.fixture
def gold(conn: connection, settings: Settings, source: Source) -> connection:
    """Four days and a half of sales, in Gold and checked."""
    hour(conn, settings)
    build_untested(conn, settings)
    reconcile_sales(conn, settings, run_id="hour")
    return conn


def read(conn: connection, now: datetime = NOON) -> Sales:
    with transaction(conn):
        found = read_sales(conn, now)
    assert found is not None
    return found


def page(conn: connection, now: datetime = NOON) -> str:
    with conn:  # ends a transaction that a test has left open
        pass
    return read_page(conn, now)


def test_the_figures_are_those_of_silver(gold: connection) -> None:
    sales = read(gold)
    assert (sales.today, sales.last_day, sales.currency) == (date(2026, 11, 6), date(2026, 11, 5), "EUR")
    assert sales.days() == [date(2026, 11, day) for day in (2, 3, 4, 5)]
    for day in [*sales.days(), sales.today]:
        sold = sales.of_day(day)
        found = (sold.sale_count, sold.return_count, sold.net_amount, sold.returned_amount)
        assert [found] == rows(gold, SOLD.replace("%s", f"'{day}'")), day
    assert list(sales.other_currencies) == ["CHF"]
    last = rows(gold, "select max(sold_at) from silver.sales_customer")[0][0]
    assert sales.last_sale_at == last
    for name, what in {"channels": "channel", "categories": "category"}.items():
        assert [(one.name, one.net_amount) for one in getattr(sales, name)] == rows(gold, RANKED.format(what=what)), (
            name
        )
    top = rows(gold, RANKED.format(what="product_id"))[:10]
    assert [one.net_amount for one in sales.products] == [amount for _, amount in top]


def test_each_day_is_compared_with_its_weekday_a_week_and_a_year_before(conn: connection, settings: Settings) -> None:
    days = {"2025-11-06": 1, "2026-10-29": 2, "2026-11-05": 3, "2026-11-06": 4}
    numbers = iter(range(1, 100))
    for day, count in days.items():
        for _ in range(count):
            sell(conn, settings, next(numbers), customer_id=1, sold_at=f"{day}T10:00:00Z")
    build_untested(conn, settings)
    sales = read(conn)
    text = page(conn)
    assert [sales.of_day(date.fromisoformat(day)).net_amount for day in days] == [10, 20, 30, 40]
    assert "<b>+50%</b> from a week before" in text
    assert "<b>+200%</b> from a year before" in text
    assert "Thursday brought €30, 50% more than the Thursday before." in text
    assert 'class="year"' in text


def test_a_sale_dated_in_the_future_moves_no_period(gold: connection, settings: Settings) -> None:
    before = read(gold)
    sell(gold, settings, 10_000_001, customer_id=1, sold_at="2099-01-01T00:00:00Z")
    build_untested(gold, settings)
    after = read(gold)
    assert after.hours == before.hours
    assert (after.last_hour, after.last_sale_at) == (before.last_hour, before.last_sale_at)
    assert (before.future_lines, after.future_lines) == (0, 1)
    assert "1 line dated in the future: not in these figures" in page(gold)


def test_amounts_of_two_currencies_are_never_added(gold: connection) -> None:
    whole = read(gold)
    move = "update gold.mart_sales_by_{0} set currency = 'CHF' where {1}"
    execute(gold, move.format("hour", "channel = 'app'"))
    sales = read(gold)
    (app,) = (one.net_amount for one in whole.channels if one.name == "app")
    assert sales.currency == "EUR"
    assert sum(one.net_amount for one in sales.channels) == sum(one.net_amount for one in whole.channels) - app
    assert list(sales.other_currencies) == ["CHF"]
    assert f"Not in these figures: CHF {sales.other_currencies['CHF']:,.0f}" in page(gold)


def test_a_first_day_is_its_own_period(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2026-11-06T10:00:00Z")
    build_untested(conn, settings)
    sales = read(conn)
    assert sales.days() == [date(2026, 11, 6)] == [sales.last_day]
    assert [one.net_amount for one in sales.channels] == [Decimal("10.00")]
    assert "Friday brought €10." in page(conn)


def test_sales_that_cannot_be_shown_are_not_denied(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1, sold_at="2099-01-01T00:00:00Z")
    build_untested(conn, settings)
    reconcile_sales(conn, settings, run_id="hour")
    assert "All that Gold holds is dated in the future: 1 line." in page(conn)
    for change in ("delete from gold.mart_sales_by_hour", "drop table gold.mart_sales_by_hour"):
        execute(conn, change)
        text = page(conn)
        assert "Gold holds sales that its marts do not have yet" in text
        assert 'class="verdict good"' not in text


def test_the_last_day_is_called_today_on_that_day_alone(gold: connection) -> None:
    until = f"{read(gold).last_hour:%H:%M}"
    assert f"Today until {until}: " in page(gold)
    later = page(gold, NOON + timedelta(days=1))
    assert f"Fri, Nov 6 until {until}: " in later
    assert "oday" not in later


def test_rows_that_no_check_has_covered_turn_the_verdict(gold: connection) -> None:
    assert 'class="verdict good"' in page(gold)
    execute(
        gold,
        "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_inserted) values "
        "('unchecked', 'silver', 'sales_product', 'SUCCESS', clock_timestamp(), 1, 1)",
    )
    assert "the last rows are not checked against the source yet" in page(gold)


def test_whatever_is_wrong_with_the_page_fails_no_run(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    """A first sale on the first day that there is: the days before it cannot be counted."""
    sell(conn, settings, 1, customer_id=1, sold_at="0001-01-01T00:00:00Z")
    build_untested(conn, settings)
    said = io.StringIO()
    assert write_page(Home(tmp_path), database_url, Talk(Console(file=said))) is None
    assert "the report could not be written" in said.getvalue()


def test_the_server_gives_the_page_though_its_folder_takes_no_file(
    gold: connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gold.closed == 0
    (tmp_path / "report").touch()
    monkeypatch.setenv("PORTAL_DATABASE_URL", database_url)
    monkeypatch.setenv("PORTAL_FOLDER", str(tmp_path / "report"))
    with in_a_thread(make_app()) as url:
        answer = httpx.get(f"{url}/report")
    assert (answer.status_code, "Sales report" in answer.text) == (200, True)


def test_a_page_that_cannot_be_put_in_place_leaves_no_draft(
    gold: connection, database_url: str, tmp_path: Path
) -> None:
    assert gold.closed == 0
    (tmp_path / "index.html").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_report(database_url, tmp_path, NOON)
    assert [one.name for one in tmp_path.iterdir()] == ["index.html"]


def test_a_warehouse_without_gold_has_a_page(conn: connection) -> None:
    text = page(conn)
    assert "Gold holds no sale yet." in text
    assert "not checked against the source yet" in text


def test_the_page_shows_that_every_layer_is_equal(gold: connection, settings: Settings, source: Source) -> None:
    for more in (1, 2):
        source.set_clock(NOON + timedelta(hours=more))
        hour(gold, settings)
        build_untested(gold, settings)
        reconcile_sales(gold, settings, run_id=f"hour {more}")
    totals = source.data.totals(0, None)
    text = " ".join(re.sub(r"<[^>]+>", " ", page(gold, NOON + timedelta(hours=3))).split())
    assert "source = Bronze = Silver = Gold" in text
    assert f"Sales equal {totals.sales:,} {totals.sales:,} {totals.sales:,} – all up to sale" in text
    assert f"Lines of sales equal {totals.lines:,} {totals.lines:,} {totals.lines:,} {totals.lines:,}" in text
    assert f"Control sum equal {totals.net_amount:,} – {totals.net_amount:,} {totals.net_amount:,}" in text


def test_a_difference_an_incident_and_quarantine_are_shown_with_their_reasons(gold: connection) -> None:
    execute(
        gold,
        """
        insert into meta.reconciliation (
            run_id, dataset, after_id, up_to_id, source_count, bronze_count, silver_count, rejected_count, status,
            difference, is_settled
        ) values ('later', 'sales_product', 0, 9, 9, 8, 8, 0, 'DIFFERENT', 'sale 7 is missing', false);
        insert into meta.incident (dag_id, task_id, entity, run_id, cause, remedy)
        values ('retail_etl_hourly', 'bronze_sales', 'sales', 'later', 'the source is down', 'wait for it');
        insert into meta.rejected_record (dataset, path, line_no, reason, field, raw)
        select dataset, path, 1, 'is no <b>number</b>', 'quantity', ''
        from meta.bronze_file where dataset = 'sales_product' limit 1;
        """,
    )
    text = page(gold)
    assert "1 check found a difference that is still open" in text
    for said in ("sale 7 is missing", "the source is down", "Do: wait for it", "is no &lt;b&gt;number&lt;/b&gt;"):
        assert said in text


class Elements(HTMLParser):
    """The elements of a page, and whatever they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.references: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, Any]]) -> None:
        self.names.add(tag)
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href", "data", "action")]
        self.references += [name for name, _ in attrs if name.startswith("on")]


def test_the_page_needs_no_other_file_and_runs_nothing_that_data_says(gold: connection) -> None:
    execute(gold, "update gold.dim_product set product_name = '<script>x</script>', category = '\"><img src=x>'")
    found = Elements(page(gold))
    assert found.names & {"svg", "table"}
    assert not found.names & {"script", "img", "link", "iframe", "object", "embed", "base", "form"}
    assert found.references == ["#trust"]


def test_a_page_replaces_the_one_before_in_one_step(gold: connection, database_url: str, tmp_path: Path) -> None:
    first = write_report(database_url, tmp_path / "report", NOON)
    second = write_report(database_url, tmp_path / "report", NOON + timedelta(hours=1))
    assert first == second
    assert [one.name for one in first.parent.iterdir()] == ["index.html"]
    assert "13:00 UTC" in first.read_text(encoding="utf-8")
    assert gold.closed == 0


def test_a_page_reads_its_periods_and_not_all_of_history(gold: connection) -> None:
    """By the rows that it reads: a thousand days more of history, and the same rows."""
    before = rows_read(gold)
    names = "select attname from pg_attribute where attrelid = 'gold.mart_sales_by_hour'::regclass and attnum > 0"
    columns = {name: name for (name,) in rows(gold, names)}
    earlier = columns | {"sold_hour": "sold_hour - n * interval '400 days' - interval '1 day'"}
    earlier |= {"sold_date": "sold_date - n * 400 - 1"}
    execute(
        gold,
        f"""
        insert into gold.mart_sales_by_hour ({", ".join(columns)})
        select {", ".join(earlier.values())}
        from gold.mart_sales_by_hour cross join generate_series(1, 100) as n
        """,
    )
    execute(gold, "analyze gold.mart_sales_by_hour")
    assert 0 < rows_read(gold) < 1.1 * before


def rows_read(conn: connection) -> int:
    """Rows of the mart that a page reads, as its own session counts them, which keeps earlier counts for a second."""
    count = "select pg_stat_get_xact_tuples_returned(c) + pg_stat_get_xact_tuples_fetched(c) from (values {0}) as t (c)"
    names = "select indexrelid::bigint from pg_index where indrelid = 'gold.mart_sales_by_hour'::regclass"
    relations = [row[0] for row in rows(conn, f"{names} union select 'gold.mart_sales_by_hour'::regclass::bigint")]
    with transaction(conn), conn.cursor() as opened:
        opened.execute("set local enable_seqscan = off")
        opened.execute("set local enable_bitmapscan = off")  # counts a row once where an index scan counts it twice
        statement = count.format(", ".join(f"({one}::oid)" for one in relations))
        earlier = total(opened, statement)
        read_sales(conn, NOON)
        return total(opened, statement) - earlier


def total(opened: cursor, statement: str) -> int:
    opened.execute(statement)
    return sum(row[0] for row in opened.fetchall())


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port."""
    handler = type("Handler", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), lambda *given: handler(*given, directory=str(folder)))
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


MEASURE = """<!doctype html><body><iframe id="page" width="{width}" height="800" src="index.html"></iframe><script>
document.getElementById("page").onload = function () {{
  const root = this.contentDocument.documentElement;
  const out = [...this.contentDocument.querySelectorAll("section, .figures > div, svg, h2, .answer, table")]
    .filter(one => one.getBoundingClientRect().right > {width} + 1 && !one.closest(".scroll"));
  document.title = `measured ${{root.scrollWidth}} ${{out.length}}`;
}};
</script>"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian: apt install chromium); CI installs it")
@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_sticks_out_of_the_page(gold: connection, tmp_path: Path, width: int) -> None:
    check_nothing_sticks_out(page(gold), tmp_path, width)


def check_nothing_sticks_out(text: str, folder: Path, width: int) -> None:
    """A browser of that width shows this page without anything beyond its right edge."""
    assert CHROMIUM is not None
    (folder / "index.html").write_text(text, encoding="utf-8")
    (folder / "measure.html").write_text(MEASURE.format(width=width), encoding="utf-8")
    with serving(folder) as url:
        command = [CHROMIUM, "--headless", "--no-sandbox", f"--user-data-dir={folder / 'user'}", "--dump-dom"]
        dom = subprocess.run(
            [*command, "--virtual-time-budget=10000", f"--window-size={width + 100},900", f"{url}/measure.html"],
            env=unshifted(os.environ),  # its network service crashes under libfaketime
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
    found = re.search(r"<title>measured (\d+) (\d+)</title>", dom)
    assert found is not None, dom[:2000]
    assert int(found[1]) <= width
    assert int(found[2]) == 0


def test_ages_are_those_at_the_moment_of_the_page(gold: connection) -> None:
    last = read(gold).last_sale_at
    assert "(2 hours ago)" in page(gold, last.astimezone(timezone.utc) + timedelta(hours=2, minutes=5))


def test_a_step_by_hand_and_a_run_under_way_are_no_last_run(gold: connection) -> None:
    execute(
        gold,
        """
        insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)
        values ('by hand', 'bronze', 'sales', 'FAILED', clock_timestamp(), 'no such sale');
        insert into meta.load (run_id, layer, dataset, status)
        values ('under way', 'bronze', 'sales', 'RUNNING'), ('under way', 'bronze', 'products', 'RUNNING');
        """,
    )
    assert "The last run loaded and built" in page(gold)
    execute(
        gold,
        """
        insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)
        values ('later', 'bronze', 'sales', 'FAILED', clock_timestamp(), 'the source is down'),
            ('later', 'bronze', 'products', 'FAILED', clock_timestamp(), 'the source is down');
        """,
    )
    assert "The last run failed after" in page(gold)


def test_nightly_tables_that_failed_in_a_run_are_said_and_the_run_has_not_failed(gold: connection) -> None:
    execute(
        gold,
        """
        insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read)
        values ('later', 'bronze', 'sales', 'SUCCESS', clock_timestamp(), 5),
            ('later', 'bronze', 'products', 'SUCCESS', clock_timestamp(), 0);
        insert into meta.load (run_id, layer, dataset, status, ended_at, error_message)
        values ('later', 'gold', 'dbt_run_nightly', 'FAILED', clock_timestamp(), 'could not build mart_basket_pairs');
        """,
    )
    said = page(gold)
    assert "The last run loaded and built" in said
    assert "the nightly tables failed: they show an earlier day, or nothing" in said.lower()
