"""Another source behind the same address stops the entity before anything is written; one withdrawn sale does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from psycopg2.extensions import connection

from ingestion.customers import collect_customers
from ingestion.identity import accept_source
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.errors import SourceViolation
from medallion.settings import Settings
from tests.conftest import Source, serving
from tests.ledger_source import LedgerSource, sale
from tests.listing_source import ListingSource, customer
from tests.queries import rows

LOADS = "select count(*) from meta.bronze_file"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def at(settings: Settings, stack: ExitStack, source: Any) -> Settings:
    return settings.model_copy(update={"source_api_url": stack.enter_context(serving(source.app))})


def hour(conn: connection, chosen: Settings, **options: Any) -> None:
    collect_sales(conn, chosen, run_id="hour", **options)
    load_all_silver(conn, chosen, run_id="hour")


def other_sales(*, price: str = "99.00", customer_id: int | None = None) -> LedgerSource:
    other = LedgerSource()
    other.commit_all(range(1, 61))
    for number, one in other.sales.items():
        one["customer_id"] = customer_id or one["customer_id"]
        one["lines"][0]["unit_price"] = price
        del number
    return other


@pytest.mark.parametrize("full_refresh", [False, True])
@pytest.mark.parametrize("other", [other_sales(), other_sales(price="12.50", customer_id=4711)], ids=["price", "who"])
def test_another_source_with_the_same_sale_ids_is_refused_and_nothing_written(
    conn: connection, settings: Settings, stack: ExitStack, other: LedgerSource, full_refresh: bool
) -> None:
    ledger = LedgerSource()
    ledger.commit_all(range(1, 51))
    first = at(settings, stack, ledger)
    hour(conn, first)
    second = at(settings, stack, other)
    with pytest.raises(SourceViolation, match="does not know the records at the watermark 50") as refused:
        hour(conn, second, full_refresh=full_refresh)
    assert "./retail accept-source sales" in refused.value.remedy
    assert rows(conn, LOADS) == [(2,)]
    hour(conn, first)
    accept_source(conn, ["sales"])
    hour(conn, second)
    assert rows(conn, "select count(*) from silver.sales_customer") == [(60,)]


def test_a_source_without_totals_is_known_again_by_its_records(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    ledger, other = LedgerSource(), other_sales()
    for one in (ledger, other):
        one.app.router.routes = [route for route in one.app.router.routes if "totals" not in getattr(route, "path", "")]
    ledger.commit_all(range(1, 51))
    first, second = at(settings, stack, ledger), at(settings, stack, other)
    hour(conn, first)
    hour(conn, first)
    with pytest.raises(SourceViolation, match="does not know"):
        hour(conn, second)


@pytest.mark.parametrize("quiet", [True, False])
def test_a_withdrawn_sale_at_the_watermark_is_no_other_source(
    conn: connection, settings: Settings, stack: ExitStack, quiet: bool
) -> None:
    ledger = LedgerSource()
    ledger.commit_all(range(1, 6))
    chosen = at(settings, stack, ledger)
    hour(conn, chosen)
    del ledger.sales[5]
    if not quiet:
        ledger.commit(6)
    hour(conn, chosen)
    hour(conn, chosen, full_refresh=True)
    ledger.commit(7)
    hour(conn, chosen)
    assert {1, 2, 3, 4, 5, 7} <= {row[0] for row in rows(conn, "select sale_id from silver.sales_customer")}


def test_a_source_that_adds_members_or_writes_values_otherwise_stays_the_same(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    ledger = LedgerSource()
    ledger.commit_all(range(1, 21))
    chosen = at(settings, stack, ledger)
    hour(conn, chosen)
    for number, one in ledger.sales.items():
        line = {**one["lines"][0], "unit_price": "12.500", "discount": "0.5"}
        moved = {"sold_at": one["sold_at"].replace("Z", "+00:00"), "till": 7}
        ledger.sales[number] = dict(reversed(list(one.items()))) | moved | {"lines": [line]}
    ledger.commit(21)
    hour(conn, chosen)
    assert rows(conn, "select count(*) from silver.sales_customer") == [(21,)]


def test_a_source_that_names_itself_otherwise_is_refused_whatever_its_records(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    ledger = LedgerSource()
    ledger.commit_all(range(1, 21))
    ledger.source_id = "tills-of-lyon"
    chosen = at(settings, stack, ledger)
    hour(conn, chosen)
    ledger.source_id = "tills-of-paris"
    ledger.commit(21)
    with pytest.raises(SourceViolation, match=r"names itself 'tills-of-paris'.*came from 'tills-of-lyon'"):
        hour(conn, chosen)
    assert rows(conn, LOADS) == [(2,)]
    accept_source(conn, ["sales"])
    hour(conn, chosen)
    assert rows(conn, "select source_id from meta.source_identity where entity = 'sales'") == [("tills-of-paris",)]


@pytest.mark.parametrize(
    "changed",
    [
        {"first_name": "Zoé"},
        {"signed_up_at": "2020-02-02T02:02:02Z", "updated_at": "2026-11-01T00:00:00Z"},
    ],
    ids=["same version", "later version"],
)
def test_another_source_with_the_same_customer_ids_is_refused_and_nothing_written(
    conn: connection, settings: Settings, stack: ExitStack, changed: dict[str, Any]
) -> None:
    listing, other = ListingSource(), ListingSource()
    listing.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") for one in range(1, 30)))
    other.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") | changed for one in range(1, 40)))
    first, second = at(settings, stack, listing), at(settings, stack, other)
    collect_customers(conn, first, run_id="r1")
    with pytest.raises(SourceViolation, match="knows none of the records that landed last") as refused:
        collect_customers(conn, second, run_id="r2")
    assert "./retail accept-source customers" in refused.value.remedy
    assert rows(conn, LOADS) == [(1,)]
    accept_source(conn, ["customers"])
    collect_customers(conn, second, run_id="r3")
    assert rows(conn, LOADS) == [(2,)]


def test_a_source_whose_listing_fell_back_is_refused(conn: connection, settings: Settings, stack: ExitStack) -> None:
    listing = ListingSource()
    listing.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") for one in range(1, 30)))
    chosen = at(settings, stack, listing)
    collect_customers(conn, chosen, run_id="r1")
    listing.records.clear()
    with pytest.raises(SourceViolation, match="knows none"):
        collect_customers(conn, chosen, run_id="r2")


def test_our_own_source_names_itself(conn: connection, settings: Settings, source: Source) -> None:
    collect_customers(conn, settings, run_id="r1")
    collect_sales(conn, settings, run_id="r1")
    found = rows(conn, "select entity, source_id from meta.source_identity order by 1")
    assert [entity for entity, _ in found] == ["customers", "sales"]
    assert len({name for _, name in found}) == 1
    assert sale(1) is not None
    del source


def test_an_accepted_source_need_not_know_any_sale_near_the_watermark(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    """A restore that lost more than a thousand ids, or a smaller source."""
    ledger, smaller = LedgerSource(), LedgerSource()
    ledger.commit(1, 2, 5_000)
    smaller.commit(10, 11, 12)
    first, second = at(settings, stack, ledger), at(settings, stack, smaller)
    hour(conn, first)
    with pytest.raises(SourceViolation, match="does not know"):
        hour(conn, second)
    accept_source(conn, ["sales"])
    hour(conn, second)
    hour(conn, second)
    smaller.commit(5_001)
    hour(conn, second)
    assert rows(conn, "select is_accepted from meta.source_identity where entity = 'sales'") == [(False,)]
    assert rows(conn, "select count(*) from silver.sales_customer where sale_id in (10, 11, 12, 5000, 5001)") == [(5,)]
    del smaller.sales[5_001]
    with pytest.raises(SourceViolation, match="does not know"):
        hour(conn, second)


def test_a_source_with_a_long_listing_is_refused_without_keeping_it(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    listing, other = ListingSource(), ListingSource()
    small = {"source_page_size": 2}
    listing.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") for one in range(1, 10)))
    other.commit(
        *(
            customer(one, f"2026-10-01T00:{one // 60:02}:{one % 60:02}Z", signed_up_at="2020-02-02T02:02:02Z")
            for one in range(1, 99)
        )
    )
    first = at(settings, stack, listing).model_copy(update=small)
    collect_customers(conn, first, run_id="r1")
    for number in range(1, 10):  # one record is still the same, far behind
        listing.records[number]["updated_at"] = f"2026-10-02T00:00:{number:02}Z"
    listing.commit(*(customer(one, f"2026-10-01T01:{one // 60:02}:{one % 60:02}Z") for one in range(100, 199)))
    collect_customers(conn, first, run_id="r2")
    assert rows(conn, "select sum(records) from meta.bronze_file") == [(9 + 9 + 99,)]
    with pytest.raises(SourceViolation, match="knows none"):
        collect_customers(conn, at(settings, stack, other).model_copy(update=small), run_id="r3")


def test_the_newest_sale_may_be_withdrawn_or_corrected_however_little_an_hour_brings(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    ledger = LedgerSource()
    ledger.commit_all(range(1, 101))
    chosen = at(settings, stack, ledger)
    hour(conn, chosen)
    ledger.commit(101)
    hour(conn, chosen)
    del ledger.sales[101]
    hour(conn, chosen)
    ledger.commit(102)
    hour(conn, chosen)
    ledger.sales[102]["lines"][0]["quantity"] = 7
    hour(conn, chosen)
    assert rows(conn, "select count(*) from silver.sales_customer") == [(102,)]


def test_the_newest_customer_may_be_deleted(conn: connection, settings: Settings, stack: ExitStack) -> None:
    listing = ListingSource()
    listing.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") for one in range(1, 9)))
    chosen = at(settings, stack, listing).model_copy(update={"source_page_size": 4, "source_lookback_minutes": 10})
    collect_customers(conn, chosen, run_id="r1")
    listing.commit(customer(9, "2026-10-02T00:00:00Z"))
    collect_customers(conn, chosen, run_id="r2")
    del listing.records[9]
    assert collect_customers(conn, chosen, run_id="r3").files == 0
    listing.commit(customer(10, "2026-10-03T00:00:00Z"))
    assert collect_customers(conn, chosen, run_id="r4").records == {"customers": 1}


def test_a_lookback_cursor_that_the_source_refuses_gives_way_to_the_watermark(
    conn: connection, settings: Settings, stack: ExitStack
) -> None:
    listing = ListingSource()
    listing.commit(*(customer(one, f"2026-10-01T00:00:{one:02}Z") for one in range(1, 9)))
    chosen = at(settings, stack, listing).model_copy(update={"source_page_size": 3})
    collect_customers(conn, chosen, run_id="r1")
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.lookback_page set cursor_before = 'gone~0' where page = 0")
    listing.gone = "gone~0"
    listing.commit(customer(9, "2026-10-02T00:00:00Z"))
    assert collect_customers(conn, chosen, run_id="r2").records == {"customers": 1}
