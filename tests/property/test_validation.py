"""The quick validation by column takes and refuses what a slow one, record by record, does; what it takes is exact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg2.extensions import connection

from loaders import records
from loaders.dataset import Dataset
from loaders.load_customers import CUSTOMERS
from loaders.load_products import PRODUCTS
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.records import parse_block
from loaders.silver import load
from medallion.settings import Settings
from tests.property import reference
from tests.property.strategies import (
    CODES,
    EDGES,
    amounts,
    any_text,
    any_value,
    encoded,
    integers,
    json_values,
    moments,
    often,
    storable_text,
)
from tests.property.warehouse import empty, land
from tests.queries import rows

DATASETS = {one.name: one for one in (CUSTOMERS, PRODUCTS, SALES_CUSTOMER, SALES_PRODUCT)}
_codes = st.sampled_from(CODES).map(encoded)
_flags = st.sampled_from(["true", "false", "True", "0", '"true"'])


def values_of(field: str) -> st.SearchStrategy[str]:
    """JSON for a field: of its kind mostly, at its edges often."""
    if field.endswith(("_id", "_no")) or field == "quantity":
        return often(integers)
    if field.endswith("_at"):
        return often(moments.map(encoded))
    if field in {"unit_price", "unit_cost", "discount"}:
        return often(amounts.map(encoded))
    if field in {"currency", "country"}:
        return often(_codes)
    return often(_flags if field.startswith("is_") else any_text.map(encoded))


FIT = {
    "text": st.just('"x"'),
    "_id": st.integers(1, 10**6).map(str),
    "_no": st.integers(1, 9).map(str),
    "_at": st.just('"2026-11-20T10:15:04Z"'),
    "quantity": st.just("2"),
    "unit_price": st.just('"12.50"'),
    "unit_cost": st.just('"12.5"'),
    "discount": st.just('"-0.50"'),
    "currency": st.just('"EUR"'),
    "country": st.just('"FR"'),
    "is_deleted": st.just("true"),
    "is_active": st.just("false"),
}  # fmt: skip


def fit_value_of(field: str) -> st.SearchStrategy[str]:
    return FIT.get(field, FIT.get(field[-3:], FIT["text"]))


@st.composite
def lines_of(draw: st.DrawFn, dataset: Dataset, key: int | None = None) -> bytes:
    """A record in which a few fields are drawn from everything a source may send, one twice, one not at all."""
    fields = list(dataset.columns)
    kept = {} if key is None else {fields[0]: st.just(str(key))}
    odd = draw(st.sets(st.sampled_from(fields), max_size=2)) - set(kept)
    strategies = {name: values_of(name) if name in odd else fit_value_of(name) for name in fields} | kept
    members = [(name, draw(strategy)) for name, strategy in strategies.items()]
    if draw(st.integers(0, 9)) == 0:
        members.remove(draw(st.sampled_from(members)))
    if draw(st.integers(0, 4)) == 0:
        members.insert(draw(st.integers(0, len(members))), draw(more_members(fields[-1])))
    space = draw(st.sampled_from(["", "", "", " ", "\t", "\r"]))
    pairs = f",{space}".join(f'"{name}"{space}:{value}' for name, value in members)
    return f"{{{space}{pairs}}}{space}".encode()


def more_members(known: str) -> st.SearchStrategy[tuple[str, str]]:
    """A member nobody knows, one that says that a header is none, or a known one a second time."""
    unknown = st.tuples(st.sampled_from(["lines", "extra", "Currency"]), st.one_of(any_value, json_values))
    return st.one_of(unknown, unknown, fit_value_of(known).map(lambda value: (known, value)))


_broken = st.one_of(
    st.binary(max_size=8).map(lambda line: line.replace(b"\n", b" ")),
    st.sampled_from([b"", b"{}", b"[]", b"null", b"7", b'"x"', b"{", b"\xef\xbb\xbf{}", b"{}{}", b'{"sale_id":1,}']),
)


@st.composite
def damaged(draw: st.DrawFn, dataset: Dataset) -> bytes:
    """A record with some of its bytes lost or altered."""
    line = bytearray(draw(lines_of(dataset)))
    at = draw(st.integers(0, len(line) - 1))
    line[at : at + draw(st.integers(1, 3))] = draw(st.binary(max_size=2)).replace(b"\n", b"")
    return bytes(line)


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Dataset, list[bytes]]:
    dataset = DATASETS[draw(st.sampled_from(sorted(DATASETS)))]
    line = st.one_of(lines_of(dataset), lines_of(dataset), lines_of(dataset), damaged(dataset), _broken)
    return dataset, draw(st.lists(line, min_size=1, max_size=8))


@given(drawn=blocks(), first=st.integers(1, 10**6), piece_bytes=st.sampled_from([1, 64, 300, 500_000]))
def test_columns_take_and_refuse_what_records_one_by_one_would(
    drawn: tuple[Dataset, list[bytes]], first: int, piece_bytes: int
) -> None:
    dataset, lines = drawn
    expected = [reference.read(dataset.name, line) for line in lines]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(records, "_PIECE_BYTES", piece_bytes)
        block = parse_block(dataset, b"".join(line + b"\n" for line in lines), first)
    refused = [(first + index, lines[index]) for index, one in enumerate(expected) if one is None]
    assert [(one.line_no, one.raw) for one in block.rejections] == refused
    assert block.rows.height == len(lines) - len(refused)
    assert all(one.reason for one in block.rejections)


FIELDS = [pytest.param(one, name, id=f"{one.name}.{name}") for one in DATASETS.values() for name in one.columns]
PLAIN = {
    "_id": "7",
    "_no": "7",
    "_at": '"2026-11-20T10:15:04Z"',
    "quantity": "7",
    "currency": '"EUR"',
    "country": '"FR"',
}
PLAIN |= dict.fromkeys(("unit_price", "unit_cost", "discount"), '"1.50"') | {"is_deleted": "false", "is_active": "true"}


@pytest.mark.parametrize(("dataset", "field"), FIELDS)
def test_every_edge_in_every_field_is_judged_as_by_the_reference(dataset: Dataset, field: str) -> None:
    plain = plain_members(dataset)
    lines = [line_of(plain | {field: edge}) for edge in EDGES]
    block = parse_block(dataset, b"".join(line + b"\n" for line in lines), 1)
    expected = [index for index, line in enumerate(lines, 1) if reference.read(dataset.name, line) is None]
    assert [one.line_no for one in block.rejections] == expected
    assert len(expected) < len(lines)


def plain_members(dataset: Dataset) -> dict[str, str]:
    return {name: PLAIN.get(name, PLAIN.get(name[-3:], '"x"')) for name in dataset.columns}


def line_of(members: dict[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


@st.composite
def records_under_one_key_each(draw: st.DrawFn) -> tuple[Dataset, list[bytes]]:
    """Lines that can be found again in Silver by their first member."""
    dataset = DATASETS[draw(st.sampled_from(sorted(DATASETS)))]
    count = draw(st.integers(1, 8))
    return dataset, [draw(lines_of(dataset, number)) for number in range(1, count + 1)]


def silver_expression(name: str) -> str:
    """Times as whole microseconds, since a driver's datetime has its own limits."""
    return f"(extract(epoch from {name}) * 1000000)::bigint" if name.endswith("_at") else name


def silver(conn: connection, dataset: Dataset) -> list[dict[str, Any]]:
    columns = ", ".join(map(silver_expression, dataset.columns))
    found = rows(conn, f"select {columns} from silver.{dataset.name} order by {dataset.key[0]}")
    return [dict(zip(dataset.columns, row, strict=True)) for row in found]


@given(drawn=records_under_one_key_each(), copies=st.integers(1, 2))
def test_what_is_taken_stands_in_silver_exactly_and_the_rest_is_set_aside(
    conn: connection, settings: Settings, drawn: tuple[Dataset, list[bytes]], copies: int
) -> None:
    """Once through the plain copy; twice, so that the merge has it too. No clock bounds what a version may say."""
    settings = settings.model_copy(update={"source_clock_tolerance_minutes": 1e12})
    empty(conn)
    dataset, lines = drawn
    expected = [one for line in lines if (one := reference.read(dataset.name, line)) is not None]
    for _ in range(copies):
        land(conn, settings, dataset.name, lines)
        load(dataset, conn, settings, run_id="load")
    assert silver(conn, dataset) == sorted(expected, key=lambda one: one[dataset.key[0]])
    aside = sorted(line for line in lines if reference.read(dataset.name, line) is None)
    found = sorted(bytes(raw) for (raw,) in rows(conn, "select raw from meta.rejected_record"))
    assert found == sorted(aside * copies)


@given(texts=st.lists(storable_text, min_size=1, max_size=12))
def test_any_text_that_can_be_stored_comes_through_to_the_letter(
    conn: connection, settings: Settings, texts: list[str]
) -> None:
    empty(conn)
    fit = {"customer_id": 1, "store_id": 1, "sold_at": "2026-11-20T10:00:00Z", "payment_method": "", "currency": "EUR"}
    records = [{"sale_id": number, "channel": text} | fit for number, text in enumerate(texts, 1)]
    for ensure_ascii in (True, False):
        lines = [json.dumps(one, ensure_ascii=ensure_ascii).encode() for one in records]
        land(conn, settings, "sales_customer", lines)
        load(SALES_CUSTOMER, conn, settings, run_id="load")
        found = rows(conn, "select sale_id, channel from silver.sales_customer order by sale_id")
        assert found == list(enumerate(texts, 1))


@pytest.mark.parametrize("half", [r"\ud800", r"\udc00", r"\ud800A"])
@pytest.mark.parametrize("member", ['"extra":"{}"', '"extra":["{}"]', '"lines":{{"a":"{}"}}', '"extra{}":1'])
def test_half_a_surrogate_pair_quarantines_a_record_wherever_it_stands(member: str, half: str) -> None:
    """Also in a member that Silver does not know: it is not a text, and not every reader of Bronze could read it."""
    dataset = DATASETS["customers"]
    whole, broken = (
        line_of(plain_members(dataset)).replace(b"{", b"{" + member.format(text).encode() + b",", 1)
        for text in (r"\ud83d\ude00", half)
    )
    block = parse_block(dataset, whole + b"\n" + broken + b"\n", 1)
    assert [one.raw for one in block.rejections] == [broken]
    assert (reference.read("customers", whole) is None, reference.read("customers", broken)) == (False, None)
