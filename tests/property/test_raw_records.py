"""Whatever bytes stand where a record should: a pull ends well or with an error of ours, and takes all or nothing.

The page around the records is sound, unless its cursor is the odd thing; the records are as a source may send them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.api.pages import decode_page
from ingestion.api.tolerant import cut_page
from ingestion.collector import collect
from ingestion.customers import CUSTOMERS
from ingestion.entity import Entity
from ingestion.sales import SALES
from loaders.load_customers import CUSTOMERS as SILVER_CUSTOMERS
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.silver import load
from medallion.errors import RetailError
from medallion.settings import Settings
from tests.property.strategies import EDGES, any_value
from tests.property.warehouse import empty
from tests.queries import rows

JSON = {"content-type": "application/json"}
DEEP = b"[" * 3_000 + b"]" * 3_000
DIGITS = b"9" * 5_000

_edges = st.sampled_from([one.encode("utf-8", "surrogatepass") for one in EDGES if len(one) < 1_000])
_values = st.one_of(
    any_value.map(lambda one: one.encode("utf-8", "surrogatepass")),
    _edges,
    st.sampled_from([DEEP, DIGITS, b"-" + DIGITS, b"1e" + DIGITS, b'"\xff"', b'"a\tb\nc"', b'"2026-11-20T10:00:00"']),
)
_ids = st.one_of(st.integers(1, 40).map(lambda one: b"%d" % one), _values)
_names = st.sampled_from(
    [
        b"sale_id",
        b"lines",
        b"sold_at",
        b"customer_id",
        b"updated_at",
        b"line_no",
        b"sale\\u005fid",
        b"lin\\u0065s",
        b"a",
    ]
)
_members = st.lists(st.tuples(_names, _values), max_size=4).map(
    lambda members: b",".join(b'"%s":%s' % member for member in members)
)
_objects = st.builds(
    lambda number, members, lines: b'{"sale_id":%s,%s"lines":%s}' % (number, members + b"," if members else b"", lines),
    _ids,
    _members,
    st.one_of(
        _values,
        st.lists(_members.map(lambda one: b"{%s}" % one), max_size=3).map(lambda all_: b"[%s]" % b",".join(all_)),
    ),
)
records = st.one_of(_objects, _objects, _members.map(lambda one: b"{%s}" % one), _values, st.binary(max_size=20))
cursors = st.one_of(
    st.integers(1, 60).map(str), st.sampled_from(["9" * 5_000, str(2**63), "", "[/]", "\x00", "\ud800"])
)


class OnePage(httpx.BaseTransport):
    """Has one page of records, up to a cursor, and nothing after it."""

    def __init__(self, items: Sequence[bytes], cursor: str) -> None:
        told = (b",".join(items), len(items), json.dumps(cursor if items else None).encode())
        self.body = b'{"items":[%s],"count":%d,"has_more":false,"next_cursor":%s}' % told
        self._cursor = cursor
        self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        if request.url.path.endswith("totals"):
            return httpx.Response(404)
        is_behind = request.url.params.get("cursor") == self._cursor
        nothing = b'{"items":[],"count":0,"has_more":false,"next_cursor":null}'
        return httpx.Response(200, headers=JSON, content=nothing if is_behind else self.body)


def is_json(text: bytes) -> bool:
    """By the tolerant rules of the standard library, but for how deep and how long a number may be."""
    try:
        json.loads(text.decode("utf-8", "surrogateescape"), strict=False, parse_int=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True


def landed(conn: connection, settings: Settings, dataset: str) -> list[bytes]:
    """The lines of its receipted files."""
    paths = rows(conn, f"select path from meta.bronze_file where dataset = '{dataset}' order by path")
    found = [
        line for (path,) in paths for line in (Path(settings.bronze_location) / path).read_bytes().split(b"\n")[:-1]
    ]
    receipted = rows(conn, f"select coalesce(sum(records), 0) from meta.bronze_file where dataset = '{dataset}'")
    assert receipted == [(len(found),)]
    return found


def pull(conn: connection, settings: Settings, entity: Entity, source: OnePage) -> RetailError | None:
    """One pull; an error that is none of ours is raised."""
    impatient = settings.model_copy(update={"source_retry_attempts": 1})
    try:
        collect(entity, conn, impatient, run_id="raw", client=SourceClient(impatient, transport=source))
    except RetailError as error:
        return error
    return None


@given(items=st.lists(records, max_size=5), cursor=cursors)
@example(items=[b'{"sale_id":1,"lines":' + DEEP + b"}"], cursor="1")
@example(items=[b'{"sale_id":' + DIGITS + b',"lines":[]}'], cursor="1")
@example(
    items=[b'{"sale_id":1,"lines":[{"a":"\\ud800"}]}', b'{"sale_id":3,"sold_at":"2026-11-20T10:00:00","lines":[]}'],
    cursor="3",
)
@pytest.mark.parametrize("entity", [SALES, CUSTOMERS], ids=lambda entity: entity.name)
def test_whatever_bytes_a_record_holds_a_pull_raises_nothing_but_our_errors(
    conn: connection, settings: Settings, entity: Entity, items: list[bytes], cursor: str
) -> None:
    empty(conn)
    source = OnePage(items, cursor)
    first = pull(conn, settings, entity, source)
    again = pull(conn, settings, entity, source)
    assert source.asked >= 1
    found = landed(conn, settings, entity.datasets[0])
    cut = decode_page(source.body).items if first is None else []
    assert len(found) == len(cut)
    assert first is not None or entity is SALES or again is None
    for dataset in (SILVER_CUSTOMERS, SALES_CUSTOMER, SALES_PRODUCT):
        with suppress(RetailError):
            load(dataset, conn, settings, run_id="raw")


@given(items=st.lists(records, max_size=5))
def test_every_record_of_a_whole_page_lands_and_none_stops_another(
    conn: connection, settings: Settings, items: list[bytes]
) -> None:
    empty(conn)
    source = OnePage(items, "7")
    error = pull(conn, settings, CUSTOMERS, source)
    if is_json(source.body) and all(map(is_json, items)):
        assert error is None
        assert len(landed(conn, settings, "customers")) == len(items)
    else:
        assert error is not None or decode_page(source.body)
    assert b"\n" not in b"".join(landed(conn, settings, "customers"))


_pieces = st.sampled_from(
    [b"{", b"}", b"[", b"]", b",", b":", b'"', b'"', b"\\", b'\\"', b"\\\\", b'"a"', b'"a":', b"1", b"0", b"-", b".5",
     b"e1", b"NaN", b"-Infinity", b"Infinity", b"Na", b"\\ud800", b"\\uDFFF", b"\\u00", b"\\n", b"41", b"true", b"nul",
     b"null", b"\n", b"\t", b"\r", b"\x01", b"\x7f", b"\xff", b" ", b"x", b'"items":[', b"{}", b"[]"]
)  # fmt: skip
soup = st.one_of(st.lists(_pieces, max_size=12).map(b"".join), records)


@given(
    items=st.lists(soup, min_size=1, max_size=4),
    around=st.sampled_from([b"", b'"a":NaN,', b'"items":[NaN,2],', b" \n"]),
)
def test_the_slow_way_cuts_what_the_standard_library_reads_and_nothing_else(items: list[bytes], around: bytes) -> None:
    body = b'{%s"items":[%s],"b":"\\ud800"}' % (around, b",".join(items))
    try:
        expected = json.loads(body.decode("utf-8", "surrogateescape"), strict=False, parse_int=str)
    except RecursionError:
        return
    except ValueError:
        expected = None
    try:
        found, rest = cut_page(body, most=100)
    except ValueError:
        assert not isinstance(expected, dict) or not isinstance(expected.get("items"), list)
        return
    assert expected is not None
    assert [read(one) for one in found] == [read_again(one) for one in expected["items"]]
    assert all(one in body for one in found)
    assert rest["b"] == expected["b"]


def read(record: bytes) -> str:
    return read_again(json.loads(record.decode("utf-8", "surrogateescape"), strict=False, parse_int=str))


def read_again(value: object) -> str:
    """As text: NaN is not equal to itself."""
    return repr(value)
