"""Source → Bronze, over real HTTP into real files and a real Postgres."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg2.extensions import connection

from ingestion.api.client import SourceClient
from ingestion.collector import collect
from ingestion.customers import CUSTOMERS, collect_customers
from ingestion.entity import PullResult
from ingestion.products import collect_products
from ingestion.sales import SALES, collect_sales
from medallion.database import connect
from medallion.errors import EntityLocked, SourceRefused, SourceUnavailable, WatermarkLost
from medallion.settings import Settings
from medallion.state.locks import entity_lock, locked
from medallion.state.watermarks import advance_watermark, claim_entity
from tests.conftest import NOON, Source
from tests.queries import rows


def bronze_records(conn: connection, settings: Settings, dataset: str) -> list[dict[str, Any]]:
    """Records of all receipted files of a dataset, each file checked against its receipt."""
    records: list[dict[str, Any]] = []
    receipts = f"select path, records, bytes, sha256 from meta.bronze_file where dataset = '{dataset}'"
    for path, count, size, sha256 in rows(conn, f"{receipts} order by load_id, part"):
        content = (Path(settings.bronze_location) / path).read_bytes()
        assert (content.count(b"\n"), len(content)) == (count, size)
        assert hashlib.sha256(content).hexdigest() == sha256
        records += [json.loads(line) for line in content.splitlines()]
    return records


def all_sales(source: Source) -> list[dict[str, Any]]:
    return [json.loads(item) for item in source.data.sales_page(None, 10**9, None).items]


def watermark(conn: connection, entity: str) -> str:
    return rows(conn, f"select cursor_value from meta.ingestion_state where entity = '{entity}'")[0][0]


def test_the_first_pull_lands_every_sale_divided_without_loss(
    conn: connection, settings: Settings, source: Source
) -> None:
    collected = collect_sales(conn, settings, run_id="r1")
    expected = all_sales(source)
    assert expected
    assert bronze_records(conn, settings, "sales_product") == [
        {"sale_id": sale["sale_id"]} | line for sale in expected for line in sale["lines"]
    ]
    for sale in expected:
        del sale["lines"]
    assert bronze_records(conn, settings, "sales_customer") == expected
    assert watermark(conn, "sales") == str(expected[-1]["sale_id"]) == collected.cursor_after


@pytest.mark.parametrize(("collector", "entity"), [(collect_customers, "customers"), (collect_products, "products")])
def test_listings_land_byte_for_byte(
    conn: connection, settings: Settings, source: Source, collector: Any, entity: str
) -> None:
    collector(conn, settings, run_id="r1")
    page = source.data.listing_page(entity, None, 10**9)
    (path,) = rows(conn, f"select path from meta.bronze_file where dataset = '{entity}'")[0]
    assert (Path(settings.bronze_location) / path).read_text() == "\n".join(page.items) + "\n"
    assert watermark(conn, entity) == page.next_cursor


def test_the_next_hour_brings_what_is_new_and_nothing_else(
    conn: connection, settings: Settings, source: Source
) -> None:
    collect_sales(conn, settings, run_id="r1")
    before = int(watermark(conn, "sales"))
    source.set_clock(NOON + timedelta(hours=1))
    second = collect_sales(conn, settings, run_id="r2")
    ids = [record["sale_id"] for record in bronze_records(conn, settings, "sales_customer")]
    assert ids == list(range(1, source.data.last_sale_id() + 1))
    assert second.records["sales_customer"] == source.data.last_sale_id() - before > 0


def test_an_hour_that_brings_nothing_writes_no_file_and_says_so(conn: connection, settings: Settings) -> None:
    first = collect_sales(conn, settings, run_id="r1")
    second = collect_sales(conn, settings, run_id="r2")
    assert (second.files, second.cursor_after) == (0, first.cursor_after)
    assert second.summary() == f"sales: nothing new after sale {int(first.cursor_after or 0):,}"
    assert rows(conn, "select status, rows_read from meta.load where run_id = 'r2'") == [("SUCCESS", 0)]


def test_a_full_refresh_pulls_everything_again_and_ends_at_the_same_place(conn: connection, settings: Settings) -> None:
    first = collect_sales(conn, settings, run_id="r1")
    again = collect_sales(conn, settings, run_id="r2", full_refresh=True)
    assert (again.records, again.cursor_after) == (first.records, first.cursor_after)


class FailingAfter(httpx.BaseTransport):
    """The real source until the n-th request; from then on what `failure` gives."""

    def __init__(self, answers: int, failure: httpx.Response) -> None:
        self._left, self._failure, self._real = answers, failure, httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._left -= 1
        if self._left < 0:
            return self._failure
        return self._real.handle_request(request)


def interrupted(conn: connection, settings: Settings, answers: int, status: int) -> PullResult:
    transport = FailingAfter(answers, httpx.Response(status))
    return collect(SALES, conn, settings, run_id="cut", client=SourceClient(settings, transport=transport))


@pytest.fixture
def small_parts(settings: Settings) -> Settings:
    """A part after each page, so that a pull has many."""
    return settings.model_copy(update={"bronze_part_bytes": 1, "source_page_size": 100, "source_retry_attempts": 1})


def test_a_source_that_dies_in_the_middle_keeps_whole_parts_and_the_next_run_goes_on(
    conn: connection, small_parts: Settings, source: Source
) -> None:
    with pytest.raises(SourceUnavailable):
        interrupted(conn, small_parts, answers=5, status=503)
    assert watermark(conn, "sales") == "500"
    assert rows(conn, "select status, error_message like '%status 503%' from meta.load") == [("FAILED", True)]
    resumed = collect_sales(conn, small_parts, run_id="r2")
    assert resumed.cursor_before == "500"
    ids = [record["sale_id"] for record in bronze_records(conn, small_parts, "sales_customer")]
    assert ids == list(range(1, source.data.last_sale_id() + 1))


def test_a_key_that_is_revoked_in_the_middle_stops_at_once_and_keeps_whole_parts(
    conn: connection, small_parts: Settings
) -> None:
    with pytest.raises(SourceRefused, match="status 401"):
        interrupted(conn, small_parts, answers=3, status=401)
    assert watermark(conn, "sales") == "300"


def test_a_failed_part_leaves_no_file_of_its_own(conn: connection, settings: Settings) -> None:
    with pytest.raises(SourceUnavailable):
        interrupted(conn, settings.model_copy(update={"source_retry_attempts": 1}), answers=2, status=500)
    assert [path for path in Path(settings.bronze_location).rglob("*") if path.is_file()] == []
    assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [(None,)]


def test_a_crash_between_the_files_and_their_receipts_loses_nothing(
    conn: connection, settings: Settings, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as crash:
        crash.setattr("ingestion.collector.advance_watermark", dies)
        with pytest.raises(SystemExit):
            collect_sales(conn, settings, run_id="r1")
    assert list(Path(settings.bronze_location).rglob("*.ndjson"))
    assert rows(conn, "select count(*) from meta.bronze_file") == [(0,)]
    collect_sales(conn, settings, run_id="r2")
    ids = [record["sale_id"] for record in bronze_records(conn, settings, "sales_customer")]
    assert ids == list(range(1, source.data.last_sale_id() + 1))


def test_a_second_run_for_the_same_entity_is_told_who_is_at_work(
    conn: connection, settings: Settings, database_url: str
) -> None:
    with connect(database_url, application_name="the-first") as other, locked(other, entity_lock("sales")):
        with pytest.raises(EntityLocked, match=r"another run: pid \d+ \(the-first\)"):
            collect_sales(conn, settings, run_id="r2")
    assert collect_sales(conn, settings, run_id="r3").files


def test_a_run_that_lost_its_entity_cannot_move_the_watermark(conn: connection) -> None:
    stale = claim_entity(conn, "sales")
    claim_entity(conn, "sales")
    with pytest.raises(WatermarkLost, match="epoch 1 is stale"):
        advance_watermark(conn, stale, "10", load_id=1)


def test_the_lock_is_given_back_at_the_end_even_of_a_failure(conn: connection, small_parts: Settings) -> None:
    with pytest.raises(SourceUnavailable):
        interrupted(conn, small_parts, answers=0, status=503)
    held = "select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
    assert rows(conn, held) == [(0,)]


def test_customers_that_change_while_they_are_read_are_neither_lost_nor_stale(
    conn: connection, settings: Settings, source: Source
) -> None:
    paged = settings.model_copy(update={"source_page_size": 20})

    class Clock(httpx.BaseTransport):
        real = httpx.HTTPTransport()
        days = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.days += 1
            source.set_clock(NOON + timedelta(days=3 * self.days))
            return self.real.handle_request(request)

    collect(CUSTOMERS, conn, paged, run_id="r1", client=SourceClient(paged, transport=Clock()))
    collect_customers(conn, paged, run_id="r2")
    newest: dict[int, dict[str, Any]] = {}
    for record in bronze_records(conn, paged, "customers"):
        known = newest.get(record["customer_id"])
        if known is None or known["updated_at"] <= record["updated_at"]:
            newest[record["customer_id"]] = record
    expected = [json.loads(item) for item in source.data.listing_page("customers", None, 10**9).items]
    assert newest == {record["customer_id"]: record for record in expected}
