"""From the answer of the source to Bronze: each record byte for byte, and a sale divided without loss."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion.api.pages import decode_page, one_line
from ingestion.sales import divide_sales
from ingestion.split import split_sales
from tests.property.strategies import any_text, any_value, fit_sale, sale_lines, storable_text

_names = st.one_of(st.sampled_from(["lines", "sale_id", "line", "currency"]), st.text('ab"\\\u2028é', max_size=4))
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), any_text),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=6,
)
_spacing = st.sampled_from([{"separators": (",", ":")}, {}, {"indent": 1}, {"indent": "\t"}])


@st.composite
def odd_sales(draw: st.DrawFn) -> bytes:
    """A sale in any shape that is still one: members in any order, anything more beside them, any spacing."""
    more = draw(st.dictionaries(_names, _values, max_size=3))
    line = st.dictionaries(_names, _values, max_size=3)
    lines = draw(st.lists(st.one_of(line, _values), max_size=3))
    members = list((more | {"sale_id": draw(st.integers(1, 10**9)), "lines": lines}).items())
    text = json.dumps(dict(draw(st.permutations(members))), ensure_ascii=draw(st.booleans()), **draw(_spacing))
    return one_line(text.encode("utf-8", errors="surrogatepass"))  # as a page's records come


def joined(header: bytes, lines: list[bytes]) -> Any:
    """The sale again from its header and lines; None when it was not split."""
    sale = json.loads(header.decode("utf-8", errors="surrogatepass"))
    parts = [json.loads(line.decode("utf-8", errors="surrogatepass")) for line in lines]
    assert all(part["sale_id"] == sale["sale_id"] for part in parts)
    return sale | {"lines": [original(part) for part in parts]}


def original(part: dict[str, Any]) -> Any:
    """A line as it was: an id of its own stands beside the sale's, and what was no object is wrapped."""
    own = {"sale_id": part["line_sale_id"]} if "line_sale_id" in part else {}
    return {name: value for name, value in part.items() if name not in {"sale_id", "line_sale_id"}} | own


def was_an_object(sale: bytes) -> bool:
    return all(isinstance(line, dict) for line in json.loads(sale.decode("utf-8", errors="surrogatepass"))["lines"])


@given(sale=odd_sales())
def test_a_sale_of_any_shape_is_divided_without_loss_or_kept_whole(sale: bytes) -> None:
    (header,), lines = (
        part.text.removesuffix(b"\n").split(b"\n") if part.records else [] for part in split_sales([sale])
    )
    whole = json.loads(sale.decode("utf-8", errors="surrogatepass"))
    if "lines" in json.loads(header.decode("utf-8", errors="surrogatepass")):
        assert (header, lines) == (sale, [])
    elif was_an_object(sale):
        assert joined(header, lines) == whole
    else:
        assert len(lines) == len(whole["lines"])


# What a cut at the separators could be deceived by: they stand in texts, in deeper objects, as names.
_deceptive = st.recursive(
    st.sampled_from(["},{", ',"lines":[', "]}", "}]}", '{"', '"', "\\", "é", 7, None]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["lines", "sale_id", "},{", "a"]), inner, max_size=2),
    ),
    max_leaves=5,
)


@st.composite
def compact_sales(draw: st.DrawFn) -> bytes:
    """A sale of the shape that is cut a page at a time, or close to it."""
    more = draw(st.dictionaries(st.sampled_from(["note", "line", "sale_ids"]), _deceptive, max_size=2))
    line = st.dictionaries(st.sampled_from(["line_no", "a", "sale_id", "lines"]), _deceptive, max_size=3)
    members = {"sale_id": draw(st.integers(1, 99))} | more | {"lines": draw(st.lists(line, min_size=1, max_size=3))}
    return json.dumps(members, separators=(",", ":"), ensure_ascii=draw(st.booleans())).encode()


@st.composite
def repetitive_sales(draw: st.DrawFn) -> bytes:
    """A sale with more members in front, which may bear the names of those behind, spelled so or so, spaced or not."""
    name = st.sampled_from([b'"lines"', b'"sale_id"', b'"lin\\u0065s"', b'"sale\\u005fid"', b'"a"'])
    value = st.sampled_from([b"1", b"null", b"[1]", b' {"sale_id":2}', b'[{"lines":[]}]', b'"\\u00e9"'])
    members = draw(st.lists(st.tuples(name, value), max_size=2))
    front = b"".join(b"%s:%s," % member for member in members)
    line = b",".join(b"%s:%s" % member for member in draw(st.lists(st.tuples(name, value), min_size=1, max_size=2)))
    return b'{%s"sale_id":%d,"lines":[{%s}]}' % (front, draw(st.integers(1, 99)), line)


@given(sales=st.lists(st.one_of(compact_sales(), repetitive_sales(), odd_sales()), max_size=6), is_odd=st.booleans())
def test_a_page_of_sales_is_divided_as_each_of_them_alone(sales: list[bytes], is_odd: bool) -> None:
    sales = [*sales, b'{"sale_id":9,"lines":[]}'] if is_odd else sales  # beside which no sale goes the quick way
    alone = [split_sales([sale]) for sale in sales]
    headers, lines = split_sales(sales)
    assert headers.text == b"".join(part.text for part, _ in alone)
    assert lines.text == b"".join(part.text for _, part in alone)
    assert (headers.records, lines.records) == (len(sales), sum(part.records for _, part in alone))


@given(sale=compact_sales())
def test_a_compact_sale_is_divided_without_loss(sale: bytes) -> None:
    headers, lines = split_sales([sale])
    assert joined(headers.text, lines.text.splitlines()) == json.loads(sale)


@given(sales=st.lists(st.tuples(sale_lines, storable_text), min_size=1, max_size=5))
def test_the_money_of_a_page_is_the_money_of_its_lines(sales: list[tuple[Any, str]]) -> None:
    made = [fit_sale(number, prices, text) for number, (prices, text) in enumerate(sales, 1)]
    divided = divide_sales([json.dumps(one, separators=(",", ":")).encode() for one in made])
    found = [json.loads(line) for line in divided["sales_product"].text.splitlines()]
    expected = [line for one in made for line in one["lines"]]
    assert net(found) == net(expected)
    assert divided["sales_customer"].records == len(made)


def net(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(one["unit_price"]) * one["quantity"] - Decimal(one["discount"]) for one in lines), Decimal())


_records = st.dictionaries(st.text("abc", max_size=3), any_value, max_size=4).map(
    lambda members: ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()
)
_invalid = st.sampled_from([b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":NaN}', b'{"a":"\\ud800"}', b'{"a":1e999}'])


@given(
    records=st.lists(st.one_of(_records, _records, _invalid), max_size=6),
    has_more=st.booleans(),
    between=st.sampled_from([b",", b",\n", b" ,\r\n"]),
)
def test_records_of_a_page_come_out_byte_for_byte(records: list[bytes], has_more: bool, between: bytes) -> None:
    """Even such as are no strict JSON, as long as the page can be cut into records at all."""
    has_more = has_more and bool(records)
    members = (len(records), str(has_more).lower(), '"7"' if records else "null")
    envelope = '"count":{},"has_more":{},"next_cursor":{}'.format(*members)
    body = b'{"items":[' + between.join(records) + b"]," + envelope.encode() + b"}"
    try:
        page = decode_page(body)
    except ValueError:
        assert any(not cuttable(record) for record in records)
        return
    assert (page.items, page.has_more) == (records, has_more)


def cuttable(record: bytes) -> bool:
    """Whether Python's own tolerant reader can find the end of the record."""
    try:
        json.loads(record.decode("utf-8", errors="surrogateescape"), strict=False)
    except ValueError:
        return False
    return True
