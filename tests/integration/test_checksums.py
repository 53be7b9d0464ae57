"""One checksum, three implementations: the source's, Silver's in SQL, and that of records as they came."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import httpx
import polars as pl
import pytest
from psycopg2.extensions import connection

from backend.dataset import checksum as backend_checksum
from backend.dataset.products import Products
from backend.settings import SourceSettings
from loaders.dataset import Dataset
from loaders.load_all_silver import load_all_silver
from loaders.rejects import DATASETS
from medallion.settings import Settings
from quality.checksum import MODULUS, record_checksum, record_checksums, text_checksum, total_of
from tests.conftest import KEY, NOON, Source
from tests.pipeline import hour
from tests.property.warehouse import land
from tests.queries import rows

CUSTOMER = {
    "customer_id": 1,
    "first_name": "Zoë",
    "last_name": 'O\'Neill \\ "quoted"',
    "email": "",
    "phone": "a\u2028b\tc",
    "city": "e\u0301",
    "region": "\U0001f600",
    "country": "FR",
    "segment": "new",
    "signed_up_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "is_deleted": False,
}
PRODUCT = {
    "product_id": 1,
    "sku": "1",
    "name": "n",
    "category": "c",
    "subcategory": "s",
    "brand": "b",
    "unit_price": "12.50",
    "unit_cost": "0",
    "currency": "EUR",
    "is_active": True,
    "updated_at": "2026-01-01T00:00:00Z",
}
HEADER = {
    "sale_id": 1,
    "customer_id": 1,
    "store_id": 1,
    "sold_at": "2026-01-01T00:00:00Z",
    "channel": "web",
    "payment_method": "card",
    "currency": "EUR",
}
LINE = {"sale_id": 1, "line_no": 1, "product_id": 1, "quantity": 1, "unit_price": "1.00", "discount": "0.00"}
STORE = {
    "store_id": 1,
    "name": "n",
    "format": "f",
    "city": "c",
    "region": "r",
    "country": "FR",
    "currency": "EUR",
    "opened_at": "2020-01-01T00:00:00Z",
    "is_active": True,
    "updated_at": "2026-01-01T00:00:00Z",
}
TIMES = (
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00-14:00",
    "9999-12-31T23:59:59.999999Z",
    "2026-03-29T02:30:00.5+01:00",
    "2026-10-25T02:30:00.000001-00:00",
    "2024-02-29T12:00:00.100Z",
)
AMOUNTS = ("12.5", "0012.50", "-0.00", "-0", "9999999999.99", "-9999999999.9", "0.05", "-0.05", "7")


def sane(time: str) -> str:
    """A version in the future is set aside, whatever else the record says."""
    return "2026-01-01T00:00:00Z" if time.startswith("9999") else time


STRANGE: list[tuple[str, dict[str, Any]]] = [
    *(("customers", CUSTOMER | {"updated_at": sane(time), "signed_up_at": time, "is_deleted": True}) for time in TIMES),
    *(("sales_customer", HEADER | {"sold_at": time, "store_id": 2**31 - 1}) for time in TIMES),
    *(("sales_product", LINE | {"discount": amount, "quantity": -(2**31)}) for amount in AMOUNTS),
    *(("products", PRODUCT | {"unit_cost": one.lstrip("-"), "is_active": False}) for one in AMOUNTS),
    ("sales_customer", HEADER | {"sale_id": 2**63 - 1, "customer_id": 2**63 - 1, "channel": "\u001f", "extra": [1]}),
]


def of_silver(conn: connection, dataset: str) -> int:
    statement = f"select coalesce(sum(meta.{dataset}_checksum(row)), 0) % {MODULUS} from silver.{dataset} as row"
    return int(rows(conn, statement)[0][0])


@pytest.mark.parametrize(("name", "record"), STRANGE)
def test_a_strange_but_valid_record_has_the_same_checksum_in_python_and_in_silver(
    conn: connection, settings: Settings, name: str, record: dict[str, Any]
) -> None:
    raw = json.dumps(record).encode()
    land(conn, settings, name, [raw])
    load_all_silver(conn, settings, run_id="r")
    checksum = record_checksum(DATASETS[name], raw)
    assert checksum is not None
    assert of_silver(conn, name) == checksum


def test_spellings_of_one_value_have_one_checksum_and_another_value_has_another() -> None:
    def of(**changes: Any) -> int | None:
        return record_checksum(DATASETS["sales_product"], json.dumps(LINE | changes).encode())

    assert of(discount="0.00") == of(discount="-0.0") == of(discount="0") == of(unit_price="01.0", extra=None)
    assert of(discount="0.01") != of(discount="0.00") != of(discount="-0.01")


def test_the_formula_is_the_one_of_the_contract() -> None:
    """Computed by hand: md5 of the fields with U+001F between them, its first 15 digits."""
    import hashlib

    text = "1|1|1|1|1.00|0.00".replace("|", "\x1f")
    by_hand = int(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:15], 16)
    assert record_checksum(DATASETS["sales_product"], json.dumps(LINE).encode()) == by_hand


@pytest.mark.parametrize("raw", [b"", b"{}", b"\xff", b'{"sale_id":1}', b"[" * 5000, json.dumps(HEADER).encode()])
def test_an_unreadable_record_has_no_checksum_and_does_not_disturb_the_others(raw: bytes) -> None:
    good = json.dumps(LINE).encode()
    of = record_checksums(DATASETS["sales_product"], [good, raw, good])
    assert of[0] is not None
    assert of == [of[0], None, of[0]]


def test_a_record_over_several_lines_has_the_checksum_of_one_on_a_single_line() -> None:
    dataset = DATASETS["sales_product"]
    assert record_checksum(dataset, json.dumps(LINE, indent=1).encode()) == record_checksum(
        dataset, json.dumps(LINE).encode()
    )


def test_the_source_computes_strange_values_as_python_does() -> None:
    seconds = [int(datetime(1, 1, 1, tzinfo=timezone.utc).timestamp()), 0, 253402300799]
    frame = pl.DataFrame(
        {
            "product_id": [1, 2, 2**62],
            **{name: ["é", "\U0001f600", 'a"b\\'] for name in ("sku", "name", "category", "subcategory", "brand")},
            "unit_price": [1250, 5, 999_999_999_999],
            "unit_cost": [0, 100, 10],
            "currency": ["EUR"] * 3,
            "is_active": [True, False, True],
            "updated_at": seconds,
        }
    )
    raws = [
        json.dumps(
            PRODUCT
            | row
            | {name: f"{row[name] // 100}.{row[name] % 100:02}" for name in ("unit_price", "unit_cost")}
            | {"updated_at": _written(row["updated_at"])}
        ).encode()
        for row in frame.to_dicts()
    ]
    ours = record_checksums(DATASETS["products"], raws)
    products = Products(SourceSettings()).listing()
    assert None not in ours
    assert backend_checksum.checksum(frame, products.checksum_fields) == total_of(filter(None, ours))
    lines = pl.DataFrame({"sale_id": [1], "line_no": [1], "product_id": [1], "quantity": [-1]}).with_columns(
        pl.lit(-5).alias("unit_price"), pl.lit(-1250).alias("discount")
    )
    text = backend_checksum.checksum(lines, backend_checksum.FIELDS["lines"])
    assert text == text_checksum("1|1|1|-1|-0.05|-12.50".replace("|", "\x1f"))


def _written(seconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)).isoformat()


def totals(source: Source, resource: str, **params: Any) -> dict[str, Any]:
    answer = httpx.get(f"{source.url}/{resource}/totals", params=params, headers={"X-API-Key": KEY})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_sources_totals_and_silver_agree_over_all_records(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    for resource in ("customers", "products", "stores"):
        told = totals(source, resource)
        assert (told["count"], int(told["checksum"])) == (
            rows(conn, f"select count(*) from silver.{resource}")[0][0],
            of_silver(conn, resource),
        )
    told = totals(source, "sales")
    assert int(told["checksum"]) == total_of([of_silver(conn, "sales_customer"), of_silver(conn, "sales_product")])


def test_totals_of_parts_add_up_to_those_of_the_whole(source: Source) -> None:
    for resource in ("customers", "products", "stores", "sales"):
        whole = totals(source, resource)
        parts = [totals(source, resource, up_to=40), totals(source, resource, after=40)]
        assert total_of(int(part["checksum"]) for part in parts) == int(whole["checksum"])
        counted = "sales" if resource == "sales" else "count"
        assert sum(part[counted] for part in parts) == whole[counted]


def test_totals_by_moments_begin_after_the_first_and_end_with_the_second(source: Source) -> None:
    listed = source.data.listing_page("customers", None, 5_000).items
    moments = sorted({json.loads(item)["updated_at"] for item in listed})
    cut = moments[len(moments) // 2]
    up_to_it = sum(json.loads(item)["updated_at"] <= cut for item in listed)
    assert totals(source, "customers", updated_up_to=cut)["count"] == up_to_it
    assert totals(source, "customers", updated_after=cut)["count"] == len(listed) - up_to_it
    between = (datetime.fromisoformat(cut.replace("Z", "+00:00")) + timedelta(microseconds=1)).isoformat()
    assert totals(source, "customers", updated_after=between)["count"] == len(listed) - up_to_it
    just_before = (datetime.fromisoformat(cut.replace("Z", "+00:00")) - timedelta(microseconds=1)).isoformat()
    assert totals(source, "customers", updated_up_to=just_before)["count"] < up_to_it


def test_totals_of_a_listing_follow_the_clock_and_refuse_a_moment_without_offset(source: Source) -> None:
    before = totals(source, "customers")
    source.set_clock(NOON + timedelta(days=60))
    assert totals(source, "customers") != before
    answer = httpx.get(
        f"{source.url}/products/totals",
        params={"updated_after": "2026-01-01T00:00:00"},
        headers={"X-API-Key": KEY},
    )
    assert answer.status_code == 422


def test_totals_need_a_key_and_ids_that_can_be(source: Source) -> None:
    assert httpx.get(f"{source.url}/customers/totals").status_code == 401
    for params in ({"after": "-1"}, {"up_to": str(2**63)}):
        answer = httpx.get(f"{source.url}/products/totals", params=params, headers={"X-API-Key": KEY})
        assert answer.status_code == 422


def test_a_datasets_columns_are_all_in_its_checksum() -> None:
    """Another value in any column gives another checksum."""
    samples: dict[str, dict[str, Any]] = {
        "customers": CUSTOMER,
        "products": PRODUCT,
        "sales_customer": HEADER,
        "sales_product": LINE,
        "stores": STORE,
    }
    for name, dataset in DATASETS.items():
        if dataset.is_delivered:  # no source gives checksums of these
            continue
        base = record_checksum(dataset, json.dumps(samples[name]).encode())
        for column in dataset.columns:
            changed = samples[name] | {column: _another(dataset, samples[name][column], column)}
            assert record_checksum(dataset, json.dumps(changed).encode()) not in (base, None), (name, column)


def _another(dataset: Dataset, value: Any, column: str) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return {"country": "DE", "currency": "USD", "unit_price": "3.00", "unit_cost": "3.00", "discount": "3.00"}.get(
        column, "2025-01-01T00:00:00Z" if column.endswith("_at") else value + "x"
    )
