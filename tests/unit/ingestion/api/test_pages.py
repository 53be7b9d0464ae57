"""An answer becomes records byte for byte, or is refused whole."""

from __future__ import annotations

import json

import pytest

from ingestion.api.pages import MOST_RECORDS, decode_page, decode_totals
from ingestion.record_ids import id_of_cursor
from medallion.errors import SourceViolation


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
def test_a_record_that_is_no_strict_json_does_not_stop_its_neighbors(odd: bytes) -> None:
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


@pytest.mark.parametrize("odd", [b"{}", b'{"a":"\\ud800"}'], ids=["strict", "tolerant"])
@pytest.mark.parametrize(
    "cursor",
    ["", "x" * 1_001, "x" * 70_000, "a\nb", "a\tb", "\x1b[2J", "\x00", "\ud800", "\u2028", "\u202e", "é", "\x7f"],
)
def test_a_cursor_that_is_not_short_and_printable_has_the_page_refused(cursor: str, odd: bytes) -> None:
    with pytest.raises(ValueError, match=r"next_cursor .* is none") as raised:
        decode_page(page(odd, count=1, next_cursor=json.dumps(cursor).encode()))
    assert str(raised.value).isprintable()
    with pytest.raises(ValueError, match="next_cursor"):
        decode_page(page(b"", count=0, next_cursor=json.dumps(cursor).encode()))


@pytest.mark.parametrize("cursor", ["x", "2026-11-20T10:00:00Z~9", "x" * 1_000, " ~", "[/]"])
def test_a_cursor_that_is_short_and_printable_is_kept_as_it_is(cursor: str) -> None:
    assert decode_page(page(b"{}", count=1, next_cursor=json.dumps(cursor).encode())).next_cursor == cursor


@pytest.mark.parametrize(("cursor", "number"), [("0", 0), ("7", 7), ("9223372036854775807", 2**63 - 1)])
def test_a_sales_cursor_is_an_id_that_postgres_can_hold(cursor: str, number: int) -> None:
    assert id_of_cursor("sales", cursor) == number


@pytest.mark.parametrize(
    "cursor",
    ["", "-1", "+1", "1.0", "\u00b2", "\u0661", "9223372036854775808", "1" * 20, "1" * 5_000, "1\n", " 1", "x"],
)
def test_any_other_sales_cursor_is_refused_in_words(cursor: str) -> None:
    with pytest.raises(SourceViolation, match="is no id") as raised:
        id_of_cursor("sales", cursor)
    assert raised.value.message.isprintable()


def test_more_records_than_a_page_may_hold_are_refused() -> None:
    with pytest.raises(ValueError, match="more than the 100,000"):
        decode_page(page(b",".join([b"{}"] * (MOST_RECORDS + 1)), count=MOST_RECORDS + 1))


DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def test_a_record_deeper_than_any_parser_goes_does_not_stop_its_neighbors() -> None:
    good = b'{"a":1}'
    assert decode_page(page(good + b"," + DEEP + b"," + good, count=3)).items == [good, DEEP, good]


@pytest.mark.parametrize("odd", [b'{"a":"\\ud800"}', b'{"a":NaN}', DEEP], ids=["surrogate", "NaN", "deep"])
@pytest.mark.parametrize(
    "wrong",
    [b"", b"1 2", b'{"a" 1}', b"{NaN:1}", b"1NaN", b"tru", b"'a'", b'"\\x"', b"[1,]", b"\x01", b"[}", b"{]", b"nul"],
)
def test_next_to_an_odd_record_what_is_no_json_still_has_the_page_refused(odd: bytes, wrong: bytes) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        decode_page(page(odd + b"," + wrong, count=2))


def test_of_members_of_a_page_that_come_twice_the_last_counts() -> None:
    odd = b'{"a":NaN}'
    twice = b'{"items":[{}],"it\\u0065ms":[%s,%s],"count":1,"count":2,"has_more":false,"next_cursor":"1"}' % (odd, odd)
    assert decode_page(twice).items == [odd, odd]


@pytest.mark.parametrize("amount", [b'"NaN"', b'"Infinity"', b'"-Infinity"', b'"1e999999999"', b"1e400"])
def test_control_totals_that_are_no_amount_are_refused(amount: bytes) -> None:
    with pytest.raises(SourceViolation, match="cannot be right"):
        decode_totals(b'{"sales":1,"lines":1,"net_amount":%s}' % amount)
