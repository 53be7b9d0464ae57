"""Every cell that holds something comes with its address, its kind and its value; nothing is guessed or lost."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from ingestion.spreadsheets.workbook import Cell, Row
from tests.workbooks import cells, hand_made, read, saved, strings_xml


def _book(**values: object) -> Workbook:
    book = Workbook()
    assert book.active
    for address, value in values.items():
        book.active[address] = value
    return book


def test_a_sheet_that_begins_at_c3_has_its_real_addresses(tmp_path: Path) -> None:
    book = _book(C3="a", E3="b", D6="c")
    assert read(saved(tmp_path / "a.xlsx", book)) == [
        Row(3, (Cell("C", "s", "a"), Cell("E", "s", "b"))),
        Row(6, (Cell("D", "s", "c"),)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "0012345",
        "12345678901234567890",
        "TRUE",
        "2026-11-01",
        "1,5",
        "\u00a0x\u00a0",
        " pad ",
        "=",
        "日本\n語",
        "a&<b>",
    ],
)
def test_a_text_stays_as_it_was_typed(tmp_path: Path, text: str) -> None:
    assert cells(saved(tmp_path / "a.xlsx", _book(B2=text))) == {"B2": ("s", text)}


def test_an_escaped_line_end_is_decoded(tmp_path: Path) -> None:
    file = hand_made(tmp_path / "a.xlsx", '<row r="1"><c r="A1" t="inlineStr"><is><t>a_x000D_b</t></is></c></row>')
    assert cells(file) == {"A1": ("s", "a\rb")}


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (42, 42),
        (-7, -7),
        (0, 0),
        (1.5, 1.5),
        (2**53 - 1, 2**53 - 1),
        (2.0**53, 2.0**53),
        (1.5e20, 1.5e20),
    ],
)
def test_a_number_is_an_int_while_it_is_whole_and_exact(tmp_path: Path, value: float, number: float) -> None:
    found = cells(saved(tmp_path / "a.xlsx", _book(A1=value)))["A1"]
    assert found == ("n", number)
    assert type(found[1]) is type(number)


def test_a_number_of_more_than_15_digits_is_the_float_that_the_file_means(tmp_path: Path) -> None:
    file = hand_made(tmp_path / "a.xlsx", '<row r="1"><c r="A1"><v>12345678901234567</v></c></row>')
    assert cells(file) == {"A1": ("n", 12345678901234567.0)}


def test_a_boolean_differs_from_the_text_true(tmp_path: Path) -> None:
    assert cells(saved(tmp_path / "a.xlsx", _book(A1=True, B1="TRUE", C1=False))) == {
        "A1": ("b", True),
        "B1": ("s", "TRUE"),
        "C1": ("b", False),
    }


@pytest.mark.parametrize("is_1904", [False, True])
def test_dates_and_times_are_right_in_both_calendars(tmp_path: Path, *, is_1904: bool) -> None:
    book = Workbook()
    if is_1904:
        book.epoch = CALENDAR_MAC_1904
    assert book.active
    moment = datetime(2026, 11, 1, 10, 5, 7, 123_000)  # noqa: DTZ001 - a workbook has no zones
    book.active.append([moment, date(2026, 11, 1), time(10, 5), timedelta(hours=30), date(1904, 3, 1)])
    book.active["F1"] = time(23, 59, 59)
    assert cells(saved(tmp_path / "a.xlsx", book)) == {
        "A1": ("d", "2026-11-01T10:05:07.123"),
        "B1": ("d", "2026-11-01"),
        "C1": ("t", "10:05:00"),
        "D1": ("t", "30:00:00"),
        "E1": ("d", "1904-03-01"),
        "F1": ("t", "23:59:59"),
    }


def test_dates_written_as_text_of_the_format_are_dates(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1" t="d"><v>2026-11-01T10:05:07</v></c><c r="B1" t="d"><v>2026-11-01</v></c></row>'
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {
        "A1": ("d", "2026-11-01T10:05:07"),
        "B1": ("d", "2026-11-01"),
    }


def test_a_negative_number_formatted_as_a_date_is_that_number_and_midnight_is_midnight(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1" s="1"><v>-5</v></c><c r="B1" s="3"><v>0</v></c><c r="C1" s="2"><v>-0.0625</v></c></row>'
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {
        "A1": ("n", -5),
        "B1": ("t", "00:00:00"),
        "C1": ("t", "-01:30:00"),
    }


def test_a_number_beyond_all_dates_stays_a_number(tmp_path: Path) -> None:
    file = hand_made(tmp_path / "a.xlsx", '<row r="1"><c r="A1" s="1"><v>3000000</v></c></row>')
    assert cells(file) == {"A1": ("n", 3_000_000)}


def test_a_number_that_is_none_is_an_error(tmp_path: Path) -> None:
    file = hand_made(tmp_path / "a.xlsx", '<row r="1"><c r="A1"><v>NaN</v></c><c r="B1"><v>1E999</v></c></row>')
    assert cells(file) == {"A1": ("e", "nan"), "B1": ("e", "inf")}


def test_errors_are_kept_with_their_names(tmp_path: Path) -> None:
    row = (
        '<row r="2"><c r="B2"><v>1</v></c><c r="C2" t="e"><v>#N/A</v></c><c r="F2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'
        '</row><row r="9"><c r="A9" t="e"><v>#REF!</v></c></row>'
    )
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {
        "B2": ("n", 1),
        "C2": ("e", "#N/A"),
        "F2": ("e", "#DIV/0!"),
        "A9": ("e", "#REF!"),
    }


def test_a_sheet_of_errors_only_is_read(tmp_path: Path) -> None:
    file = hand_made(tmp_path / "a.xlsx", '<row r="7"><c r="D7" t="e"><v>#N/A</v></c></row>')
    assert read(file) == [Row(7, (Cell("D", "e", "#N/A"),))]


def test_an_error_that_the_library_does_not_know_takes_no_other_cell_with_it(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1" t="e"><v>#SPILL!</v></c><c r="B1"><v>2</v></c><c r="C1" t="b"><v>1</v></c></row>'
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {"A1": ("e", "#SPILL!"), "B1": ("n", 2), "C1": ("b", True)}


def test_a_formula_without_a_saved_result_is_kept(tmp_path: Path) -> None:
    row = (
        '<row r="1"><c r="A1"><f>B1&amp;"x"</f></c><c r="B1"><f>1+1</f><v/></c><c r="C1"><f t="shared" si="0"/></c>'
        '<c r="D1" t="str"><f>A2</f></c></row>'
    )
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {
        "A1": ("f", 'B1&"x"'),
        "B1": ("f", "1+1"),
        "C1": ("f", ""),
        "D1": ("f", "A2"),
    }


def test_a_formula_with_a_saved_result_is_that_result_and_an_empty_one_is_no_cell(tmp_path: Path) -> None:
    row = (
        '<row r="1"><c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"x"</f><v>x</v></c>'
        '<c r="C1" t="str"><f>""</f><v></v></c><c r="D1" t="b"><f>TRUE()</f><v>1</v></c></row>'
    )
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {"A1": ("n", 2), "B1": ("s", "x"), "D1": ("b", True)}


def test_rich_text_is_one_text(tmp_path: Path) -> None:
    rich = CellRichText("plain ", TextBlock(InlineFont(b=True), "bold"))
    assert cells(saved(tmp_path / "a.xlsx", _book(A1=rich))) == {"A1": ("s", "plain bold")}


_RICH = '<r><rPr><color rgb="FF"/></rPr><t xml:space="preserve">a </t></r><r><t>b</t></r>'
_HINT = '<rPh sb="0" eb="1"><t>hint</t></rPh>'


def test_shared_strings_may_be_rich_hinted_or_empty(tmp_path: Path) -> None:
    strings = strings_xml("<t>x</t>", "<t/>", "", _RICH + _HINT, _HINT, "<t> </t>", '<t xml:space="preserve"> </t>')
    row = "".join(f'<c r="{letter}1" t="s"><v>{number}</v></c>' for number, letter in enumerate("ABCDEFG"))
    assert cells(hand_made(tmp_path / "a.xlsx", f'<row r="1">{row}</row>', strings=strings)) == {
        "A1": ("s", "x"),
        "D1": ("s", "a b"),
        "G1": ("s", " "),
    }


def test_inline_strings_may_be_rich_hinted_or_empty(tmp_path: Path) -> None:
    texts = ["<t>x</t>", "<t></t>", _RICH + _HINT, _HINT, "<t>\u00a0</t>"]
    row = "".join(
        f'<c r="{letter}1" t="inlineStr"><is>{text}</is></c>' for letter, text in zip("ABCDE", texts, strict=True)
    )
    assert cells(hand_made(tmp_path / "a.xlsx", f'<row r="1">{row}</row>')) == {
        "A1": ("s", "x"),
        "C1": ("s", "a b"),
        "E1": ("s", "\u00a0"),
    }


def test_a_text_that_the_library_loses_is_found_by_the_second_reader(tmp_path: Path) -> None:
    row = '<row r="3"><c r="C3" t="str"><v><![CDATA[a<b]]></v></c><c r="D3"><v>1</v></c></row>'
    assert cells(hand_made(tmp_path / "a.xlsx", row)) == {"C3": ("s", "a<b"), "D3": ("n", 1)}
