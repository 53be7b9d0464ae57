"""What fits a Silver table and what does not: the cases of tests/cases, one hazard a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loaders import records
from loaders.load_customers import CUSTOMERS
from loaders.load_sales_customers import SALES_CUSTOMER
from loaders.load_sales_products import SALES_PRODUCT
from loaders.records import parse_block

CASES = Path(__file__).parents[2] / "cases"
DATASETS = {dataset.name: dataset for dataset in (CUSTOMERS, SALES_CUSTOMER, SALES_PRODUCT)}
FIT: dict[str, dict[str, Any]] = {
    "customers": {
        "customer_id": 512,
        "first_name": "Ada",
        "last_name": "Byron",
        "email": "ada@example.org",
        "phone": "+33 1 00 00 00 00",
        "city": "Lyon",
        "region": "Auvergne-Rhône-Alpes",
        "country": "FR",
        "segment": "loyal",
        "signed_up_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-11-20T10:15:04Z",
        "is_deleted": False,
    },
    "sales_customer": {
        "sale_id": 9,
        "customer_id": 512,
        "store_id": 7,
        "sold_at": "2026-11-20T10:15:04Z",
        "channel": "store",
        "payment_method": "card",
        "currency": "EUR",
    },
    "sales_product": {
        "sale_id": 9,
        "line_no": 1,
        "product_id": 88,
        "quantity": 2,
        "unit_price": "12.50",
        "discount": "0.00",
    },
}


def read_cases() -> list[Any]:
    files = sorted(CASES.glob("*.jsonl"))
    assert files, f"no cases in {CASES}"
    return [
        pytest.param(*json.loads(line).values(), id=f"{file.stem}:{json.loads(line)['json']}")
        for file in files
        for line in file.read_text(encoding="utf-8").splitlines()
    ]


def line_with(dataset: str, field: str, raw: str) -> bytes:
    members = {name: json.dumps(value) for name, value in FIT[dataset].items()} | {field: raw}
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}").encode()


def fit_line(dataset: str) -> bytes:
    return json.dumps(FIT[dataset]).encode()


@pytest.mark.parametrize(("dataset", "field", "raw", "fit"), read_cases())
def test_a_value_is_taken_exactly_or_its_record_set_aside_alone(dataset: str, field: str, raw: str, fit: bool) -> None:
    line = line_with(dataset, field, raw)
    block = parse_block(DATASETS[dataset], fit_line(dataset) + b"\n" + line + b"\n" + fit_line(dataset) + b"\n", 1)
    assert block.rows.height == (3 if fit else 2)
    assert [(rejected.line_no, rejected.raw) for rejected in block.rejections] == ([] if fit else [(2, line)])


@pytest.mark.parametrize("dataset", sorted(DATASETS))
def test_every_column_is_required(dataset: str) -> None:
    for missing in FIT[dataset]:
        record = {name: value for name, value in FIT[dataset].items() if name != missing}
        (rejected,) = parse_block(DATASETS[dataset], json.dumps(record).encode() + b"\n", 1).rejections
        assert rejected.field == missing


def test_a_new_field_is_no_reason_to_refuse_a_record() -> None:
    assert parse_block(CUSTOMERS, line_with("customers", "loyalty_tier", '{"a":[1]}'), 1).rejections == []


def test_a_header_that_still_has_its_lines_is_refused() -> None:
    for raw in ("null", "[]", '"x"'):
        (rejected,) = parse_block(SALES_CUSTOMER, line_with("sales_customer", "lines", raw), 1).rejections
        assert rejected.field == "lines"


@pytest.mark.parametrize("line", [b"", b"7", b"[]", b"nonsense", b"{", b"\xff", b"\xef\xbb\xbf{}", b"{}{}"])
def test_a_line_that_is_no_record_is_refused_with_its_number(line: bytes) -> None:
    block = parse_block(SALES_PRODUCT, fit_line("sales_product") + b"\n" + line + b"\n", 41)
    assert [rejected.line_no for rejected in block.rejections] == [42]
    assert block.rows.height == 1


def test_a_rejection_says_field_and_rule() -> None:
    line = line_with("sales_product", "unit_price", '"free"')
    (rejected,) = parse_block(SALES_PRODUCT, line, 1).rejections
    assert rejected.field == "unit_price"
    assert rejected.reason == "unit_price: a decimal string, not negative, up to 10 digits and 2 decimals"


def test_of_two_equal_keys_in_a_record_the_last_counts_as_everywhere_in_json() -> None:
    line = fit_line("sales_product")[:-1] + b',"quantity":5}'
    assert parse_block(SALES_PRODUCT, line, 1).rows["quantity"].to_list() == [5]


def test_a_time_with_an_offset_is_moved_to_utc_exactly() -> None:
    line = line_with("sales_customer", "sold_at", '"2026-11-20T00:15:04.25+02:30"')
    rows = parse_block(SALES_CUSTOMER, line, 1).rows
    assert rows["sold_at"].to_list() == ["2026-11-19T21:45:04.250000+00:00"]


@pytest.mark.parametrize("end", [b"\n", b""])
@pytest.mark.parametrize("piece_bytes", [1, 150, 700, 10**9])
def test_a_block_is_sorted_the_same_by_pieces_of_any_size(
    monkeypatch: pytest.MonkeyPatch, piece_bytes: int, end: bytes
) -> None:
    monkeypatch.setattr(records, "_PIECE_BYTES", piece_bytes)
    lines = [line_with("sales_product", "line_no", str(number)) for number in range(1, 31)]
    lines[3] = b'{"sale_id":9'  # no JSON
    lines[17] = line_with("sales_product", "quantity", "0")  # breaks a rule of the column
    lines[18] = b""
    lines[29] = line_with("sales_product", "sale_id", '"9"')  # another type
    block = parse_block(SALES_PRODUCT, b"\n".join(lines) + end, 101)
    assert [(refused.line_no, refused.raw) for refused in block.rejections] == [
        (101 + at, lines[at]) for at in (3, 17, 18, 29)
    ]
    assert block.rows["line_no"].to_list() == [at + 1 for at in range(30) if at not in (3, 17, 18, 29)]
