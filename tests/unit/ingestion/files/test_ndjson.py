"""Values of NDJSON come with every digit; a line that is no object is a row of its own, and the file is read on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.files.limits import FileLimits
from ingestion.files.names import known_words
from ingestion.files.ndjson_book import NdjsonBook
from ingestion.files.packed import Packed
from medallion.entities.layout import Layout
from medallion.errors import DeliveryRefused

LAYOUT = Layout(headers={"amount": ("Montant",)})


def opened(path: Path, content: bytes, limits: FileLimits | None = None) -> NdjsonBook:
    path.write_bytes(content)
    return NdjsonBook(Packed(path, limits or FileLimits()), known_words(("day", "amount"), LAYOUT))


def rows(book: NdjsonBook) -> list[tuple[int, dict[str, tuple[str, object]]]]:
    found = list(book.rows(""))
    assert sum(len(row.cells) for row in found) == book.sheets[0].cells
    return [(row.number, {cell.column: (cell.kind, cell.value) for cell in row.cells}) for row in found]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.ndjson"


def test_the_keys_of_all_lines_are_the_header_and_come_first(path: Path) -> None:
    found = rows(opened(path, b'{"day":"1"}\n{"Montant":2,"day":null}\n'))
    assert found == [
        (0, {".day": ("s", "day"), ".Montant": ("s", "Montant")}),
        (1, {".day": ("s", "1")}),
        (2, {".Montant": ("n", 2)}),
    ]


@pytest.mark.parametrize(
    ("json", "cell"),
    [
        ('"007 "', ("s", "007 ")),
        ('"a\\u0000b"', ("s", "a\0b")),
        ("12.10", ("n", "12.10")),
        ("0.1234567890123456789", ("n", "0.1234567890123456789")),
        ("-7", ("n", -7)),
        ("999999999999999", ("n", 999999999999999)),
        ("9007199254740993", ("n", "9007199254740993")),
        ("-123456789012345678901234567890", ("n", "-123456789012345678901234567890")),
        ("1e400", ("n", "1E+400")),
        ("true", ("b", True)),
        ("false", ("b", False)),
        ("0", ("n", 0)),
        ('{"a":[1.50]}', ("e", 'a nested value: {"a":[1.50]}')),
        ("[]", ("e", "a nested value: []")),
    ],
)
def test_a_value_keeps_its_kind_and_every_digit(path: Path, json: str, cell: tuple[str, object]) -> None:
    ((_, cells),) = rows(opened(path, b'{"x":%b}' % json.encode()))[1:]
    assert cells == {".x": cell}
    assert type(cells[".x"][1]) is type(cell[1])


@pytest.mark.parametrize("json", ["null", '""'])
def test_what_holds_nothing_is_no_cell(path: Path, json: str) -> None:
    assert rows(opened(path, b'{"x":%b}\n' % json.encode())) == [(0, {".x": ("s", "x")})]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[1]", "no JSON object ([1])"),
        (b"7", "no JSON object (7)"),
        (b'{"day":', "no JSON: "),
        (b'{"day":NaN}', "no JSON: "),
        (b'{"day":"\\ud800"}', "no JSON: "),
        (b'{"day":1,"day":2}', "the key “day” stands twice in it"),
        (b'{"day":1,"day"\r:2}', "the key “day” stands twice in it"),
        (b'{"amount":{"a":1,"a":2}}', "the key “a” stands twice in it"),
        (b"[" * 100_000, "no JSON: "),
    ],
)
def test_a_line_that_is_no_object_is_a_row_with_an_error_and_the_others_are_read(
    path: Path, line: bytes, said: str
) -> None:
    found = rows(opened(path, b'{"x":1}\n{"day":"1"}\n\n' + line + b'\n{"day":"5"}\n'))
    assert [number for number, _ in found] == [0, 1, 2, 4, 5]
    ((column, (kind, value)),) = found[3][1].items()
    assert (column, kind) == (".day", "e")
    assert str(value).startswith(said)


def test_a_key_in_a_text_is_not_taken_for_one(path: Path) -> None:
    content = b'{"day":"\\"amount\\": 1, \\"day\\":2","amount" : 3}'
    assert rows(opened(path, content))[1] == (1, {".day": ("s", '"amount": 1, "day":2'), ".amount": ("n", 3)})


def test_a_file_of_another_encoding_or_without_measure_is_refused_by_name(path: Path) -> None:
    for content, said in [
        (b'{"day":"\xe9"}', "byte 8, in line 1, is 0xE9"),
        (b'{"a":1,"b":2,"c":3}', "line 1: more than 2 keys differ"),
        (b'{"a":1}\n' * 4, "more than 3 rows"),
        (b"x" * 2_000, "line 1 is longer than 0.001 MB"),
    ]:
        with pytest.raises(DeliveryRefused) as caught:
            opened(path, content, FileLimits(most_columns=2, most_rows=3, most_of_line=1_000))
        assert said in caught.value.message
        assert caught.value.remedy
