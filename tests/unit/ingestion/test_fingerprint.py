"""A record is known again by its values, however they are written; its checksum is that of the contract."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from ingestion.customers import CUSTOMERS
from ingestion.fingerprint import fingerprint, is_the_same
from ingestion.sales import SALES, divide_sales
from medallion.state.pull import SampleRecord
from quality.checksum import checksums_of
from tests.ledger_source import sale
from tests.listing_source import customer


def raw(record: dict[str, Any]) -> bytes:
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"sold_at": "2026-11-20T12:00:00.5+02:00", "channel": "é\u2028'"},
        {"lines": [{"line_no": 1, "product_id": 7, "quantity": -3, "unit_price": "12.5", "discount": "-0.00"}]},
        {"lines": []},
    ],
)
def test_the_checksum_of_a_sale_is_that_of_the_contract(changed: dict[str, Any]) -> None:
    record = raw(sale(4711, lines=3) | changed)
    found = fingerprint(SALES, record)
    assert found is not None
    parts = divide_sales([record])
    expected = [one for name, lines in parts.items() for one in checksums_of(name, lines.text.splitlines())]
    assert None not in expected
    assert found.checksum == sum(one or 0 for one in expected) % 2**60


def test_lines_and_amounts_are_added_up() -> None:
    found = fingerprint(SALES, raw(sale(1, lines=2)))
    assert found is not None
    assert (found.lines, found.net_amount) == (2, Decimal("49.00"))


@pytest.mark.parametrize(
    "record",
    [b"", b"[]", b"{", b'{"sale_id":"1"}', b'{"sale_id":0}', b'{"sale_id":1e30}', b'{"sale_id":true}', b"\xff"],
)
def test_what_has_no_readable_id_has_no_fingerprint(record: bytes) -> None:
    assert fingerprint(SALES, record) is None


@pytest.mark.parametrize("lines", [1, "x", None, [1], [{}], [{"quantity": "NaN", "unit_price": "1", "discount": "0"}]])
def test_lines_of_any_shape_raise_nothing(lines: object) -> None:
    assert fingerprint(SALES, raw(sale(1) | {"lines": lines})) is not None


def known(**changed: Any) -> SampleRecord:
    found = fingerprint(CUSTOMERS, raw(customer(1, "2026-10-01T00:00:00Z") | changed))
    assert found is not None
    return found


def test_a_later_version_that_keeps_what_lasts_is_the_same_record_and_another_person_is_not() -> None:
    later = {"updated_at": "2026-10-02T00:00:00Z"}
    assert is_the_same(CUSTOMERS, known(), known(city="Metz", **later))
    assert not is_the_same(CUSTOMERS, known(), known(signed_up_at="2020-01-01T00:00:00Z", **later))
    assert not is_the_same(CUSTOMERS, known(), known(city="Metz"))
