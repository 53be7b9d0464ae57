"""A sale that is committed late, with an id smaller than one already read, arrives; one that never comes expires."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.collector import collect
from ingestion.sales import SALES, collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.errors import SourceViolation
from medallion.settings import Settings
from tests.conftest import serving
from tests.ledger_source import LedgerSource
from tests.queries import rows

GAPS = "select from_id, to_id, status from meta.sales_gap order by from_id"


@pytest.fixture
def ledger() -> Iterator[LedgerSource]:
    """Overrides the backend: `settings` points to this source."""
    return LedgerSource()


@pytest.fixture
def late_settings(settings: Settings, ledger: LedgerSource) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 50})


def hour(conn: connection, settings: Settings, run_id: str) -> None:
    collect_sales(conn, settings, run_id=run_id)
    load_all_silver(conn, settings, run_id=run_id)


def silver_ids(conn: connection) -> list[int]:
    headers = [row[0] for row in rows(conn, "select sale_id from silver.sales_customer order by sale_id")]
    assert headers == [row[0] for row in rows(conn, "select sale_id from silver.sales_product order by sale_id")]
    return headers


def watermark(conn: connection) -> str:
    return rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'")[0][0]


def test_a_sale_committed_after_a_larger_id_was_read_arrives_with_the_next_run(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all([*range(1, 100), 101])
    hour(conn, late_settings, "r1")
    assert rows(conn, GAPS) == [(100, 100, "OPEN")]
    ledger.commit(100, 102)
    hour(conn, late_settings, "r2")
    assert silver_ids(conn) == sorted(ledger.sales)
    assert rows(conn, GAPS) == [(100, 100, "FILLED")]
    assert watermark(conn) == "102"


def test_many_late_sales_fill_their_gap_piece_by_piece(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 500)
    hour(conn, late_settings, "r1")
    assert rows(conn, GAPS) == [(2, 499, "OPEN")]
    ledger.commit_all([*range(100, 200), 300])
    hour(conn, late_settings, "r2")
    assert silver_ids(conn) == sorted(ledger.sales)
    assert rows(conn, GAPS) == [
        (2, 99, "OPEN"), (100, 199, "FILLED"), (200, 299, "OPEN"), (300, 300, "FILLED"), (301, 499, "OPEN"),
    ]  # fmt: skip
    ledger.commit_all(range(2, 500))
    hour(conn, late_settings, "r3")
    assert silver_ids(conn) == sorted(ledger.sales)
    assert rows(conn, "select count(*) from meta.sales_gap where status = 'OPEN'") == [(0,)]


def test_a_late_sale_does_not_move_the_watermark(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3)
    hour(conn, late_settings, "r1")
    ledger.commit(2)
    collected = collect_sales(conn, late_settings, run_id="r2")
    assert (collected.late, collected.cursor_after, watermark(conn)) == (1, "3", "3")
    assert "1 of them late" in collected.summary()


def test_ids_that_never_come_are_asked_for_until_they_expire_and_stay_countable(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 5)
    hour(conn, late_settings, "r1")
    hour(conn, late_settings, "r2")
    assert rows(conn, GAPS) == [(2, 4, "OPEN")]
    assert (1, 4) in ledger.totals_asked
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.sales_gap set first_seen_at = now() - interval '49 hours'")
    hour(conn, late_settings, "r3")
    assert rows(conn, GAPS) == [(2, 4, "EXPIRED")]
    assert (1, 4) in ledger.asked  # the listing itself, once, as totals may be wrong
    ledger.asked.clear()
    hour(conn, late_settings, "r4")
    assert ledger.asked == [(5, None)]


def test_a_sale_that_came_while_nobody_ran_for_days_is_asked_for_before_its_gap_expires(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3)
    hour(conn, late_settings, "friday")
    ledger.commit(2)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.sales_gap set first_seen_at = now() - interval '63 hours'")
    hour(conn, late_settings, "monday")
    assert silver_ids(conn) == [1, 2, 3]
    assert rows(conn, GAPS) == [(2, 2, "FILLED")]


def test_slow_answers_keep_no_gap_from_being_asked_for(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3, 1001, 1003, 2001, 2003)
    hour(conn, late_settings, "r1")
    ledger.commit(2)
    impatient = late_settings.model_copy(update={"bronze_part_seconds": 1e-9})
    hour(conn, impatient, "r2")
    assert silver_ids(conn) == sorted(ledger.sales)


@pytest.mark.parametrize("sold_at", ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "2026-11-20T10:00:00", None])
def test_a_gap_is_kept_whatever_the_sale_after_it_says_of_itself(
    conn: connection, late_settings: Settings, ledger: LedgerSource, sold_at: str | None
) -> None:
    """A till may upload days later, with any clock, what it commits out of order."""
    ledger.commit(1, 3, 5, 7)
    for late in (3, 5):
        ledger.sales[late]["sold_at"] = sold_at
    collect_sales(conn, late_settings, run_id="r1")
    assert rows(conn, GAPS) == [(2, 2, "OPEN"), (4, 4, "OPEN"), (6, 6, "OPEN")]


def test_a_hole_of_a_million_ids_is_one_row_and_one_request(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 1_000_000)
    hour(conn, late_settings, "r1")
    ledger.asked.clear()
    ledger.totals_asked.clear()
    hour(conn, late_settings, "r2")
    assert rows(conn, GAPS) == [(2, 999_999, "OPEN")]
    assert ledger.asked == [(1_000_000, None)]
    assert ledger.totals_asked == [(0, 1_000_000), (1, 999_999)]


def test_a_full_refresh_finds_the_same_gaps_and_doubles_nothing(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3, 6)
    hour(conn, late_settings, "r1")
    ledger.commit(4)
    collect_sales(conn, late_settings, run_id="r2", full_refresh=True)
    load_all_silver(conn, late_settings, run_id="r2")
    assert silver_ids(conn) == [1, 3, 4, 6]
    assert rows(conn, GAPS) == [(2, 2, "OPEN"), (4, 4, "FILLED"), (5, 5, "OPEN")]


def test_a_crash_while_late_sales_land_keeps_their_gap_open(
    conn: connection, late_settings: Settings, ledger: LedgerSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.commit(1, 3)
    hour(conn, late_settings, "r1")
    ledger.commit(2)

    def dies(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as crash:
        crash.setattr("ingestion.collector.advance_watermark", dies)
        with pytest.raises(SystemExit):
            collect_sales(conn, late_settings, run_id="r2")
    assert rows(conn, GAPS) == [(2, 2, "OPEN")]
    hour(conn, late_settings, "r3")
    assert silver_ids(conn) == [1, 2, 3]


class IgnoresUpTo(httpx.BaseTransport):
    """A source that answers a bounded question with everything behind it."""

    def __init__(self) -> None:
        self._real = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._real.handle_request(httpx.Request("GET", request.url.copy_remove_param("up_to")))


def test_a_source_that_ignores_the_upper_bound_is_refused(
    conn: connection, late_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit(1, 3)
    hour(conn, late_settings, "r1")
    client = SourceClient(late_settings, transport=IgnoresUpTo())
    with pytest.raises(SourceViolation, match="ignores up_to"):
        collect(SALES, conn, late_settings, run_id="r2", client=client)
    assert watermark(conn) == "3"


@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_source_that_fell_behind_the_watermark_is_refused_and_the_watermark_stays(
    conn: connection, late_settings: Settings, ledger: LedgerSource, full_refresh: bool
) -> None:
    ledger.commit_all(range(1, 120))
    hour(conn, late_settings, "r1")
    for lost in range(100, 120):
        del ledger.sales[lost]
    with pytest.raises(SourceViolation, match=r"watermark.*119"):
        collect_sales(conn, late_settings, run_id="r2", full_refresh=full_refresh)
    assert watermark(conn) == "119"
    ledger.commit_all(range(100, 121))
    collect_sales(conn, late_settings, run_id="r3", full_refresh=full_refresh)
    assert watermark(conn) == "120"
