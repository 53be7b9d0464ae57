"""Ids that are not dense: asking for gaps costs a few requests whatever their number, and sends nothing again.

`RETAIL_SPARSE_SALES=100000 ./retail test tests/integration/test_sparse_ids.py -s -k nothing_new` prints the figures.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from fastapi import Request, Response
from psycopg2.extensions import connection
from starlette.middleware.base import RequestResponseEndpoint

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.settings import Settings
from tests.conftest import serving
from tests.ledger_source import LedgerSource
from tests.queries import rows

Ids = Callable[[int], int]
SALES = int(os.environ.get("RETAIL_SPARSE_SALES", "2000"))
SPARSE: dict[str, Ids] = {
    "steps of two": lambda one: 2 * one,
    "steps of a million": lambda one: 4_194_304 * one,
    "by till": lambda one: 1_000_000_000 * (1 + one % 4) + one,
    "snowflake": lambda one: (one * 977 << 22) + (one * 7919) % 4096 + 1,
    "pairs": lambda one: 3 * one - one % 2,
}


class CountingSource(LedgerSource):
    """Counts requests by path, and the sales that went out."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        self.sent = 0
        self.offers_totals = True
        self.app.middleware("http")(self._count)

    async def _count(self, request: Request, answer: RequestResponseEndpoint) -> Response:
        self.requests[request.url.path] += 1
        if request.url.path == "/sales/totals" and not self.offers_totals:
            return Response(status_code=404)
        return await answer(request)

    async def _page(self, cursor: int = 0, limit: int = 1000, up_to: int | None = None) -> Response:
        found = self._between(cursor, up_to)
        self.sent += min(limit, len(found))
        return await super()._page(cursor, limit, up_to)

    def reset(self) -> None:
        self.requests.clear()
        self.sent = 0


@pytest.fixture
def ledger() -> CountingSource:
    return CountingSource()


@pytest.fixture
def chosen(settings: Settings, ledger: CountingSource) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": max(200, SALES // 20)})


def hour(conn: connection, chosen: Settings) -> str:
    collected = collect_sales(conn, chosen, run_id="hour")
    load_all_silver(conn, chosen, run_id="hour")
    return collected.summary()


def silver_ids(conn: connection) -> list[int]:
    return [row[0] for row in rows(conn, "select sale_id from silver.sales_customer order by 1")]


@pytest.mark.parametrize("kind", SPARSE)
def test_an_hour_with_nothing_new_asks_a_few_times_and_sends_nothing_again(
    conn: connection, chosen: Settings, ledger: CountingSource, kind: str
) -> None:
    ledger.commit_all(map(SPARSE[kind], range(1, SALES + 1)))
    hour(conn, chosen)
    (gaps,) = rows(conn, "select count(*) from meta.sales_gap")[0]
    assert gaps <= 26
    for _ in range(3):
        ledger.reset()
        hour(conn, chosen)
        assert ledger.sent == 0
        assert ledger.requests.total() <= 4
    said = f"{SALES:,} sales, {kind}: {gaps} gaps, an hour with nothing new: {ledger.requests.total()} requests"
    sys.stderr.write(f"\n{said}, {ledger.sent} sales sent again\n")
    assert silver_ids(conn) == sorted(ledger.sales)


@pytest.mark.parametrize("kind", SPARSE)
def test_what_arrives_late_between_sparse_ids_is_found_by_a_few_requests(
    conn: connection, chosen: Settings, ledger: CountingSource, kind: str
) -> None:
    ids = [SPARSE[kind](one) for one in range(1, 2001)]
    late = sorted(set(ids))[400:403] + sorted(set(ids))[1600:1601]
    ledger.commit_all(set(ids) - set(late))
    hour(conn, chosen)
    ledger.reset()
    ledger.commit_all(late)
    assert "4 of them late" in hour(conn, chosen)
    assert silver_ids(conn) == sorted(ledger.sales)
    assert ledger.requests.total() <= 30
    assert ledger.sent <= 3 * chosen.source_page_size
    ledger.reset()
    hour(conn, chosen)
    assert (ledger.sent, ledger.requests.total() <= 4) == (0, True)


def test_late_sales_land_once_even_while_silver_has_not_taken_the_others(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.commit_all(range(2, 4001, 2))
    collect_sales(conn, chosen, run_id="r1")
    ledger.commit(501, 3001)
    assert collect_sales(conn, chosen, run_id="r2").late == 2
    assert collect_sales(conn, chosen, run_id="r3").late == 0
    assert rows(conn, "select sum(records) from meta.bronze_file where dataset = 'sales_customer'") == [(2002,)]


def test_a_sale_that_is_withdrawn_costs_one_hour_of_asking(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.commit_all([*range(1, 3000), *range(3001, 5000)])
    hour(conn, chosen)
    for gone in (17, 4000):
        del ledger.sales[gone]
    ledger.commit(3000)
    hour(conn, chosen)
    assert 3000 in silver_ids(conn)
    hour(conn, chosen)
    ledger.reset()
    hour(conn, chosen)
    assert ledger.sent == 0
    assert ledger.requests.total() <= 4


def test_a_withdrawn_sale_hides_no_late_one_that_comes_in_the_next_hour(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.commit_all([*range(1, 100), 101, *range(103, 200)])
    hour(conn, chosen)
    del ledger.sales[101]
    hour(conn, chosen)
    ledger.commit(100)
    hour(conn, chosen)
    assert 100 in silver_ids(conn)
    assert rows(conn, "select from_id, to_id, status from meta.sales_gap order by 1") == [
        (100, 100, "FILLED"), (101, 101, "WITHDRAWN"), (102, 102, "OPEN"),
    ]  # fmt: skip


def test_without_totals_the_requests_of_an_hour_are_bounded_and_the_run_says_what_it_left(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.offers_totals = False
    bounded = chosen.model_copy(update={"sales_gap_requests": 5, "source_page_size": 200})
    ledger.commit_all(range(2, 10_001, 2))
    hour(conn, bounded)
    ledger.reset()
    said = hour(conn, bounded)
    assert "gaps were not asked for: the source offers no totals that can be used" in said
    assert ledger.requests["/sales"] <= 5 + 2 + 5
    ledger.commit(9_999)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.sales_gap set last_checked_at = null")
    assert "1 of them late" in hour(conn, bounded)


def test_without_totals_every_gap_is_asked_for_before_it_expires(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.offers_totals = False
    bounded = chosen.model_copy(update={"sales_gap_requests": 2})
    ledger.commit(1, 1_000, 2_000, 3_000, 4_000, 5_000)
    hour(conn, bounded)
    ledger.commit(999, 4_999)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.sales_gap set first_seen_at = now() - interval '60 hours'")
    for _ in range(4):
        hour(conn, bounded)
        with conn, conn.cursor() as cursor:
            cursor.execute("update meta.sales_gap set last_checked_at = last_checked_at - interval '9 hours'")
    assert silver_ids(conn) == sorted(ledger.sales)
    assert rows(conn, "select count(*) from meta.sales_gap where status = 'OPEN'") == [(0,)]


def test_totals_that_never_move_lose_no_sale_of_a_hole(
    conn: connection, chosen: Settings, ledger: CountingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a hole is given up, the listing itself is asked: totals may be wrong."""
    ledger.commit(1, 2, 4, 5)
    hour(conn, chosen)
    before = dict(ledger.sales)
    monkeypatch.setattr(ledger, "_totals_between", lambda after, up_to: [
        one for number, one in before.items() if number > after and (up_to is None or number <= up_to)
    ])  # fmt: skip
    ledger.commit(3)
    hour(conn, chosen)
    assert 3 not in silver_ids(conn)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.sales_gap set first_seen_at = now() - interval '49 hours'")
    hour(conn, chosen)
    assert 3 in silver_ids(conn)


def test_totals_that_the_listing_does_not_bear_out_are_asked_no_further(
    conn: connection, chosen: Settings, ledger: CountingSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.commit_all(range(2, 8_001, 2))
    hour(conn, chosen)
    real = ledger._totals_between
    monkeypatch.setattr(ledger, "_totals_between", lambda after, up_to: [*real(after, up_to), *real(0, 4)])
    ledger.reset()
    hour(conn, chosen.model_copy(update={"sales_gap_requests": 4}))
    assert ledger.requests.total() < 60
    assert silver_ids(conn) == sorted(ledger.sales)


def test_a_source_without_totals_is_no_reason_to_fail(
    conn: connection, chosen: Settings, ledger: CountingSource
) -> None:
    ledger.offers_totals = False
    ledger.commit(1, 3)
    hour(conn, chosen)
    ledger.commit(2)
    hour(conn, chosen)
    assert silver_ids(conn) == [1, 2, 3]
