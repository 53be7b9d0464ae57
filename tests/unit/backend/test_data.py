"""The data set: deterministic, ordered, plausible, and the same wherever a page starts."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from backend.data import KEYS, BadCursor, DataSet
from backend.dataset.timeline import Timeline
from backend.settings import SourceSettings

START = datetime(2026, 11, 2, tzinfo=timezone.utc)


def data_set(days: float = 5, **changes: Any) -> DataSet:
    values = {"seed": 7, "start": START, "sales_per_hour": 20, "customers": 200, "products": 80} | changes
    return DataSet(SourceSettings(now=START + timedelta(days=days), **values))


def sales(data: DataSet) -> list[dict[str, Any]]:
    return [json.loads(item) for item in data.sales_page(None, 10**9, None).items]


def follow(page: Any, limit: int) -> list[str]:
    items, cursor = [], None
    while (found := page(cursor, limit)).items:
        items += found.items
        cursor = found.next_cursor
        if not found.has_more:
            break
    return items


@pytest.fixture(scope="module")
def data() -> DataSet:
    return data_set()


@pytest.fixture(scope="module")
def ledger(data: DataSet) -> list[dict[str, Any]]:
    return sales(data)


PROGRAM = """
import sys
from backend.data import DataSet
from backend.settings import SourceSettings
settings = SourceSettings(seed=7, start="2026-11-02T00:00:00Z", now="2026-11-07T00:00:00Z",
                          sales_per_hour=20, customers=200, products=80)
data = DataSet(settings)
sys.stdout.buffer.write(data.sales_page("100", 50, None).body() + data.listing_page("customers", None, 9).body())
"""


def test_the_newest_sale_is_looked_for_again_as_time_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    data = data_set()
    before, now = data.last_sale_id(), data.now()
    monkeypatch.setattr(data, "now", lambda: now + timedelta(days=1))
    assert data.last_sale_id() > before


def test_another_process_serves_the_same_bytes(data: DataSet) -> None:
    found = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, check=True).stdout
    assert found == data.sales_page("100", 50, None).body() + data.listing_page("customers", None, 9).body()


def test_a_sale_never_changes_however_far_the_clock_goes(data: DataSet) -> None:
    later = data_set(days=90)
    assert later.last_sale_id() > data.last_sale_id()
    first = data.sales_page(None, 10**9, None).items
    assert later.sales_page(None, len(first), None).items == first


def test_another_seed_is_another_data_set(data: DataSet) -> None:
    assert data_set(seed=8).sales_page(None, 5, None).items != data.sales_page(None, 5, None).items


@pytest.mark.parametrize("limit", [1, 7, 100, 5000])
def test_pages_of_any_size_put_together_are_the_whole(limit: int) -> None:
    data = data_set(days=0.5)
    whole = data.sales_page(None, 10**9, None).items
    assert follow(lambda cursor, size: data.sales_page(cursor, size, None), limit) == whole
    assert follow(partial(data.listing_page, "customers"), limit) == data.listing_page("customers", None, 10**9).items
    assert follow(partial(data.listing_page, "products"), limit) == data.listing_page("products", None, 10**9).items


def test_ids_have_no_holes_and_times_never_fall(ledger: list[dict[str, Any]]) -> None:
    assert [sale["sale_id"] for sale in ledger] == list(range(1, len(ledger) + 1))
    times = [sale["sold_at"] for sale in ledger]
    assert times == sorted(times)


def test_up_to_ends_a_page_and_says_whether_there_is_more(data: DataSet) -> None:
    page = data.sales_page("10", 100, 15)
    assert [json.loads(item)["sale_id"] for item in page.items] == [11, 12, 13, 14, 15]
    assert (page.has_more, page.next_cursor) == (False, "15")
    assert data.sales_page("10", 3, 15).has_more


def test_nothing_behind_the_end_is_an_empty_page_without_cursor(data: DataSet) -> None:
    page = data.sales_page(str(data.last_sale_id()), 10, None)
    assert (page.items, page.has_more, page.next_cursor) == ([], False, None)


@pytest.mark.parametrize("cursor", ["x", "-1", "1.0", "", " 1", "9" * 40, "٣"])
def test_a_cursor_that_was_never_given_out_is_refused(data: DataSet, cursor: str) -> None:
    with pytest.raises(BadCursor):
        data.sales_page(cursor, 10, None)
    with pytest.raises(BadCursor):
        data.listing_page("customers", cursor, 10)


def test_totals_are_the_sums_of_the_pages(data: DataSet, ledger: list[dict[str, Any]]) -> None:
    for after, up_to in ((0, None), (10, 400), (399, 400), (400, 399)):
        chosen = [sale for sale in ledger if after < sale["sale_id"] <= (up_to or 10**9)]
        lines = [line for sale in chosen for line in sale["lines"]]
        net = sum(
            (line["quantity"] * Decimal(line["unit_price"]) - Decimal(line["discount"]) for line in lines),
            Decimal(),
        )
        totals = data.totals(after, up_to)
        assert (totals.sales, totals.lines, totals.net_amount) == (len(chosen), len(lines), net)


def test_returns_take_back_an_earlier_sale_of_the_same_customer_exactly(ledger: list[dict[str, Any]]) -> None:
    def lines(sale: dict[str, Any], sign: int) -> list[tuple[Any, ...]]:
        return [
            (
                line["product_id"],
                sign * line["quantity"],
                line["unit_price"],
                sign * Decimal(line["discount"]),
            )
            for line in sale["lines"]
        ]

    returns = [sale for sale in ledger if sale["lines"][0]["quantity"] < 0]
    assert len(returns) > 10
    for sale in returns:
        earlier = [known for known in ledger[: sale["sale_id"] - 1] if known["customer_id"] == sale["customer_id"]]
        assert lines(sale, -1) in [lines(known, 1) for known in earlier]


def test_prices_are_those_in_force_when_sold(ledger: list[dict[str, Any]]) -> None:
    late = [sale for sale in sales(data_set(days=40)) if sale["lines"][0]["quantity"] > 0][-1]
    at = DataSet(
        SourceSettings(
            seed=7, start=START, sales_per_hour=20, customers=200, products=80,
            now=datetime.fromisoformat(late["sold_at"].replace("Z", "+00:00")),
        )
    )  # fmt: skip
    prices = {
        json.loads(item)["product_id"]: json.loads(item)["unit_price"]
        for item in at.listing_page("products", None, 999).items
    }
    assert all(prices[line["product_id"]] == line["unit_price"] for line in late["lines"])


def test_a_sale_names_only_customers_and_products_there_are_by_then(
    ledger: list[dict[str, Any]], data: DataSet
) -> None:
    signed_up = {
        record["customer_id"]: record["signed_up_at"]
        for record in map(json.loads, data.listing_page("customers", None, 10**9).items)
    }
    assert all(signed_up[sale["customer_id"]] <= sale["sold_at"] for sale in ledger)
    products = {json.loads(item)["product_id"] for item in data.listing_page("products", None, 10**9).items}
    assert {line["product_id"] for sale in ledger for line in sale["lines"]} <= products


def test_listings_are_ordered_by_change_and_hold_nothing_from_the_future(data: DataSet) -> None:
    for resource in ("customers", "products", "stores"):
        key = KEYS[resource]
        records = [json.loads(item) for item in data.listing_page(resource, None, 10**9).items]
        order = [(record["updated_at"], record[key]) for record in records]
        assert order == sorted(order)
        assert order[-1][0] <= "2026-11-07T00:00:00Z"


def test_a_change_comes_again_behind_the_cursor_and_only_what_changed() -> None:
    data = data_set(days=5)
    before = {json.loads(item)["customer_id"]: item for item in data.listing_page("customers", None, 10**9).items}
    cursor = data.listing_page("customers", None, 10**9).next_cursor
    data._fixed_now = START + timedelta(days=40)
    changed = data.listing_page("customers", cursor, 10**9).items
    after = {json.loads(item)["customer_id"]: item for item in data.listing_page("customers", None, 10**9).items}
    assert {json.loads(item)["customer_id"]: item for item in changed} == {
        key: item for key, item in after.items() if before.get(key) != item
    }
    assert changed


def test_customers_move_change_segment_and_leave_and_products_change_price_and_end() -> None:
    early, late = (data_set(days=days, customers=1_000) for days in (1, 400))
    was, now = (
        {
            json.loads(item)["customer_id"]: json.loads(item)
            for item in data.listing_page("customers", None, 10**9).items
        }
        for data in (early, late)
    )
    assert len(now) > len(was)
    for column in ("city", "segment", "is_deleted"):
        assert any(now[key][column] != was[key][column] for key in was), column
    assert all(now[key]["first_name"] == was[key]["first_name"] for key in was)
    was, now = (
        {json.loads(item)["product_id"]: json.loads(item) for item in data.listing_page("products", None, 10**9).items}
        for data in (early, late)
    )
    for column in ("unit_price", "is_active"):
        assert any(now[key][column] != was[key][column] for key in was), column
    assert all(Decimal(record["unit_cost"]) < Decimal(record["unit_price"]) for record in now.values())


@pytest.mark.parametrize(
    ("resource", "digest"),
    [
        ("sales", "117288c0b76e7f7c06cd18215d5d62e816093dee2da0b42172ce99633e749468"),
        ("customers", "1c3fffc04201d1b9e55d03efa87e8339ca7b23fb7d12d9e37742f03a5c0ef806"),
        ("products", "de370373c22983f5a8c725bbff03709240ba3af0ae138425fc13114cd27c3a14"),
        ("stores", "a6d18ef043fa5f67fedbc68e4436d0bf135be85a1aaaa590754f426e0bf45073"),
    ],
)
def test_the_data_set_of_a_seed_never_changes(resource: str, digest: str) -> None:
    """Whoever has loaded a part of it goes on with the rest: with other records, watermarks would point elsewhere."""
    data = data_set(days=60)
    page = data.sales_page(None, 10**9, None) if resource == "sales" else data.listing_page(resource, None, 10**9)
    assert hashlib.sha256("\n".join(page.items).encode()).hexdigest() == digest


@pytest.mark.parametrize(("cursor", "limit"), [(None, 100), ("17", 1), (str(10**12), 5)])
def test_a_body_is_one_json_document_with_a_record_a_line(data: DataSet, cursor: str | None, limit: int) -> None:
    page = data.sales_page(cursor, limit, None)
    said = json.loads(page.body())
    assert said["items"] == [json.loads(item) for item in page.items]
    assert said["count"] == len(said["items"]) == (0 if cursor == str(10**12) else limit)
    assert page.body().count(b"\n") == max(0, said["count"] - 1)


def test_stores_are_open_on_every_day_but_sunday() -> None:
    sold = [sale for sale in sales(data_set(days=14)) if sale["channel"] == "store"]
    days = {datetime.strptime(sale["sold_at"], "%Y-%m-%dT%H:%M:%S%z").isoweekday() for sale in sold}
    assert days == {1, 2, 3, 4, 5, 6}


def test_stores_are_closed_at_night_and_the_web_is_not(ledger: list[dict[str, Any]]) -> None:
    at = Counter((sale["channel"] == "store", int(sale["sold_at"][11:13])) for sale in ledger)
    assert not any(at[True, hour] for hour in (*range(8), *range(20, 24)))
    assert at[True, 17] > 0
    assert sum(at[False, hour] for hour in range(8)) > 0


def test_a_page_asks_the_timeline_for_no_more_than_its_own_sales(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    honest = Timeline.seconds

    def counting(self: Timeline, sale_ids: Any) -> Any:
        asked.append(len(sale_ids))
        return honest(self, sale_ids)

    monkeypatch.setattr(Timeline, "seconds", counting)
    for per_hour in (1_000, 100_000):
        data = data_set(days=4, sales_per_hour=per_hour)
        last = data.last_sale_id()
        asked.clear()
        data.sales_page(str(last - 100), 100, None)
        assert 100 < sum(asked) < 120  # each sale once for itself, a return once for the sale that it takes back


def test_the_default_is_some_fifty_thousand_sales_after_fourteen_months() -> None:
    settings = SourceSettings(now=datetime(2026, 11, 21, tzinfo=timezone.utc))
    assert 45_000 < DataSet(settings).last_sale_id() < 60_000


def test_an_average_hour_has_as_many_sales_as_was_asked_for() -> None:
    timeline = Timeline(start=START, sales_per_hour=1_000, seed=1)
    year = timedelta(days=365)
    assert 0.97 < timeline.count_until(START + year) / (365 * 24 * 1_000) < 1.03


def test_a_clock_before_the_start_is_an_empty_source() -> None:
    data = data_set(days=-1)
    assert data.last_sale_id() == 0
    assert data.sales_page(None, 10, None).items == []


def test_a_time_without_offset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_NOW", "2026-11-21T00:00:00")
    with pytest.raises(ValueError, match="needs an offset"):
        SourceSettings()


def test_several_keys_are_accepted_and_none_means_the_development_key() -> None:
    assert SourceSettings(api_key="a", api_keys="b, c").accepted_keys() == (b"a", b"b", b"c")
    assert SourceSettings().accepted_keys() == (b"retail-dev-key",)
