"""The check of figures: cell by cell, in Decimals, with the words of the hand-written check."""

from __future__ import annotations

import csv
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dashboards.checking.asking import chosen, require_references
from dashboards.checking.check import Compared, _compared, _Read, bless, charts_to_read, read_checks
from dashboards.checking.comparison import compare
from dashboards.checking.reading import (
    Asked,
    ChartToRead,
    Rows,
    StoredChart,
    context_of,
    largest,
    rows_of_file,
    rows_of_sql,
    rows_of_superset,
)
from dashboards.checking.results import line_of, summary, write_csv, write_junit
from medallion.errors import DashboardInvalid, NothingToCompare
from tests.dashboard_files import declared

KNOWN = declared()
CHARTS = {one.name: one for one in charts_to_read(KNOWN)}
STORES = CHARTS["sales-overview.revenue-by-store"]
AS_OF = Asked(date(2026, 3, 31), {"Currency": "CHF"})


def rows(**values: str) -> Rows:
    return {(key,): {"net_revenue": Decimal(value)} for key, value in values.items()}


def statuses(shown: Rows, reference: Rows, limit: int | None = None) -> dict[str, str]:
    return {cell.key[0]: cell.status for cell in compare(shown, reference, ("net_revenue",), limit)}


def test_each_cell_has_one_of_the_words() -> None:
    found = statuses(rows(a="1", b="2", c="3"), rows(a="1.00", b="2.01", d="4"))
    assert found == {"a": "match", "b": "mismatch", "c": "missing_in_ref", "d": "missing_in_superset"}


def test_a_ranking_may_leave_out_only_what_is_not_larger() -> None:
    reference = rows(a="9", b="8", c="7", d="7", e="1")
    assert statuses(rows(a="9", b="8", c="7"), reference, 3) == {"a": "match", "b": "match", "c": "match"}
    assert statuses(rows(a="9", c="7", d="7"), reference, 3)["b"] == "missing_in_superset"
    assert statuses(rows(a="9", b="8"), reference, 3)["e"] == "missing_in_superset", "it shows fewer than it may"


def test_a_figure_that_is_missing_is_no_zero() -> None:
    nothing: Rows = {("a",): {"net_revenue": None}}
    assert statuses(nothing, rows(a="0")) == {"a": "mismatch"}
    assert statuses(nothing, nothing) == {"a": "match"}


def test_superset_sql_and_a_file_are_read_as_the_same_rows(tmp_path: Path) -> None:
    one = CHARTS["sales-overview.revenue-by-day"]
    shown = rows_of_superset(
        one, [{"sold_date": 1767225600000, "net_revenue": Decimal("10.10"), "net_revenue__28 days ago": None}]
    )
    columns = ["sold_date", "net_revenue", "net_revenue_before"]
    assert shown == rows_of_sql(one, columns, [(date(2026, 1, 1), Decimal("10.1"), None)])
    assert shown == rows_of_sql(one, columns, [(datetime(2026, 1, 1, tzinfo=timezone.utc), Decimal("10.1000"), None)])
    first, second = tmp_path / "first", tmp_path / "second"
    assert len(bless(one, shown, tmp_path, first)) == 2, "all of it is new"
    file = first / f"{one.name}.csv"
    assert file.read_text(encoding="utf-8") == "sold_date,net_revenue,net_revenue_before\n2026-01-01,10.1,\n"
    assert rows_of_file(one, file) == shown
    assert bless(one, shown, first, second) == []
    assert (second / file.name).read_bytes() == file.read_bytes()


def test_digits_beyond_the_sixth_decimal_do_not_make_a_difference() -> None:
    third = {("a",): {"net_revenue": Decimal("0.333333")}}
    found = rows_of_sql(STORES, ["store_name", "net_revenue"], [("a", Decimal(1) / Decimal(3))])
    assert found == third


@pytest.mark.parametrize("text", ["store_name,revenue\na,1\n", "", 'store_name,net_revenue\n"a,1'])
def test_a_reference_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DashboardInvalid, match=r"broken\.csv"):
        rows_of_file(STORES, file)


def test_sql_that_lacks_a_column_of_its_chart_is_named() -> None:
    with pytest.raises(DashboardInvalid, match="revenue-by-store: its SQL returns no column net_revenue"):
        rows_of_sql(STORES, ["store_name"], [])


def stored(one: ChartToRead, period: str, **choices: str) -> StoredChart:
    """A chart as Superset has it, with the filters that reach it."""
    return StoredChart({"filters": [{"col": "sold_date", "op": "TEMPORAL_RANGE", "val": period}]}, choices)


def test_a_chart_is_asked_for_over_fixed_days_and_with_the_chosen_filter() -> None:
    context = context_of(STORES, stored(STORES, STORES.declared_range, Currency="currency"), 7, AS_OF)
    assert context["queries"][0] == {
        "filters": [
            {"col": "sold_date", "op": "TEMPORAL_RANGE", "val": "2026-03-03 : 2026-03-31"},
            {"col": "currency", "op": "IN", "val": ["CHF"]},
        ],
        "post_processing": [],
    }
    assert STORES.parameters(AS_OF) == {"from": date(2026, 3, 3), "until": date(2026, 3, 31), "currency": "CHF"}


def test_a_filter_that_does_not_reach_the_stored_chart_is_not_applied() -> None:
    context = context_of(STORES, stored(STORES, STORES.declared_range), 7, AS_OF)
    assert [one["col"] for one in context["queries"][0]["filters"]] == ["sold_date"]


def test_a_time_range_that_somebody_has_stored_is_read_as_it_is() -> None:
    context = context_of(STORES, stored(STORES, "Last week", Currency="currency"), 7, AS_OF)
    assert context["queries"][0]["filters"][0]["val"] == "Last week"


def test_a_row_that_is_shown_twice_is_in_no_reference() -> None:
    """A view that fans out would show it so."""
    columns = ["store_name", "net_revenue"]
    twice = rows_of_sql(STORES, columns, [("a", Decimal(1)), ("a", Decimal(1)), (None, Decimal(2)), ("", Decimal(3))])
    assert list(twice) == [("a",), ("a (row 2)",), ("(null)",), ("",)]
    once = rows_of_sql(STORES, columns, [("a", Decimal(1)), (None, Decimal(2)), ("", Decimal(3))])
    assert statuses(twice, once)["a (row 2)"] == "missing_in_ref"


def test_a_listing_at_its_limit_has_to_show_the_first_rows_of_its_order() -> None:
    one = CHARTS["pipeline-health.last-steps"]
    times = [f"2026-03-{day:02}" for day in range(1, 29)] + [f"2026-02-{day:02}" for day in range(1, 29)]
    every: Rows = {(moment, "gold", "x", "SUCCESS", "1", "(null)"): {} for moment in times}
    expected = largest(one, every)
    assert len(expected) == one.limit == 50
    assert min(key[0] for key in expected) == "2026-02-07"


def test_a_ranking_by_a_rate_has_no_row_without_one() -> None:
    one = CHARTS["products-and-stores.returns-by-store"]
    some: Rows = {("a",): {"return_rate": None}, ("b",): {"return_rate": Decimal(1)}}
    assert list(largest(one, some)) == [("b",)]


def test_a_filter_of_a_single_value_has_its_default_or_what_is_given() -> None:
    assert chosen(KNOWN, {}) == {"Currency": "EUR"}
    assert chosen(KNOWN, {"Currency": "CHF"}) == {"Currency": "CHF"}
    with pytest.raises(
        NothingToCompare, match="Curency cannot be chosen with --choose — choose one of these: Currency"
    ):
        chosen(KNOWN, {"Curency": "CHF"})


@pytest.mark.parametrize("one", CHARTS.values(), ids=lambda one: one.name)
def test_the_sql_of_a_chart_does_not_read_what_the_chart_reads(one: ChartToRead) -> None:
    """Else a wrong mart would be compared with itself."""
    sql = read_checks(KNOWN)[one.dashboard.slug][one.chart.name]
    assert one.chart.dataset not in sql or one.chart.dataset in ("fct_customer_behavior", "mart_customer_cohort_sales")
    assert "dashboard_" not in sql


def test_a_chart_without_sql_and_sql_without_a_chart_are_named(tmp_path: Path) -> None:
    (tmp_path / "checks").mkdir()
    for one in KNOWN.dashboards:
        names = [chart.name for chart in one.charts]
        if one.slug == "sales-overview":
            names = ["turnover" if name == "orders" else name for name in names]
        (tmp_path / "checks" / f"{one.slug}.yaml").write_text("".join(f"{name}: select 1\n" for name in names))
    with pytest.raises(DashboardInvalid) as refused:
        read_checks(KNOWN, tmp_path)
    assert refused.value.problems == [
        "sales-overview: chart orders has no SQL",
        "sales-overview: there is no chart turnover",
    ]


def test_a_chart_that_could_not_be_read_is_wrong_and_no_chart_without_a_reference() -> None:
    unread = Compared("sales-overview", "orders", "sql", (), (), error="Superset has no chart")
    assert unread.is_wrong
    assert "Superset has no chart" in line_of(unread)
    assert summary([unread]) == "0 figures of 0 charts compared, 0 differ; 1 chart not compared"


def test_a_chart_without_rows_is_not_counted_as_compared(tmp_path: Path) -> None:
    same = Compared(
        "sales-overview",
        "stores",
        "sql",
        ("store_name",),
        tuple(compare(rows(a="1"), rows(a="1"), ("net_revenue",), None)),
    )
    nothing = Compared("sales-overview", "orders", "sql", (), (), "no rows")
    assert summary([same, nothing, nothing]) == "1 figure of 1 chart compared, 0 differ; 1 chart without rows"
    suite = ET.parse(write_junit([same, nothing], tmp_path)).getroot()  # noqa: S314 - we have written it
    assert [one.get("name") for one in suite.findall(".//testcase[skipped]")] == ["orders sql"]


def test_a_chart_that_is_compared_with_its_reference_alone_is_not_counted_as_without_rows() -> None:
    cells = tuple(compare(rows(a="1"), rows(a="1"), ("net_revenue",), None))
    by_sql = Compared("sales-overview", "stores", "sql", (), (), "no rows")
    by_reference = Compared("sales-overview", "stores", "reference", ("store_name",), cells)
    assert summary([by_sql, by_reference]) == "1 figure of 1 chart compared, 0 differ"


def test_a_chart_that_shows_nothing_says_so_and_one_of_the_last_load_needs_no_reference(tmp_path: Path) -> None:
    nothing = _Read({}, {}, is_one_state=True)
    [by_sql, by_reference] = _compared(STORES, nothing, tmp_path)
    assert (by_sql.cells, by_sql.note, by_sql.is_wrong) == ((), "no rows", False)
    assert by_reference.note == f"no reference: {STORES.name}.csv"
    [alone] = _compared(CHARTS["pipeline-health.last-steps"], nothing, tmp_path)
    assert alone.compared_with == "sql"


def test_only_figures_of_days_that_have_ended_have_a_reference() -> None:
    without = {name for name, one in CHARTS.items() if not one.has_reference}
    assert {name for name in CHARTS if name.startswith("pipeline-health.")} <= without
    assert {"sales-overview.data-as-of", "products-and-stores.data-as-of", "customers.customer-list"} <= without
    assert {"sales-overview.orders", "sales-overview.revenue-by-store", "customers.movement"}.isdisjoint(without)


def test_a_folder_of_references_has_files_of_charts_alone(tmp_path: Path) -> None:
    with pytest.raises(NothingToCompare, match="has no reference"):
        require_references(tmp_path, KNOWN)
    (tmp_path / "sales-overview.orders.csv").touch()
    require_references(tmp_path, KNOWN)  # one of them is enough: finance approves some figures
    for name in ("sales-overview.order", "pipeline-health.last-steps"):
        file = tmp_path / f"{name}.csv"
        file.touch()
        with pytest.raises(NothingToCompare, match=rf"files that belong to no chart: {name}\.csv"):
            require_references(tmp_path, KNOWN)
        file.unlink()


def test_results_are_a_line_a_csv_file_and_junit(tmp_path: Path) -> None:
    cells = tuple(compare(rows(a="1", b="2"), rows(a="1", b="3"), ("net_revenue",), None))
    wrong = Compared("sales-overview", "stores", "reference", ("store_name",), cells)
    without = Compared("sales-overview", "orders", "reference", (), (), "no reference: orders.csv")
    assert "store_name=b: net_revenue mismatch, Superset 2, ref 3" in line_of(wrong)
    assert summary([wrong, without]) == "2 figures of 1 chart compared, 1 differs; 1 chart without a reference"
    with write_csv([wrong, without], tmp_path).open(encoding="utf-8", newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [(one["key"], one["superset"], one["ref"], one["delta"], one["status"]) for one in found] == [
        ("store_name=a", "1", "1", "0", "match"),
        ("store_name=b", "2", "3", "-1", "mismatch"),
    ]
    suite = ET.parse(write_junit([wrong, without], tmp_path)).getroot()  # noqa: S314 - we have written it
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "1", "1")
