"""Fields that no declaration names are noticed once each, by the parse that a load needs anyway."""

from __future__ import annotations

import json
from typing import Any

import pytest

from loaders import new_fields, records
from loaders.dataset import DATASETS
from loaders.new_fields import MOST_FIELDS, FieldWatch
from loaders.records import Block, parse_block

LINE = {"sale_id": 9, "line_no": 1, "product_id": 88, "quantity": 2, "unit_price": "12.50", "discount": "0.00"}
LINES = DATASETS["sales_product"]
SALE = {"sale_id": 9, "customer_id": 5, "store_id": 7, "sold_at": "2026-11-20T10:15:04Z", "channel": "web"}
SALE |= {"payment_method": "card", "currency": "EUR"}


def parsed(watch: FieldWatch, *lines: dict[str, Any] | bytes) -> Block:
    text = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    return parse_block(LINES, text, 1, None, watch)


def seen(watch: FieldWatch) -> list[tuple[str, str, int]]:
    return [(one.field, one.json_type, one.line_no) for one in watch.take()]


def with_member(raw: bytes) -> bytes:
    """A line that fits, with one member more, byte for byte."""
    return json.dumps(LINE).encode()[:-1] + b"," + raw + b"}"


@pytest.mark.parametrize("piece_bytes", [1, 200, 10**9])
def test_a_new_field_is_noticed_once_with_its_type_and_its_first_line(
    monkeypatch: pytest.MonkeyPatch, piece_bytes: int
) -> None:
    monkeypatch.setattr(records, "_PIECE_BYTES", piece_bytes)
    watch = FieldWatch(LINES)
    block = parsed(watch, LINE, LINE | {"promo": "x"}, LINE | {"tax": {"rate": 1}}, LINE | {"promo": None, "no": [1]})
    assert (block.rows.height, block.rejections) == (4, [])
    expected = [("lines[].promo", "string", 2), ("lines[].tax", "object", 3), ("lines[].no", "array", 4)]
    assert seen(watch) == expected
    parsed(watch, LINE | {"tax": 1}, LINE | {"promo": 2})
    assert seen(watch) == []


def test_what_is_declared_or_known_is_not_new_and_needs_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    monkeypatch.setattr(FieldWatch, "look", lambda _, line_no, __: looks.append(line_no))
    block = parsed(FieldWatch(LINES, ["lines[].promo"]), *[LINE | {"promo": [1]}] * 3, LINE)
    assert (block.rows.height, looks) == (4, [])
    parsed(FieldWatch(LINES), LINE, LINE | {"promo": 1})
    assert looks == [2]


def test_a_new_field_costs_one_look_at_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, look = [], FieldWatch.look
    monkeypatch.setattr(FieldWatch, "look", lambda *given: (looks.append(given[1]), look(*given)))
    parsed(FieldWatch(LINES), LINE, *[LINE | {"promo": 1}] * 5, LINE | {"promo": 1, "tax": 2})
    assert looks == [2, 7]


def test_records_are_accepted_and_refused_as_without_a_watch() -> None:
    lines = [
        LINE | {"extra": 1},
        LINE | {"quantity": 0, "extra": 1},
        {**LINE, "sale_id": "9", "other": 2},
        {"renamed": 9, **{name: value for name, value in LINE.items() if name != "sale_id"}},
        b"{",
        b"",
        with_member(b'"deep":' + b"[" * 2_000 + b"]" * 2_000),
        with_member(b'"huge":1e400,"sale_id":7'),
    ]
    watch = FieldWatch(LINES)
    text = b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)
    block, plain = parsed(watch, *lines), parse_block(LINES, text, 1)
    assert block.rows.equals(plain.rows)
    assert block.rejections == plain.rejections
    found = {name for name, _, _ in seen(watch)}
    assert {"lines[].extra", "lines[].other", "lines[].renamed", "lines[].huge"} <= found


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        (b'"a\\"; drop table meta.load; --":1', 'lines[].a"; drop table meta.load; --'),
        (b'"\\u001b[31mred\\n":1', "lines[].\\u001b[31mred\\u000a"),
        (b'"\\u0000":1', "lines[].\\u0000"),
        ('"\u202egnp":1'.encode(), "lines[].\\u202egnp"),
        ('"größe":1'.encode(), "lines[].größe"),
        (b'"":1', "lines[]."),
        (b'"new_0":1', "lines[].new_0"),
        (b'"__class__":1', "lines[].__class__"),
        (b'"\xff\xfe":1', "lines[].(a name that is not text)"),
        (b'"' + b"n" * 70_000 + b'":1', f"lines[].{'n' * 120}… (70,000 characters)"),
    ],
)
def test_a_name_of_any_kind_is_noticed_once_and_safe_to_show(raw: bytes, field: str) -> None:
    watch = FieldWatch(LINES)
    block = parsed(watch, *[with_member(raw)] * 3, LINE)
    assert (block.rows.height, block.rejections) == (4, [])
    assert [name for name, _, _ in seen(watch)] == [field]
    again = FieldWatch(LINES, [field])
    assert parsed(again, with_member(raw)).rows.height == 1
    assert seen(again) == []


def test_a_source_that_invents_names_is_noticed_up_to_a_bound() -> None:
    watch = FieldWatch(LINES)
    block = parsed(watch, *(LINE | {f"junk{number}": 1, f"more{number}": 2} for number in range(3_000)))
    assert block.rows.height == 3_000
    assert len(watch.take()) == MOST_FIELDS
    assert watch.is_full
    watch = FieldWatch(LINES)
    parsed(watch, LINE | {f"junk{number}": 1 for number in range(3_000)})
    assert len(watch.take()) == MOST_FIELDS
    known = FieldWatch(LINES, [f"lines[].junk{number}" for number in range(MOST_FIELDS)])
    assert parsed(known, LINE | {"later": 1}).rows.height == 1
    assert seen(known) == []


def test_names_that_no_type_can_have_cost_a_bounded_number_of_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_fields, "MOST_LOOKS", 5)
    odd = LINE | {'a"b': 1}
    watch = FieldWatch(LINES)
    assert parsed(watch, *[odd] * 6, *[odd | {"late": 1}] * 2).rows.height == 8
    assert [name for name, _, _ in seen(watch)] == ['lines[].a"b']
    watch = FieldWatch(LINES)
    parsed(watch, *[odd] * 5, odd | {"late": 1})
    assert [name for name, _, _ in seen(watch)] == ['lines[].a"b', "lines[].late"]


def test_what_the_split_of_a_sale_adds_is_not_of_the_source() -> None:
    watch = FieldWatch(LINES)
    assert len(parsed(watch, {"sale_id": 9, "line": 5}).rejections) == 1
    assert seen(watch) == []
    header = FieldWatch(DATASETS["sales_customer"])
    text = json.dumps(SALE | {"lines": None}).encode() + b"\n" + json.dumps(SALE | {"gift": True}).encode() + b"\n"
    assert len(parse_block(DATASETS["sales_customer"], text, 1, None, header).rejections) == 1
    assert seen(header) == [("gift", "boolean", 2)]
