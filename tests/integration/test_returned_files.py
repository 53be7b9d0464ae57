"""A file with wrong cells goes back with them marked, and its corrected copy is taken where it lies."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from psycopg2.extensions import connection

from ingestion.deliveries.inbox import Inbox
from medallion.errors import NothingToDo
from medallion.settings import Settings
from quality.returned_files import Returned, return_files
from tests.deliveries import FIRST, HEADER, SILVER, as_csv, as_ndjson, day, put, sheet, top_up
from tests.queries import rows

COPY = "top_up_2026-10-01.errors.xlsx"


def back(conn: connection, settings: Settings) -> Returned:
    return return_files(conn, settings, run_id="day")


def opened(inbox: Path) -> Any:
    return openpyxl.load_workbook(inbox / "top_up" / COPY)


def test_the_wrong_cells_are_red_and_said_and_all_others_are_as_they_were(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    lines = [("A title",), HEADER, top_up("0001"), top_up("2", "abc", member=7), top_up("3")]
    put(inbox, FIRST, sheet(*lines))
    day(conn, ours)
    assert back(conn, ours) == Returned((COPY,))
    book = opened(inbox)
    assert book.sheetnames == ["How to correct it", "Nov"]
    copied = [[cell.value for cell in row[:7]] for row in book["Nov"].iter_rows()]
    assert copied == [[*line, *[None] * (7 - len(line))] for line in lines]
    cells = [cell for row in book["Nov"].iter_rows() for cell in row if cell.fill.fgColor.rgb == "FFF4B6B6"]
    red = {cell.coordinate: cell.comment and cell.comment.text for cell in cells}
    assert set(red) == {"B4", "E4", "H4"}
    assert red["E4"] == "amount is “abc”, which is not an amount with '.' before its decimals"
    assert book["Nov"]["H4"].value == f"{red['B4']}; {red['E4']}"
    guide = [row[0].value for row in book["How to correct it"].iter_rows()]
    assert guide[0] == f"{FIRST}: 1 row not loaded"
    assert f"Nov!E4: {red['E4']}" in guide
    with pytest.raises(NothingToDo):
        back(conn, ours)
    assert day(conn, ours)[0].files == 0  # the copy is no delivery


def test_the_corrected_copy_is_taken_where_it_lies(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "abc")))
    day(conn, ours)
    back(conn, ours)
    book = opened(inbox)
    book["Nov"]["E3"].value = 12
    book.save(inbox / "top_up" / COPY)
    pulled, loaded = day(conn, ours)
    assert (pulled.files, loaded.counts.rejected) == (1, 0)
    assert [row[:2] for row in rows(conn, SILVER)] == [("1", Decimal("10.00")), ("2", Decimal("12.00"))]
    assert rows(conn, "select status from meta.rejected_record") == [("RESOLVED",)]
    with pytest.raises(NothingToDo):
        back(conn, ours)


@pytest.mark.parametrize(
    ("content", "said", "sheets"),
    [
        (sheet(HEADER[:-1], top_up("1")), "it lacks level", ["How to correct it", "Nov"]),
        (b"PK\x03\x04 half", FIRST, ["How to correct it"]),
        (
            sheet(HEADER, *(top_up(f"{one}", "?") for one in range(20))),
            "20 of 20 rows have a wrong cell",
            ["How to correct it", "Nov"],
        ),
    ],
)
def test_a_refused_file_goes_back_with_the_reason(
    conn: connection, ours: Settings, inbox: Path, content: bytes, said: str, sheets: list[str]
) -> None:
    put(inbox, FIRST, content)
    day(conn, ours)
    assert back(conn, ours).files == (COPY,)
    book = opened(inbox)
    assert book.sheetnames == sheets
    assert said in book["How to correct it"]["A1"].value
    put(inbox, FIRST, sheet(HEADER, top_up("1")))
    assert day(conn, ours)[0].files == 1
    with pytest.raises(NothingToDo):
        back(conn, ours)


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("top_up_2026-10-01.csv", as_csv([HEADER, top_up("1"), top_up("2", "?")]), "E3"),
        ("top_up_2026-10-01.ndjson", as_ndjson([HEADER, top_up("1"), top_up("2", "?")]), "2.Amount (EUR)"),
    ],
)
def test_a_file_that_is_no_workbook_has_its_wrong_values_listed(
    conn: connection, ours: Settings, inbox: Path, name: str, content: bytes, place: str
) -> None:
    put(inbox, name, content)
    day(conn, ours)
    copy = f"{name}.errors.xlsx"
    assert back(conn, ours).files == (copy,)
    book = openpyxl.load_workbook(inbox / "top_up" / copy)
    assert book.sheetnames == ["How to correct it"]
    said = [line for row in book["How to correct it"].iter_rows() if (line := row[0].value)]
    assert said[:2] == [
        f"{name}: 1 row not loaded",
        f"Correct {name}, and save it where it is: the next run takes it.",
    ]
    assert said[2].startswith(f"{place}: amount is “?”")
    assert day(conn, ours)[0].files == 0  # the copy is no delivery
    put(inbox, name, content.replace(b"?", b"7"))
    assert day(conn, ours)[0].files == 1
    with pytest.raises(NothingToDo):
        back(conn, ours)


def test_a_text_that_looks_like_a_formula_stays_a_text(conn: connection, ours: Settings, inbox: Path) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("'=1+1", "?"), top_up("+cmd|' /C calc'!A0", 5)))
    day(conn, ours)
    back(conn, ours)
    assert [opened(inbox)["Nov"][f"A{row}"].data_type for row in (2, 3)] == ["s", "s"]


def test_a_file_that_cannot_be_returned_is_noted_and_fails_nothing(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1", "?")))
    day(conn, ours)
    (inbox / "top_up" / FIRST).unlink()  # its sender has taken it away
    returned = back(conn, ours)
    assert returned.files == ()
    assert returned.notes[0].startswith(f"{FIRST} stays: ")


def test_an_error_of_a_sheet_goes_back_as_one_and_is_no_text(conn: connection, ours: Settings, inbox: Path) -> None:
    line = ("2", "0000001", "#N/A", "2026-10-01 10:00:00", "?", "EUR", "gold")
    put(inbox, FIRST, sheet(HEADER, top_up("1"), line))
    day(conn, ours)
    back(conn, ours)
    book = opened(inbox)
    assert book["Nov"]["C3"].data_type == "e"
    book["Nov"]["E3"].value = 12
    book.save(inbox / "top_up" / COPY)
    day(conn, ours)
    assert [row[0] for row in rows(conn, SILVER)] == ["1"]


def test_a_total_of_a_column_with_a_wrong_cell_does_not_stay_wrong(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    total = ("Total", None, None, None, 10)
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "?"), total))
    day(conn, ours)
    back(conn, ours)
    book = opened(inbox)
    assert book["Nov"]["E4"].value is None
    book["Nov"]["E3"].value = 12
    book.save(inbox / "top_up" / COPY)
    day(conn, ours)
    assert [row[0] for row in rows(conn, SILVER)] == ["1", "2"]


def test_a_copy_that_its_sender_saved_meanwhile_is_not_written_over(
    conn: connection, ours: Settings, inbox: Path
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "?")))
    day(conn, ours)
    corrected = sheet(HEADER, top_up("1"), top_up("2", 12))
    put(inbox, COPY, corrected)
    assert back(conn, ours).notes[0].startswith(f"{FIRST} stays: {COPY} was saved, and the next run reads it first")
    day(conn, ours)
    assert [row[0] for row in rows(conn, SILVER)] == ["1", "2"]


def test_a_crash_between_noting_and_writing_makes_no_correction_of_the_copy(
    conn: connection, ours: Settings, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, FIRST, sheet(HEADER, top_up("1"), top_up("2", "?")))
    day(conn, ours)
    put_file = Inbox.put

    def dies(self: Inbox, name: str, content: bytes) -> None:
        put_file(self, name, content)
        raise SystemExit("killed")

    with monkeypatch.context() as crash:
        crash.setattr(Inbox, "put", dies)
        with pytest.raises(SystemExit):
            back(conn, ours)
    assert day(conn, ours)[0].files == 0
    assert back(conn, ours).files == (COPY,)
