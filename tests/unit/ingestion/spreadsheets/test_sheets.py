"""Whatever the XML of a sheet may look like: the same cells, the right count, or a refusal."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from openpyxl import Workbook
from openpyxl.chart import BarChart

from ingestion.spreadsheets.scan import Scan, scan_sheet
from ingestion.spreadsheets.workbook import Cell, Row, Sheet, open_workbook
from medallion.errors import WorkbookRefused
from tests.workbooks import STRICT, cells, hand_made, packed, parts_of, read, saved, sheet_xml, strings_xml

_ROWS = (
    '<row r="2"><c r="B2" t="inlineStr"><is><t>a</t></is></c><c r="C2" s="1"/><c r="D2"><v>4</v></c></row><row r="3"/>'
    '<row r="5"><c r="A5" t="e"><v>#N/A</v></c><c r="D5" t="b"><v>0</v></c></row>'
)
_EXPECTED = {"B2": ("s", "a"), "D2": ("n", 4), "A5": ("e", "#N/A"), "D5": ("b", False)}


def _prefixed(xml: str) -> str:
    return re.sub(r"<(/?)(\w)", r"<\1x:\2", xml).replace("xmlns=", "xmlns:x=")


@pytest.mark.parametrize(
    "xml",
    [
        sheet_xml(_ROWS),
        _prefixed(sheet_xml(_ROWS)),
        sheet_xml(_ROWS).replace('"', "'"),
        sheet_xml(_ROWS).replace("<c ", "<c\n  ").replace("<v>", "<v >").replace("</c>", "</c >"),
        sheet_xml(_ROWS, before='<dimension ref="A1:B2"/>'),
        sheet_xml(_ROWS, before='<dimension ref="A1:XFD1048576"/>'),
        sheet_xml(_ROWS, before='<cols><col min="1" max="3" width="9"/></cols>'),
        sheet_xml(_ROWS, namespace=STRICT),
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + sheet_xml(_ROWS),
    ],
    ids=["usual", "prefix", "single quotes", "white space", "small", "large", "columns", "strict", "declared"],
)
def test_a_sheet_reads_the_same_in_any_writing(tmp_path: Path, xml: str) -> None:
    assert cells(packed(tmp_path / "a.xlsx", parts_of(xml))) == _EXPECTED


@pytest.mark.parametrize("size", ["A1:B2", "A1:XFD1048576", "C1"])
def test_the_second_reader_trusts_no_size_that_the_sheet_declares(tmp_path: Path, size: str) -> None:
    rows = _ROWS + '<row r="6"><c r="E6" t="str"><v><![CDATA[a<b]]></v></c></row>'
    xml = sheet_xml(rows, before=f'<dimension ref="{size}"/>')
    assert cells(packed(tmp_path / "a.xlsx", parts_of(xml))) == {**_EXPECTED, "E6": ("s", "a<b")}


def test_cells_and_rows_without_an_address_follow_the_one_before(tmp_path: Path) -> None:
    rows = (
        '<row><c><v>1</v></c><c/><c t="e"><v>#N/A</v></c></row><row r="5"><c r="C5"><v>3</v></c><c><f>A1</f></c></row>'
        "<row/><row><c><v>9</v></c></row>"
    )
    assert cells(hand_made(tmp_path / "a.xlsx", rows)) == {
        "A1": ("n", 1),
        "C1": ("e", "#N/A"),
        "C5": ("n", 3),
        "D5": ("f", "A1"),
        "A7": ("n", 9),
    }


def test_cells_in_any_order_come_left_to_right_and_rows_top_to_bottom(tmp_path: Path) -> None:
    rows = '<row r="5"><c r="C5"><v>3</v></c><c r="A5"><v>1</v></c></row><row r="2"><c r="B2"><v>2</v></c></row>'
    assert read(hand_made(tmp_path / "a.xlsx", rows)) == [
        Row(2, (Cell("B", "n", 2),)),
        Row(5, (Cell("A", "n", 1), Cell("C", "n", 3))),
    ]


def test_a_million_styled_cells_without_values_are_no_data(tmp_path: Path) -> None:
    empty = "".join(f'<row r="{n}"><c r="A{n}" s="1"/><c r="ZZ{n}" s="1"></c></row>' for n in range(2, 500_000))
    rows = '<row r="1"><c r="B1"><v>1</v></c><c r="XFD1" s="1"/></row>' + empty
    assert cells(hand_made(tmp_path / "a.xlsx", rows)) == {"B1": ("n", 1)}


def test_an_empty_sheet_has_no_rows(tmp_path: Path) -> None:
    with open_workbook(saved(tmp_path / "a.xlsx", Workbook())) as book:
        assert book.sheets == (Sheet("Sheet", is_visible=True, cells=0, merged=()),)
        assert list(book.rows("Sheet")) == []


def test_hidden_sheets_say_so_and_charts_are_no_sheets(tmp_path: Path) -> None:
    made = Workbook()
    made.create_sheet("hidden").sheet_state = "hidden"
    made.create_sheet("very").sheet_state = "veryHidden"
    made.create_chartsheet("chart").add_chart(BarChart())
    made.create_sheet("last")["B2"] = 1
    with open_workbook(saved(tmp_path / "a.xlsx", made)) as book:
        assert [(one.name, one.is_visible, one.cells) for one in book.sheets] == [
            ("Sheet", True, 0),
            ("hidden", False, 0),
            ("very", False, 0),
            ("last", True, 1),
        ]
        assert list(book.rows("last")) == [Row(2, (Cell("B", "n", 1),))]
        with pytest.raises(KeyError):
            book.rows("chart")


def test_merged_ranges_are_listed(tmp_path: Path) -> None:
    made = Workbook()
    assert made.active
    made.active["A7"] = "x"
    made.active.merge_cells("A7:B8")
    made.active.merge_cells("D1:D3")
    with open_workbook(saved(tmp_path / "a.xlsx", made)) as book:
        assert book.sheets[0].merged == ("A7:B8", "D1:D3")


def test_names_of_sheets_may_hold_anything(tmp_path: Path) -> None:
    parts = parts_of(sheet_xml(_ROWS))
    parts["xl/workbook.xml"] = str(parts["xl/workbook.xml"]).replace('"S1"', '"Q&amp;A &quot;1&quot; 日本"')
    assert cells(packed(tmp_path / "a.xlsx", parts), 'Q&A "1" 日本') == _EXPECTED


def test_a_cell_that_none_of_the_readers_sees_refuses_the_workbook(tmp_path: Path) -> None:
    """Here it stands in a comment of the XML, so the refusal is too strict: better than a cell that is lost."""
    rows = '<row r="1"><!-- <c r="B1"><v>3</v></c> --><c r="A1"><v>1</v></c></row>'
    with pytest.raises(WorkbookRefused, match="sheet S1 has 2 cells, of which 1 can be read"):
        read(hand_made(tmp_path / "a.xlsx", rows))


def test_two_cells_with_one_address_refuse_the_workbook(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>'
    with pytest.raises(WorkbookRefused, match="2 cells, of which 1"):
        read(hand_made(tmp_path / "a.xlsx", rows))


def test_a_sheet_that_ends_in_the_middle_refuses_the_workbook(tmp_path: Path) -> None:
    xml = sheet_xml(_ROWS).partition("</row>")[0]
    with pytest.raises(WorkbookRefused, match=r"a\.xlsx"):
        read(packed(tmp_path / "a.xlsx", parts_of(xml)))


def test_a_sheet_without_its_part_refuses_the_workbook(tmp_path: Path) -> None:
    parts = parts_of(sheet_xml(_ROWS), sheet_xml(_ROWS))
    del parts["xl/worksheets/sheet2.xml"]
    with pytest.raises(WorkbookRefused, match="sheet2"):
        read(packed(tmp_path / "a.xlsx", parts))


def test_two_sheets_of_one_name_refuse_the_workbook(tmp_path: Path) -> None:
    parts = parts_of(sheet_xml(_ROWS), sheet_xml(_ROWS))
    parts["xl/workbook.xml"] = str(parts["xl/workbook.xml"]).replace('"S2"', '"S1"')
    with pytest.raises(WorkbookRefused, match="same name"):
        read(packed(tmp_path / "a.xlsx", parts))


def _scan(xml: str, empty: frozenset[bytes] = frozenset()) -> Scan:
    return scan_sheet(BytesIO(xml.encode()), empty)


def _many_rows(odd: str) -> str:
    """More than fits in one piece; `odd` is a cell of row 3,000."""
    usual = (
        '<c r="A{n}" s="2" t="s"><v>{s}</v></c><c r="B{n}"><f>A{n}</f><v>{n}</v></c><c r="AB{n}" t="str"><v>x</v></c>'
    )
    return (
        "".join(
            f'<row r="{n}">{usual.format(n=n, s=n % 3)}<c r="AC{n}" s="1"/>{odd if n == 3_000 else ""}</row>'
            for n in range(11, 6_000)
        )
        + '<row r="6000"/><row r="1048576" s="1"/>'
    )


@pytest.mark.parametrize(
    "odd", ["", '<c r="AD3000" t="e"><v>#N/A</v></c>', '<c r="AD3000"><f>A1</f></c>', '<c r="AD3000"><v>7</v></c>']
)
@pytest.mark.parametrize("empty", [frozenset[bytes](), frozenset({b"1"}), frozenset(b"%d" % n for n in range(1, 99))])
def test_the_fast_way_of_the_scan_finds_what_the_slow_way_finds(odd: str, empty: frozenset[bytes]) -> None:
    xml = sheet_xml(_many_rows(odd), after='<mergeCells><mergeCell ref="A1:B2"/></mergeCells>')
    fast, slow = _scan(xml, empty), _scan(xml.replace('"', "'"), empty)
    assert fast == slow
    assert fast.height == 5_989
    assert fast.width == (30 if odd else 28)
    rows_without_a = 0 if not empty else sum(n % 3 == 1 or (len(empty) > 1 and n % 3 == 2) for n in range(11, 6_000))
    assert fast.cells == 5_989 * 3 + bool(odd) - rows_without_a


def test_the_scan_itself_finds_what_the_library_leaves_out() -> None:
    """Without it the second reader would find most of them, slowly."""
    rows = (
        '<row><c t="e"><v>#N/A</v></c><c/><c><f>B1</f></c></row><row/><row><c t="e"><v>#REF!</v></c></row>'
        '<row r="9"><c r="C9"><f>1</f><v/></c><c t="e"><v>#NAME?</v></c><c><f>1</f><v>1</v></c></row>'
    )
    found = {
        (row, column): cell.value
        for row, cells in _scan(sheet_xml(rows)).found.items()
        for column, cell in cells.items()
    }
    assert found == {(1, 1): "#N/A", (1, 3): "B1", (3, 1): "#REF!", (9, 3): "1", (9, 4): "#NAME?"}


def test_a_row_without_a_number_follows_the_last_of_a_plain_piece() -> None:
    scan = _scan(sheet_xml(_many_rows("").partition('<row r="6000"')[0] + '<row><c t="e"><v>#N/A</v></c></row>'))
    assert list(scan.found) == [6_000]
    assert scan.last_row == 6_000


def test_many_rows_are_read_as_they_are(tmp_path: Path) -> None:
    strings = strings_xml("<t>a</t>", "<t/>", "<t>c</t>")
    xml = sheet_xml(_many_rows('<c r="AD3000" t="e"><v>#N/A</v></c>'))
    rows = read(packed(tmp_path / "a.xlsx", parts_of(xml, strings=strings)))
    assert [row.number for row in rows] == list(range(11, 6_000))
    assert rows[0].cells == (Cell("A", "s", "c"), Cell("B", "n", 11), Cell("AB", "s", "x"))
    assert [cell.column for cell in rows[2].cells] == ["B", "AB"]
    assert rows[3_000 - 11].cells[-1] == Cell("AD", "e", "#N/A")
