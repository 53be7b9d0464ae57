"""What a report says of tables that are missing, small and large."""

from __future__ import annotations

from psycopg2.extensions import connection
from rich.console import Console

from stack.commands import layer_report as report
from stack.commands.layer_report import Report, Rows, print_report


def test_a_small_table_is_counted_and_a_large_one_is_not_read(conn: connection) -> None:
    with conn.cursor() as cursor:
        cursor.execute("create table gold.numbers as select generate_series(1, 500) as number")
        cursor.execute("analyze gold.numbers")
        cursor.execute("insert into gold.numbers values (0)")
        assert report._count(conn, "gold", "missing") is None
        assert report._count(conn, "gold", "numbers") == Rows(501, is_exact=True)
        assert report._count(conn, "gold", "numbers", largest_exact=499) == Rows(500, is_exact=False)
    conn.rollback()


def test_an_estimate_says_that_it_is_one() -> None:
    rows: dict[str, dict[str, int | None]] = {"gold": {"sales_item": 33_000_000, "dim_product": 400}}
    console = Console(record=True, width=100)
    told = Report((), rows, (), {"gold": {}}, 0, (), estimated=("gold.sales_item",))
    print_report(told, console)
    text = console.export_text()
    assert "≈ 33,000,000" in text
    assert "≈ 400" not in text


def test_tables_of_files_are_listed_once_a_file_has_come() -> None:
    rows: dict[str, dict[str, int | None]] = {
        "silver": {"top_up": 0, "op_stats": 7},
        "gold": {"fct_topup": None, "dim_users": 3, "mart_sales_by_store": None},
    }
    console = Console(record=True, width=100)
    print_report(Report((), rows, (), {"silver": {}, "gold": {}}, 0, ()), console)
    listed = {line.split()[1] for line in console.export_text().splitlines() if line.startswith(("silver", "gold"))}
    assert listed == {"op_stats", "dim_users", "mart_sales_by_store"}
