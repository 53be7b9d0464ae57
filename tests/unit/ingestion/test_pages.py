"""An answer becomes records byte for byte, or is refused whole."""

from __future__ import annotations

import pytest

from ingestion.pages import decode_page


def page(items: bytes, *, count: int, has_more: bytes = b"false", next_cursor: bytes = b'"7"') -> bytes:
    return b'{"items":[%s],"count":%d,"has_more":%s,"next_cursor":%s}' % (items, count, has_more, next_cursor)


def test_records_come_out_byte_for_byte() -> None:
    records = [b'{"a":1.10,"b":"\\u00e9"}', '{"b":"é","a":1e2}'.encode(), b'{"z":{"y":[1,2]}}']
    assert decode_page(page(b",".join(records), count=3)).items == records


def test_spaces_and_line_breaks_between_tokens_never_reach_a_line() -> None:
    body = page(b'{\n  "a": 1.50,\r\n  "b": "x y"\n}', count=1)
    assert decode_page(body).items == [b'{"a":1.50,"b":"x y"}']


def test_a_line_separator_inside_a_text_stays_where_it_is() -> None:
    record = '{"a":"x\u2028y"}'.encode()
    assert decode_page(page(record, count=1)).items == [record]


@pytest.mark.parametrize(
    "odd",
    [
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"tab\there"}',
    ],
)
def test_a_record_that_is_no_strict_json_does_not_stop_its_neighbours(odd: bytes) -> None:
    good = b'{"a":1}'
    assert decode_page(page(good + b"," + odd + b"," + good, count=3)).items == [good, odd, good]


def test_bytes_that_are_no_utf8_pass_unchanged() -> None:
    record = b'{"a":"\xff\xfe"}'
    assert decode_page(page(record, count=1)).items == [record]
    odd = b'{"a":"\xff","b":"\\ud800"}'
    assert decode_page(page(odd, count=1)).items == [odd]


def test_an_empty_page_has_no_cursor() -> None:
    found = decode_page(page(b"", count=0, next_cursor=b"null"))
    assert (found.items, found.has_more, found.next_cursor) == ([], False, None)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (page(b'{"a":1}', count=2), "count says 2 records, 1 came"),
        (page(b'{"a":1}', count=1, next_cursor=b"null"), "next_cursor is null"),
        (page(b"", count=0, has_more=b"true"), "has_more is true on a page without records"),
        (b'{"items":[{"a":1}],"count":1}', "not a page"),
        (b'{"items":{"a":1},"count":1,"has_more":false,"next_cursor":"1"}', "not a page"),
        (b"", "not JSON"),
        (b"<html>Sign in</html>", "not JSON"),
        (page(b'{"a":1}', count=1)[:-9], "not JSON"),
        (page(b'{"a":1}', count=1) + b"x", "not JSON"),
        (b"[" * 100_000, "not a page"),
        (b'{"items":' + b"[" * 100_000, "not JSON"),
    ],
)
def test_what_is_no_whole_page_is_refused_with_the_rule_it_breaks(body: bytes, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        decode_page(body)
