"""What is not a workbook, or not a harmless one, is refused before anything reads it, by name and with a remedy."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import pytest
from openpyxl import Workbook

from ingestion.spreadsheets.guard import check_file
from ingestion.spreadsheets.workbook import Limits, open_workbook
from medallion.errors import WorkbookRefused
from tests.workbooks import cells, packed, parts_of, saved, sheet_xml

_ROWS = '<row r="1"><c r="A1"><v>1</v></c></row>'
_OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
_ZEROS = bytes(20_000_000)
_DEFAULT = Limits()


def _parts() -> dict[str, str | bytes]:
    return parts_of(sheet_xml(_ROWS))


def _refused(path: Path, limits: Limits = _DEFAULT) -> WorkbookRefused:
    with pytest.raises(WorkbookRefused) as caught:
        check_file(path, limits)
    assert path.name in str(caught.value)
    assert caught.value.remedy
    assert not caught.value.retryable
    return caught.value


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        (b"", "it is empty (0 bytes)"),
        (_OLE2 + "EncryptedPackage".encode("utf-16-le"), "it has a password (it is encrypted)"),
        (_OLE2 + bytes(300_000) + "EncryptedPackage".encode("utf-16-le"), "it has a password (it is encrypted)"),
        (_OLE2 + "Workbook".encode("utf-16-le"), "it is an old Excel file (.xls), not .xlsx"),
        (b"\xef\xbb\xbf\r\n<html><table><tr><td>1</td></tr></table></html>", "it is an HTML page, not a workbook"),
        (b"<!DOCTYPE html>\n<p>", "it is an HTML page, not a workbook"),
        (b"account;amount\r\n007;1,5\r\n", "it is text, such as CSV, not a workbook"),
        ("account\tamount".encode("utf-16"), "it is text, such as CSV, not a workbook"),
        (
            b'<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?><Workbook/>',
            "it is an XML spreadsheet of Excel 2003, not .xlsx",
        ),
        (b"%PDF-1.7", "it is a PDF, not a workbook"),
        (bytes(range(256)), "it is not a zip, so not .xlsx: it is damaged, or another kind of file"),
    ],
)
def test_another_kind_of_file_is_named(tmp_path: Path, content: bytes, finding: str) -> None:
    file = tmp_path / "top_up.xlsx"
    file.write_bytes(content)
    assert _refused(file).finding == finding


@pytest.mark.parametrize(
    ("part", "content", "finding"),
    [
        ("readme.txt", b"x", "it is a zip, but no workbook is in it"),
        ("xl/workbook.bin", b"x", "it is a binary workbook (.xlsb), not .xlsx"),
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet", "it is an OpenDocument file (.ods), not .xlsx"),
        ("word/document.xml", b"<w/>", "it is a Word document (.docx), not a workbook"),
    ],
)
def test_another_kind_of_zip_is_named(tmp_path: Path, part: str, content: bytes, finding: str) -> None:
    assert _refused(packed(tmp_path / "a.xlsx", {part: content})).finding == finding


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "cannot be opened" in _refused(tmp_path / "gone.xlsx").finding


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_half_copied(tmp_path: Path, share: float) -> None:
    book = Workbook()
    assert book.active
    for number in range(500):
        book.active.append([number, str(number)])
    file = saved(tmp_path / "a.xlsx", book)
    whole = file.read_bytes()
    file.write_bytes(whole[: max(4, int(len(whole) * share))])
    refused = _refused(file)
    assert "half copied or damaged" in refused.finding
    assert "send it again" in refused.remedy


def test_a_byte_that_has_changed_is_found(tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(packed(file, _parts())) as archive:
        at = archive.getinfo("xl/worksheets/sheet1.xml").header_offset + 30 + len("xl/worksheets/sheet1.xml") + 20
    damaged = bytearray(file.read_bytes())
    damaged[at] ^= 0xFF
    file.write_bytes(damaged)
    assert "damaged" in _refused(file).finding


def test_a_part_that_unpacks_to_too_much_is_a_bomb(tmp_path: Path) -> None:
    refused = _refused(packed(tmp_path / "a.xlsx", {**_parts(), "xl/media/image1.png": _ZEROS}))
    assert "xl/media/image1.png unpacks to more than" in refused.finding


@pytest.mark.parametrize(
    ("size", "checked", "finding"),
    [(20_000_000, 100, "unpacks to more than"), (1_000_000, 100, "Bad CRC"), (1_000_000, 1_000_000, "another size")],
)
def test_a_part_that_lies_about_its_size_is_found(tmp_path: Path, size: int, checked: int, finding: str) -> None:
    """With the checksum of its first 100 bytes, a reader that stops there finds nothing wrong."""
    file = packed(tmp_path / "a.xlsx", {**_parts(), "xl/media/image1.png": bytes(size)})
    with zipfile.ZipFile(file) as archive:
        real = archive.getinfo("xl/media/image1.png")
    true = struct.pack("<III", real.CRC, real.compress_size, size)
    false = struct.pack("<III", zlib.crc32(bytes(checked)), real.compress_size, 100)
    assert file.read_bytes().count(true) == 2
    file.write_bytes(file.read_bytes().replace(true, false))
    assert finding in _refused(file).finding


def test_parts_that_unpack_to_too_much_together_are_a_bomb(tmp_path: Path) -> None:
    parts = {**_parts(), **{f"xl/media/{n}.png": bytes(100_000) for n in range(20)}}
    file = packed(tmp_path / "a.xlsx", parts)
    assert "unpacks to more than" in _refused(file, Limits(most_unpacked=1_500_000)).finding
    assert not check_file(file, Limits(most_unpacked=2_500_000))


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.xlsx", _parts())
    size = file.stat().st_size
    assert "larger than" in _refused(file, Limits(most_bytes=size - 1)).finding
    assert not check_file(file, Limits(most_bytes=size))


def test_too_many_parts_are_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.xlsx", _parts())
    assert "more than 5 parts" in _refused(file, Limits(most_entries=5)).finding
    assert not check_file(file, Limits(most_entries=6))


def test_a_packing_that_unpacks_any_amount_at_once_is_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.xlsx", _parts())
    with zipfile.ZipFile(file, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/media/image1.png", bytes(1_000_000))
    assert "packed in a way that Excel does not use" in _refused(file).finding


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "a.xlsx", _parts())
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("XL/worksheets/sheet1.xml", sheet_xml(""))
    assert "same name" in _refused(file).finding


@pytest.mark.parametrize(
    "start",
    [
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>',
        "<!--" + "x" * 300_000 + "--><!DOCTYPE x>",
        "<!--" + "x" * ((1 << 18) - 11) + "--><!doctype x>",
    ],
)
@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/_rels/workbook.xml.rels"])
def test_a_document_type_is_refused(tmp_path: Path, start: str, part: str) -> None:
    parts = _parts()
    parts[part] = start + str(parts[part])
    finding = _refused(packed(tmp_path / "a.xlsx", parts)).finding
    assert finding == f"its part {part} declares a document type or entities, which no workbook needs"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_xml_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    parts = _parts()
    xml = f'<?xml version="1.0" encoding="{encoding}"?>{parts["xl/worksheets/sheet1.xml"]!s}'
    parts["xl/worksheets/sheet1.xml"] = xml.encode(encoding)
    assert "not written in UTF-8" in _refused(packed(tmp_path / "a.xlsx", parts)).finding


def test_names_that_point_elsewhere_write_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "box"
    folder.mkdir(parents=True)
    file = packed(folder / "a.xlsx", {**_parts(), "../../escaped.txt": "x", "/escaped.txt": "x"})
    assert cells(file) == {"A1": ("n", 1)}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [file]


@pytest.mark.parametrize("part", ["xl/vbaProject.bin", "xl/macrosheets/sheet1.xml"])
def test_macros_are_reported_and_the_cells_are_read(tmp_path: Path, part: str) -> None:
    with open_workbook(packed(tmp_path / "a.xlsm", {**_parts(), part: "x"})) as book:
        assert book.has_macros
        assert len(list(book.rows("S1"))) == 1
    with open_workbook(packed(tmp_path / "b.xlsx", _parts())) as book:
        assert not book.has_macros


def test_links_to_other_files_are_left_alone(tmp_path: Path) -> None:
    parts = _parts()
    link = '<Relationship Id="rId9" Type="t/externalLink" Target="file:///etc/passwd" TargetMode="External"/>'
    parts["xl/_rels/workbook.xml.rels"] = str(parts["xl/_rels/workbook.xml.rels"]).replace("</R", f"{link}</R")
    assert cells(packed(tmp_path / "a.xlsx", parts)) == {"A1": ("n", 1)}
