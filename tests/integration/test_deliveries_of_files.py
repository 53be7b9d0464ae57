"""A table is the same in Silver whatever file it came in, and what is wrong is named where its sender finds it."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from psycopg2.extensions import connection

from backend.workbooks.files import reports
from backend.workbooks.settings import WorkbookSettings
from ingestion.deliveries.collector import collect_deliveries
from loaders.load_table import load_table
from loaders.silver import LoadResult
from medallion.settings import Settings
from tests.deliveries import HEADER, as_csv, as_ndjson, as_parquet
from tests.queries import rows

DAY = date(2026, 10, 1)
COLUMNS = "top_up_id, member_id, channel, topped_up_at, amount, currency, level"
Table = list[tuple[Any, ...]]


@pytest.fixture
def inbox(settings: Settings) -> Path:
    folder = settings.retail_home / "inbox" / "top_up"
    folder.mkdir(parents=True)
    return folder


def day(conn: connection, settings: Settings) -> LoadResult:
    collect_deliveries(conn, settings, subject="top_up", run_id="day")
    return load_table(conn, settings, subject="top_up", run_id="day")


def silver(conn: connection) -> list[tuple[Any, ...]]:
    return rows(conn, f"select {COLUMNS} from silver.top_up order by top_up_id")


KINDS: dict[str, Callable[[Sequence[Sequence[Any]]], bytes]] = {
    "csv": as_csv,
    "csv.gz": lambda table: gzip.compress(as_csv(table)),
    "ndjson": as_ndjson,
    "parquet": as_parquet,
}


def table_of(workbook: bytes) -> Table:
    """The header and the rows of a report of top-ups, without titles and totals; amounts exact."""
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    found: Table = [tuple(row) for row in book.worksheets[0].iter_rows(values_only=True)]
    first = next(at for at, row in enumerate(found) if sum(isinstance(cell, str) for cell in row) >= len(HEADER))
    width = sum(cell is not None for cell in found[first])
    lines = [row[:width] for row in found[first:] if all(cell is not None for cell in row[:width])]
    return [
        lines[0],
        *(tuple(Decimal(str(cell)) if isinstance(cell, float | int) else cell for cell in row) for row in lines[1:]),
    ]


@pytest.fixture(scope="module")
def week() -> dict[str, bytes]:
    """The workbooks of a week, by period."""
    days = [DAY + timedelta(days=number) for number in range(7)]
    return {str(one.day): one.content for one in reports(WorkbookSettings(members=60), days, ["top_up"])}


@pytest.mark.parametrize("kind", KINDS)
def test_a_week_is_the_same_in_silver_whatever_kind_of_file_it_came_in(
    conn: connection, ours: Settings, inbox: Path, week: dict[str, bytes], kind: str
) -> None:
    for period, content in week.items():
        (inbox / f"top_up_{period}.xlsx").write_bytes(content)
    day(conn, ours)
    expected = silver(conn)
    assert expected
    for period, content in week.items():
        (inbox / f"top_up_{period}.xlsx").unlink()
        (inbox / f"top_up_{period}.{kind}").write_bytes(KINDS[kind](table_of(content)))
    loaded = day(conn, ours)
    assert (loaded.files, loaded.counts.rejected) == (7, 0)
    assert silver(conn) == expected
    assert rows(conn, "select distinct status from meta.delivery where name like '%.xlsx'") == [("SUPERSEDED",)]
    assert rows(conn, "select distinct sheet from silver.top_up") == [("rows",)]
    assert rows(conn, "select sum(cell_count) from meta.delivery where status = 'LOADED'") == [(7 * len(expected),)]


def top_up(number: str, amount: Any = "10.50", member: Any = "0000001") -> tuple[Any, ...]:
    return (number, member, "app", "2026-10-01 10:00:00", amount, "EUR", "gold")


def reasons(conn: connection) -> list[str]:
    return [reason for (reason,) in rows(conn, "select reason from meta.rejected_record order by line_no")]


def test_a_corrected_csv_replaces_a_workbook_of_its_period(conn: connection, ours: Settings, inbox: Path) -> None:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for line in (HEADER, top_up("1", 5), top_up("2", "abc"), top_up("3", 7)):
        book.active.append(line)  # type: ignore[union-attr]
    book.save(stream)
    (inbox / "top_up_2026-10-01.xlsx").write_bytes(stream.getvalue())
    assert day(conn, ours).counts.rejected == 1
    (inbox / "top_up_2026-10-01.csv").write_bytes(as_csv([HEADER, top_up("1", "6"), top_up("2", "7")]))
    day(conn, ours)
    assert [(row[0], row[4]) for row in silver(conn)] == [("1", Decimal("6.00")), ("2", Decimal("7.00"))]
    assert rows(conn, "select status from meta.rejected_record") == [("RESOLVED",)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "top_up_2026-10-01.csv",
            as_csv([HEADER, top_up("1"), top_up("2", "abc"), top_up("3", "")[:5], (*top_up("4"), "x"), top_up("a\0b")]),
            [
                "top_up_2026-10-01.csv!E3: amount is “abc”, which is not an amount with '.' before its decimals",
                "top_up_2026-10-01.csv!4: amount is empty",
                "top_up_2026-10-01.csv!A6: top_up_id is “a\\u0000b”, which is not 1 to 200 characters on one line",
            ],
        ),
        (
            "top_up_2026-10-01.ndjson",
            as_ndjson([HEADER, top_up("1", Decimal("1.10")), top_up("2", Decimal("1.101")), top_up("3", 1, member=7)])
            + b"[1]\n"
            + as_ndjson([HEADER, top_up("5", 10**25), top_up("6", amount=True), top_up("7", [1]), top_up("8", None)])
            + as_ndjson([HEADER, top_up("9", 1)]).replace(b":1,", b":1e999999999,")
            + as_ndjson([HEADER, top_up("10", 2)]),
            [
                "top_up_2026-10-01.ndjson!2.Amount (EUR): amount is “1.101”, which is not a decimal string",
                "top_up_2026-10-01.ndjson!3.Card no: member_id is the number 7 where 7 digits belong",
                "top_up_2026-10-01.ndjson!4.Top-up no: top_up_id is the error no JSON object ([1])",
                "top_up_2026-10-01.ndjson!5.Amount (EUR): amount is “10000000000000000000000000”, which is not",
                "top_up_2026-10-01.ndjson!6.Amount (EUR): amount is TRUE where an amount belongs",
                "top_up_2026-10-01.ndjson!7.Amount (EUR): amount is the error a nested value: [1]",
                "top_up_2026-10-01.ndjson!8: amount is empty",
                "top_up_2026-10-01.ndjson!9.Amount (EUR): amount is “1E+999999999”, which is not",
            ],
        ),
        (
            "top_up_2026-10-01.parquet",
            as_parquet([HEADER, top_up("1", 1.5), top_up("2", float("nan")), top_up("3", 1.25)]),
            ["top_up_2026-10-01.parquet!2.Amount (EUR): amount is the error nan"],
        ),
    ],
    ids=["csv", "ndjson", "parquet"],
)
def test_what_is_wrong_is_named_where_its_sender_finds_it_and_the_rest_is_loaded(
    conn: connection, ours: Settings, inbox: Path, name: str, content: bytes, said: list[str]
) -> None:
    (inbox / name).write_bytes(content)
    loaded = day(conn, ours)
    found = reasons(conn)
    assert [reason[: len(start)] for reason, start in zip(found, said, strict=True)] == said
    assert loaded.counts.inserted == 2
    assert len(silver(conn)) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("top_up_2026-10-01.csv", as_csv([HEADER[:-1], top_up("1")[:-1]]), "row 1 is the header, and it lacks level"),
        ("top_up_2026-10-01.ndjson", as_ndjson([HEADER[:-1], top_up("1")[:-1]]), "the list of its columns lacks level"),
        (
            "top_up_2026-10-01.ndjson",
            as_ndjson([(*HEADER, "Canal"), (*top_up("1"), "app")]),
            "two columns are the same one: Channel, Canal",
        ),
        ("top_up_2026-10-01.csv", b"a,b\n1,2\n", "no sheet has a header"),
        ("top_up_2026-10-01.csv", as_csv([HEADER, top_up("1")])[3:] + b"\xe9", "is 0xE9, which is not UTF-8"),
        (
            "top_up_2026-10-01.csv",
            as_csv([HEADER, top_up("1"), ("Total", "", "", "", "11")]),
            "the total in row 3 says 11 for amount, and the rows add up to 10.5",
        ),
    ],
)
def test_a_file_that_is_not_what_was_agreed_is_refused_by_itself(
    conn: connection, ours: Settings, inbox: Path, name: str, content: bytes, said: str
) -> None:
    (inbox / name).write_bytes(content)
    (inbox / "top_up_2026-10-02.tsv").write_bytes(b"\t".join(one.encode() for one in HEADER) + b"\n")
    day(conn, ours)
    ((status, reason, remedy),) = rows(conn, f"select status, reason, remedy from meta.delivery where name = '{name}'")
    assert (status, said in reason, bool(remedy)) == ("REFUSED", True, True), reason
    assert rows(conn, "select status from meta.delivery where name like '%.tsv'") == [("LOADED",)]
