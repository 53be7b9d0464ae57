"""Fields of CSV files come as they are, each with its place; what cannot be read is named by line or byte."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import random
import sys
from pathlib import Path

import pytest

from ingestion.files.csv_book import CsvBook
from ingestion.files.csv_count import FieldCounter
from ingestion.files.limits import FileLimits
from ingestion.files.names import known_words
from ingestion.files.packed import Packed
from medallion.entities.layout import Layout
from medallion.errors import DeliveryRefused

NAMES = ("day", "amount")
HEADER = b"Date,Montant\n"
LAYOUT = Layout(headers={"day": ("Date",), "amount": ("Montant",)})
Found = list[tuple[int, dict[str, object]]]


def opened(
    path: Path, content: bytes, layout: Layout = LAYOUT, limits: FileLimits | None = None, *, is_gzip: bool = False
) -> CsvBook:
    path.write_bytes(content)
    return CsvBook(Packed(path, limits or FileLimits(), is_gzip=is_gzip), layout, known_words(NAMES, layout))


def rows(book: CsvBook) -> Found:
    found = list(book.rows(""))
    assert {cell.kind for row in found for cell in row.cells} <= {"s"}
    assert sum(len(row.cells) for row in found) == book.sheets[0].cells
    return [(row.number, {cell.column: cell.value for cell in row.cells}) for row in found]


def refused(path: Path, content: bytes, limits: FileLimits | None = None) -> DeliveryRefused:
    with pytest.raises(DeliveryRefused) as caught:
        rows(opened(path, content, limits=limits))
    assert path.name in caught.value.message
    assert caught.value.remedy
    return caught.value


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def test_fields_are_exact_and_rows_have_the_number_of_the_line_in_which_they_begin(path: Path) -> None:
    content = HEADER + b'007, x \n\n"a\nb","say ""hi"", twice"\r\n,""\n"",\xc2\xa05\n'
    assert rows(opened(path, content))[1:] == [
        (2, {"A": "007", "B": " x "}),
        (4, {"A": "a\nb", "B": 'say "hi", twice'}),
        (7, {"B": "\xa05"}),
    ]


def test_line_breaks_of_an_old_mac_are_breaks(path: Path) -> None:
    assert rows(opened(path, b"Date,Montant\r1,2\r\r3,4")) == [
        (1, {"A": "Date", "B": "Montant"}),
        (2, {"A": "1", "B": "2"}),
        (4, {"A": "3", "B": "4"}),
    ]


def test_a_ragged_row_shifts_nothing_and_loses_nothing(path: Path) -> None:
    assert rows(opened(path, HEADER + b"1\n1,2,,4\n"))[1:] == [(2, {"A": "1"}), (3, {"A": "1", "B": "2", "D": "4"})]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_text_is_read_in_the_encoding_that_it_is_in(path: Path, encoding: str) -> None:
    book = opened(path, "Date,Montant\né,充\n".encode(encoding))
    assert rows(book) == [(1, {"A": "Date", "B": "Montant"}), (2, {"A": "é", "B": "充"})]


def test_big_endian_utf_16_is_known_by_its_mark(path: Path) -> None:
    assert rows(opened(path, codecs.BOM_UTF16_BE + "Date,Montant\né,1\n".encode("utf-16-be")))[1][1]["A"] == "é"


def test_another_encoding_is_read_if_it_is_declared(path: Path) -> None:
    layout = Layout(headers=LAYOUT.headers, encoding="cp1252")
    assert rows(opened(path, HEADER + b"\xe9,\x80\n", layout))[1] == (2, {"A": "é", "B": "€"})
    with pytest.raises(DeliveryRefused, match=r"byte 13 is 0x81, which is not cp1252"):
        opened(path, HEADER + b"\x81,1\n", layout)


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_a_byte_that_is_not_utf_8_is_named_and_never_guessed(path: Path, mark: bytes) -> None:
    content = mark + HEADER + b"1,2\n" * 400_000 + b"caf\xe9,1\n"
    error = refused(path, content)
    assert f"byte {content.index(0xE9):,}, in line 400,002, is 0xE9, which is not UTF-8" in error.message
    assert "CSV UTF-8" in str(error.remedy)


def test_a_wrong_byte_is_named_also_after_a_character_that_two_pieces_share(path: Path) -> None:
    start = HEADER + b"1,2\n" * 262_140
    content = start + b"x" * ((1 << 20) - len(start) - 1) + "充".encode() + b"\xe9,1\n"
    assert f"byte {content.index(0xE9):,}," in refused(path, content).message


def test_a_quote_right_after_a_mark_begins_a_field(path: Path) -> None:
    content = codecs.BOM_UTF8 + b'"Of, all days",x\n' + HEADER + b"1,2\n"
    assert rows(opened(path, content))[0] == (1, {"A": "Of, all days", "B": "x"})


def test_a_character_that_is_cut_off_at_the_end_is_named(path: Path) -> None:
    assert "byte 15, in line 2, is 0xC3" in refused(path, HEADER + b"1,\xc3").message


def test_encodings_that_are_not_read_are_named(path: Path) -> None:
    assert "UTF-16 without its mark" in refused(path, "Date,Montant\n1,2\n".encode("utf-16-le")).message
    assert "UTF-32" in refused(path, "Date,Montant\n1,2\n".encode("utf-32")).message


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_header_decides_on_the_delimiter_and_the_data_does_not(path: Path, sign: str) -> None:
    lines = [["report, of; all|days"], ["Date", "Montant"], *[["1,5;2|3\t4", "x,y;z|w\ta"]] * 5]
    stream = io.StringIO()
    csv.writer(stream, delimiter=sign).writerows(lines)
    book = opened(path, stream.getvalue().encode())
    assert book.delimiter == sign
    assert rows(book)[2] == (3, {"A": "1,5;2|3\t4", "B": "x,y;z|w\ta"})


def test_a_declared_delimiter_is_not_searched(path: Path) -> None:
    book = opened(path, HEADER, Layout(headers=LAYOUT.headers, delimiter=";"))
    assert rows(book) == [(1, {"A": "Date,Montant"})]
    for wrong in (";;", "\n", '"', "é"):
        with pytest.raises(ValueError, match="cannot be a delimiter"):
            Layout(delimiter=wrong)
    with pytest.raises(LookupError):
        Layout(encoding="utf-88")


@pytest.mark.parametrize("line", [b'1,"never closed\n2,3\n', b'1,"closed"too early,3\n'])
def test_a_quote_that_is_not_closed_is_named_by_the_line_of_its_field(path: Path, line: bytes) -> None:
    assert "begins in line 4 is not closed" in refused(path, HEADER + b"1,2\n1,2\n" + line).message


def test_a_quote_within_a_field_without_quotes_is_a_sign_like_others(path: Path) -> None:
    assert rows(opened(path, HEADER + b'5" pipe,6"\n7"",x\n'))[1:] == [
        (2, {"A": '5" pipe', "B": '6"'}),
        (3, {"A": '7""', "B": "x"}),
    ]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="csv of Python 3.10 reads no NUL: the file is refused there")
def test_a_nul_stays_in_its_cell_for_the_load_to_refuse(path: Path) -> None:
    assert rows(opened(path, HEADER + b"a\0b,2\n"))[1] == (2, {"A": "a\0b", "B": "2"})


def test_a_field_a_row_or_a_line_without_end_is_named(path: Path) -> None:
    assert "line 3: a field of it is longer" in refused(path, HEADER + b"1,2\n" + b"x" * 1_000_001 + b",1\n").message
    assert "line 2 is not closed" in refused(path, HEADER + b'"' + b"x\n" * 4_000_000).message
    assert "line 2 has 5,002 fields" in refused(path, HEADER + b"," * 5_001 + b"\n").message
    endless = refused(path, HEADER + b"x," * 2_000_000, FileLimits(most_of_line=1_000_000))
    assert "line 2 is longer than 1 MB" in endless.message


def test_limits_are_kept_and_named(path: Path) -> None:
    content = HEADER + b"1,2\n" * 10
    assert "more than 9 rows" in refused(path, content, FileLimits(most_rows=9)).message
    assert "more than 9 cells" in refused(path, content, FileLimits(most_cells=9)).message
    assert "larger than 1e-05 MB" in refused(path, content, FileLimits(most_bytes=10)).message


def test_a_gzip_file_is_unpacked_in_pieces_and_a_bomb_is_named(path: Path) -> None:
    content = HEADER + b"1,2\n" * 10
    assert len(rows(opened(path, gzip.compress(content), is_gzip=True))) == 11
    with pytest.raises(DeliveryRefused, match="unpacks to more than 2 MB"):
        opened(path, gzip.compress(b"x\n" * 5_000_000), limits=FileLimits(most_unpacked=2_000_000), is_gzip=True)
    with pytest.raises(DeliveryRefused, match="half copied or damaged"):
        opened(path, gzip.compress(content)[:-9], is_gzip=True)


def _field(draws: random.Random) -> str:
    return "".join(draws.choices(['"', ",", "\n", "\r\n", "é", "x", " ", '""'], k=draws.choice([0, 0, 1, 2, 5])))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1_000])
def test_the_count_needs_no_parser_and_comes_to_the_same(path: Path, seed: int, piece: int) -> None:
    """However the text falls into pieces."""
    draws = random.Random(seed)  # noqa: S311 - a fixed series
    table = [[_field(draws) for _ in range(draws.randrange(1, 5))] for _ in range(30)]
    stream = io.StringIO()
    csv.writer(stream, quoting=draws.choice([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])).writerows(table)
    text = stream.getvalue().encode()
    counter = FieldCounter(Packed(path, FileLimits()), ",")
    pieces = [text[at : at + piece] for at in range(0, len(text), piece)]
    assert counter.of(pieces) == sum(bool(field) for row in table for field in row)
