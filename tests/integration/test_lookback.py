"""Customers and products are ordered by `updated_at`, which may be shared, late or wrong: no change is lost by that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.collector import collect
from ingestion.customers import CUSTOMERS
from ingestion.entity import PullResult
from loaders.load_customers import load_customers
from medallion.settings import Settings
from tests.conftest import serving
from tests.listing_source import ListingSource, customer
from tests.queries import rows

NOW = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
WATERMARK = "select cursor_value from meta.ingestion_state where entity = 'customers'"


@pytest.fixture
def listing() -> ListingSource:
    return ListingSource()


@pytest.fixture
def chosen(settings: Settings, listing: ListingSource) -> Iterator[Settings]:
    with serving(listing.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 4, "source_lookback_minutes": 10})


def pull(conn: connection, chosen: Settings, *, now: datetime = NOW) -> PullResult:
    collected = collect(CUSTOMERS, conn, chosen, run_id="hour", client=SourceClient(chosen), now=now)
    load_customers(conn, chosen, run_id="hour")
    return collected


def at(minutes: float) -> str:
    return f"{NOW + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def silver(conn: connection) -> dict[int, str]:
    return dict(rows(conn, "select customer_id, segment from silver.customers"))


def ledger(listing: ListingSource) -> dict[int, str]:
    return {number: one["segment"] for number, one in listing.records.items()}


def test_a_change_with_the_same_moment_and_a_smaller_id_arrives(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(customer(5, at(-60)), customer(9, at(0)))
    pull(conn, chosen)
    listing.commit(customer(5, at(0), segment="vip"), customer(3, at(0)))
    assert pull(conn, chosen).records == {"customers": 2}
    assert silver(conn) == ledger(listing) == {3: "new", 5: "vip", 9: "new"}


@pytest.mark.parametrize("minutes_late", [0.5, 5, 10])
def test_a_change_that_commits_late_within_the_lookback_arrives(
    conn: connection, chosen: Settings, listing: ListingSource, minutes_late: float
) -> None:
    listing.commit(*(customer(one, at(-20 + 2 * one)) for one in range(1, 11)))
    pull(conn, chosen)
    listing.commit(customer(77, at(-minutes_late)))
    pull(conn, chosen)
    assert silver(conn) == ledger(listing)


def test_an_hour_with_nothing_new_lands_nothing_and_reads_the_lookback_only(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(*(customer(one, at(one - 101)) for one in range(1, 102)))
    first = pull(conn, chosen)
    listing.sent = 0
    for _ in range(3):
        again = pull(conn, chosen)
        assert (again.files, again.cursor_after) == (0, first.cursor_after)
    assert listing.sent <= 3 * (11 + chosen.source_page_size)
    assert rows(conn, "select count(*) from meta.lookback_page") <= [(4,)]


def test_a_bulk_change_of_everything_at_one_moment_arrives_whole_and_once(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(*(customer(one, at(-500 + one)) for one in range(1, 31)))
    pull(conn, chosen)
    listing.commit(*(customer(one, at(0), segment="vip") for one in range(1, 31)))
    assert pull(conn, chosen).records == {"customers": 30}
    assert pull(conn, chosen).files == 0
    assert set(silver(conn).values()) == {"vip"}


def test_one_record_dated_in_the_future_neither_hides_the_others_nor_becomes_the_watermark(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(customer(1, at(-9)), customer(2, "2099-01-01T00:00:00Z"), customer(3, at(-8)))
    collected = pull(conn, chosen)
    assert collected.records == {"customers": 3}
    assert collected.notes == ("1 record dated in the future holds the watermark back",)
    assert rows(conn, WATERMARK) == [(f"{at(-8)}~3",)]
    assert pull(conn, chosen).files == 0
    listing.commit(customer(4, at(30)), customer(1, at(31), segment="vip"))
    pull(conn, chosen, now=NOW + timedelta(hours=1))
    assert rows(conn, WATERMARK) == [(f"{at(31)}~1",)]
    assert {number: one for number, one in silver(conn).items() if number != 2} == {1: "vip", 3: "new", 4: "new"}
    listing.commit(customer(2, at(50), segment="loyal"))
    pull(conn, chosen, now=NOW + timedelta(hours=1))
    bronze = rows(conn, "select sum(records) from meta.bronze_file where dataset = 'customers'")
    assert bronze == [(6,)]
    assert rows(conn, WATERMARK) == [(f"{at(50)}~2",)]


def test_a_source_of_nothing_but_future_records_lands_each_once(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(*(customer(one, f"2099-01-01T00:00:{one:02}Z") for one in range(1, 10)))
    assert pull(conn, chosen).records == {"customers": 9}
    assert rows(conn, WATERMARK) == [(None,)]
    assert pull(conn, chosen).files == 0
    listing.commit(customer(50, at(0)))
    assert pull(conn, chosen).records == {"customers": 1}
    assert rows(conn, WATERMARK) == [(f"{at(0)}~50",)]


def test_moments_written_in_other_ways_are_compared_as_moments(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(customer(1, "2026-11-06T11:00:00+00:00"), customer(2, "2026-11-06T13:30:00.25+02:00"))
    pull(conn, chosen)
    assert silver(conn) == ledger(listing)
    assert pull(conn, chosen).files == 0


@pytest.mark.parametrize("wrong", [None, 7, "yesterday", "2026-13-01T00:00:00Z", "", "2026-11-06T11:58:00"])
def test_a_record_without_a_readable_moment_stops_no_other(
    conn: connection, chosen: Settings, listing: ListingSource, wrong: object
) -> None:
    listing.commit(customer(1, at(-3)), customer(2, at(-2)))
    listing.wrong_moments[2] = wrong
    pull(conn, chosen)
    listing.commit(customer(3, at(-1)))
    pull(conn, chosen)
    assert silver(conn) == {1: "new", 3: "new"}
    assert rows(conn, "select count(*) from meta.rejected_record") == [(1,)]


def test_a_pull_that_fails_between_pages_resumes_and_loses_nothing(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    small = chosen.model_copy(update={"bronze_part_bytes": 1})
    listing.commit(*(customer(one, at(one - 40)) for one in range(1, 41)))
    with SourceClient(small) as source:
        pages, real = 0, source.page

        def page(*arguments: Any, **named: Any) -> Any:
            nonlocal pages
            pages += 1
            if pages > 5:
                raise KeyboardInterrupt
            return real(*arguments, **named)

        source.page = page  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            collect(CUSTOMERS, conn, small, run_id="cut", client=source, now=NOW)
    assert 0 < rows(conn, "select count(*) from meta.bronze_file")[0][0] < 10
    pull(conn, small)
    assert silver(conn) == ledger(listing)
    assert rows(conn, "select sum(records) from meta.bronze_file") == [(40,)]


def test_a_late_change_moves_the_watermark_of_a_quiet_hour_nowhere(
    conn: connection, chosen: Settings, listing: ListingSource
) -> None:
    listing.commit(*(customer(one, at(one - 10)) for one in range(1, 10)))
    before = pull(conn, chosen).cursor_after
    listing.commit(customer(77, at(-8.5)))
    assert pull(conn, chosen).records == {"customers": 1}
    assert rows(conn, WATERMARK) == [(before,)]
    assert pull(conn, chosen).files == 0
