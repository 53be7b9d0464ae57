"""A sale is divided into header and lines without loss, whatever its shape."""

from __future__ import annotations

import json

import pytest

from ingestion.split import split_sales as split
from medallion.bronze.ndjson import Ndjson

HEADER = b'{"sale_id":9,"customer_id":5,"currency":"EUR"'
LINE = b'{"line_no":1,"product_id":88,"unit_price":"12.50"}'


def split_sales(sales: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Headers and lines one by one, as their text is counted."""
    headers, lines = split(sales)
    found = headers.text.splitlines(), lines.text.splitlines()
    assert (headers, lines) == (Ndjson.of(found[0]), Ndjson.of(found[1]))
    return found


def test_a_sale_of_the_common_shape_keeps_every_byte() -> None:
    headers, lines = split_sales([HEADER + b',"lines":[' + LINE + b"," + LINE + b"]}"])
    assert headers == [HEADER + b"}"]
    assert lines == [b'{"sale_id":9,' + LINE[1:]] * 2


@pytest.mark.parametrize(
    "sale",
    [
        b'{"lines":[' + LINE + b'],"sale_id":9,"customer_id":5}',
        b'{"sale_id": 9, "customer_id": 5, "lines": [ ' + LINE + b" ] }",
        b'{"sale_id":9,"customer_id":5,"lines":[' + LINE + b'],"note":"after"}',
        b'{"sale_id":9,"customer_id":5,"extra":{"x":1,"lines":[1]},"lines":[' + LINE + b"]}",
        b'{"sale_id":9,"customer_id":5,"note":",\\"lines\\":[","lines":[' + LINE + b"]}",
    ],
)
def test_any_other_shape_is_divided_member_by_member(sale: bytes) -> None:
    headers, lines = split_sales([sale])
    expected = json.loads(sale)
    assert [json.loads(line) for line in lines] == [{"sale_id": 9} | line for line in expected.pop("lines")]
    assert [json.loads(header) for header in headers] == [expected]


def test_a_sale_without_lines_in_its_list_has_a_header_and_no_line() -> None:
    assert split_sales([HEADER + b',"lines":[]}']) == ([HEADER + b"}"], [])


def test_a_line_with_an_id_of_its_own_is_kept_under_the_id_of_its_sale() -> None:
    _, lines = split_sales([b'{"sale_id":9,"lines":[{"sale_id":4,"line_no":1}]}'])
    assert json.loads(lines[0]) == {"sale_id": 9, "line_no": 1, "line_sale_id": 4}


@pytest.mark.parametrize(
    "sale",
    [
        b'{"sale_id":1,"lines":null,"lines":[{"a":1}]}',
        b'{"sale_id":1,"sale_id":2,"lines":[{"a":1}]}',
        b'{"sale_id":1, "note":{"sale_id":2},"lines":[{"a":1}]}',
        b'{"sale_id":1,"lin\\u0065s":7,"lines":[{"a":1}]}',
        b'{"sale_id":1,"note":"\\u00e9","lines":[{"a": 1,"note":"\\u00e9"}]}',
    ],
)
def test_a_sale_is_divided_the_same_whoever_stands_beside_it(sale: bytes) -> None:
    headers, lines = split_sales([sale, b'{"sale_id":9,"lines":[]}'])
    assert split_sales([sale]) == (headers[:1], lines)


def test_an_escape_in_a_text_leaves_every_byte_as_it_is() -> None:
    _, lines = split_sales([b'{"sale_id":1,"lines":[{"a": 1,"a":2,"note":"\\u00e9"}]}'])
    assert lines == [b'{"sale_id":1,"a": 1,"a":2,"note":"\\u00e9"}']


def test_an_id_of_a_lines_own_is_found_under_any_spelling() -> None:
    _, lines = split_sales([b'{"sale_id":9,"lines":[{"line_no":1,"sale\\u005fid":4}]}'])
    assert json.loads(lines[0]) == {"sale_id": 9, "line_no": 1, "line_sale_id": 4}


def test_an_id_that_is_no_number_goes_with_header_and_lines() -> None:
    headers, lines = split_sales([b'{"sale_id":"nine","lines":[{"line_no":1}]}'])
    assert headers == [b'{"sale_id":"nine"}']
    assert json.loads(lines[0]) == {"sale_id": "nine", "line_no": 1}


@pytest.mark.parametrize("line", [b"{}", b"{ }", b"7", b'"x"', b"null", b"[1]"])
def test_a_line_that_is_no_object_or_empty_still_lands_under_its_sale(line: bytes) -> None:
    headers, lines = split_sales([b'{"sale_id":9,"lines":[' + line + b"]}"])
    assert headers == [b'{"sale_id":9}']
    found = json.loads(lines[0])
    assert found.pop("sale_id") == 9
    assert found in ({}, {"line": json.loads(line)})


@pytest.mark.parametrize(
    "sale",
    [
        b'{"sale_id":9,"lines":"none"}',
        b'{"sale_id":9,"lines":null}',
        b'{"customer_id":5,"lines":[{"line_no":1}]}',
        b'{"sale_id":9,"lines":[{"line_no":1}xx',
        b'{"sale_id":9,"lines":[x"line_no":1}]}',
        b"[1,2]",
        b"7",
    ],
)
def test_what_cannot_be_divided_is_kept_whole_as_a_header(sale: bytes) -> None:
    assert split_sales([sale]) == ([sale], [])


@pytest.mark.parametrize("sale", [b'{"sale_id":9}', b"{}", b'{"sale_id":9 }'])
def test_a_sale_that_lacks_lines_says_so_to_silver(sale: bytes) -> None:
    headers, lines = split_sales([sale])
    assert (json.loads(headers[0])["lines"], lines) == (None, [])
