"""A long history in ranges, pulled in parallel: nothing is lost or doubled, and the watermark passes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from psycopg2.extensions import connection

from ingestion import backfill
from ingestion.api.client import SourceClient
from ingestion.api.source import open_source
from ingestion.backfill import last_id, pull_range
from ingestion.collector import collect
from ingestion.sales import SALES, collect_sales
from ingestion.sales_backfill import plan_backfill, pull_sales_range
from loaders.load_all_silver import load_all_silver
from medallion.database import connect
from medallion.errors import EntityLocked, NothingToDo, SourceUnavailable, SourceViolation, WatermarkLost
from medallion.settings import Settings
from medallion.state.backfill_ranges import (
    RangeClaim,
    add_ranges,
    advance_range,
    claim_range,
    finish_range,
    open_ranges,
    read_progress,
)
from medallion.state.id_range import IdRange
from medallion.state.loads import _SQL, logged_load
from medallion.state.locks import entity_lock, locked, range_lock
from tests.conftest import serving
from tests.ledger_source import LedgerSource, sale
from tests.queries import rows

WATERMARK = "select cursor_value from meta.ingestion_state where entity = 'sales'"
GAPS = "select from_id, to_id, status from meta.sales_gap order by from_id"
LANDED = "select sum(records) from meta.bronze_file where dataset = 'sales_customer'"


@pytest.fixture
def ledger() -> LedgerSource:
    return LedgerSource()


@pytest.fixture
def cut_settings(settings: Settings, ledger: LedgerSource, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Ranges of a hundred ids, pages of twenty, a part a page."""
    monkeypatch.setattr(backfill, "SMALLEST_RANGE", 100)
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 20, "bronze_part_bytes": 1})


def silver_ids(conn: connection, settings: Settings) -> list[int]:
    load_all_silver(conn, settings, run_id="load")
    headers = [row[0] for row in rows(conn, "select sale_id from silver.sales_customer order by sale_id")]
    assert headers == [row[0] for row in rows(conn, "select sale_id from silver.sales_product order by sale_id")]
    return headers


def planned(conn: connection, settings: Settings) -> list[int]:
    return [one.first for one in plan_backfill(conn, settings, run_id="plan").ranges]


def pull(conn: connection, settings: Settings, first: int) -> None:
    pull_sales_range(conn, settings, run_id="range", first=first)


def taken(conn: connection, first: int, run_id: str) -> RangeClaim:
    """A range taken by a process that then does nothing; its load stays open."""
    with conn, conn.cursor() as cursor:
        cursor.execute(_SQL["open_load"], {"run_id": run_id, "layer": "bronze", "dataset": "sales"})
        (load_id,) = cursor.fetchone() or (0,)
        claim = claim_range(conn, "sales", first, load_id)
    assert claim is not None
    return claim


def test_ranges_pulled_in_any_order_hold_every_sale_once_and_the_watermark_passes_no_unfinished_one(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 451))
    assert planned(conn, cut_settings) == [1, 113, 226, 338]
    assert rows(conn, WATERMARK) == [(None,)]
    for first, watermark in ((226, None), (1, "112"), (338, "112"), (113, "450")):
        pull(conn, cut_settings, first)
        assert rows(conn, WATERMARK) == [(watermark,)]
    assert rows(conn, LANDED) == [(450,)]
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)
    assert read_progress(conn, "sales") is None
    assert collect_sales(conn, cut_settings, run_id="hour").files == 0


def test_what_lies_behind_a_watermark_is_cut_and_nothing_before_it(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 31))
    collect_sales(conn, cut_settings, run_id="hour")
    ledger.commit_all(range(31, 331))
    assert planned(conn, cut_settings) == [31, 131, 231]
    ledger.commit_all(range(331, 900))
    assert planned(conn, cut_settings) == [31, 131, 231]  # a plan under way stays


def test_too_little_to_cut_is_left_to_the_hourly_run(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 150))
    with pytest.raises(NothingToDo, match="too few"):
        planned(conn, cut_settings)
    assert open_ranges(conn, "sales") == []
    assert collect_sales(conn, cut_settings, run_id="hour").cursor_after == "149"


@pytest.mark.parametrize("last", [0, 1, 99, 100, 101, 5_000, 123_456_789])
@pytest.mark.parametrize("after", [0, 1])
def test_the_last_id_is_found_by_asking_a_few_times(
    cut_settings: Settings, ledger: LedgerSource, last: int, after: int
) -> None:
    ledger.commit_all([1] if last else [])
    ledger.commit_all([last] if last else [])
    with open_source(SALES, cut_settings) as source:
        assert last_id(source, SALES, after) == max(last, after)
    assert len(ledger.asked) < 60


def test_a_source_without_an_end_is_refused(cut_settings: Settings) -> None:
    class Endless(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            one = sale(int(request.url.params["cursor"]) + 1)
            page = {"items": [one], "count": 1, "has_more": True, "next_cursor": str(one["sale_id"])}
            return httpx.Response(200, json=page)

    endless = SourceClient(cut_settings, transport=Endless())
    with open_source(SALES, cut_settings, endless) as source, pytest.raises(SourceViolation, match="every id"):
        last_id(source, SALES, 0)


def test_a_range_that_is_interrupted_goes_on_where_it_stood(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    ledger.sales[65] = sale(65) | {"sale_id": 64}  # the fourth page breaks the contract
    with pytest.raises(SourceViolation):
        pull(conn, cut_settings, 1)
    assert rows(conn, "select cursor_value from meta.sales_backfill where from_id = 1") == [(60,)]
    ledger.commit(65)
    ledger.asked.clear()
    pull(conn, cut_settings, 1)
    assert min(ledger.asked) == (60, 100)
    assert rows(conn, LANDED) == [(100,)]


def test_an_ordinary_pull_helps_with_what_is_left_and_goes_on_behind_it(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    pull(conn, cut_settings, 101)
    ledger.commit_all(range(301, 351))
    collected = collect_sales(conn, cut_settings, run_id="hour")
    assert (collected.cursor_before, collected.cursor_after) == ("300", "350")
    assert rows(conn, LANDED) == [(350,)]
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)


def test_while_others_work_on_the_last_ranges_an_ordinary_pull_leaves_them_to_it(
    conn: connection, database_url: str, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    with (
        connect(database_url) as other,
        locked(other, entity_lock("sales"), shared=True),
        locked(other, range_lock("sales", 101)),
        logged_load(other, run_id="other", layer="bronze", dataset="sales", exclusive=False) as load_id,
    ):
        with other:
            claim_range(other, "sales", 101, load_id)
        for first in (1, 201):
            pull(conn, cut_settings, first)
        with pytest.raises(NothingToDo, match="another process has it"):
            pull(conn, cut_settings, 101)
        with pytest.raises(NothingToDo, match=r"left to the backfill: 67% of 300 ids, 2 of 3 ranges"):
            collect_sales(conn, cut_settings, run_id="hour")
        with pytest.raises(EntityLocked, match="left to the backfill"):
            collect_sales(conn, cut_settings, run_id="hour", full_refresh=True)
        assert rows(conn, WATERMARK) == [("100",)]
        assert rows(conn, "select status from meta.load where run_id = 'other'") == [("RUNNING",)]
    assert collect_sales(conn, cut_settings, run_id="hour").cursor_after == "300"
    assert rows(conn, LANDED) == [(300,)]


@pytest.mark.parametrize("full_refresh", [False, True])
def test_a_backfill_that_does_not_get_on_is_an_error_that_names_its_process(
    conn: connection, database_url: str, cut_settings: Settings, ledger: LedgerSource, *, full_refresh: bool
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    with (
        connect(database_url, application_name="the-sleeper") as other,
        locked(other, entity_lock("sales"), shared=True),
        locked(other, range_lock("sales", 101)),
        logged_load(other, run_id="other", layer="bronze", dataset="sales", exclusive=False) as load_id,
    ):
        with other:
            claim = claim_range(other, "sales", 101, load_id)
        with conn, conn.cursor() as cursor:  # the others wait for hours, and nobody holds them
            cursor.execute("update meta.sales_backfill set advanced_at = now() - interval '59 min'")
        with pytest.raises((NothingToDo, EntityLocked), match="left to the backfill"):
            collect_sales(conn, cut_settings, run_id="hour", full_refresh=full_refresh)
        with conn, conn.cursor() as cursor:
            cursor.execute("update meta.sales_backfill set advanced_at = now() - interval '61 min'")
        named = rf"sales 101 to 200: pid {other.info.backend_pid} \(the-sleeper\) holds the range and has not moved it"
        with pytest.raises(EntityLocked, match=named) as caught:
            collect_sales(conn, cut_settings, run_id="hour", full_refresh=full_refresh)
        assert caught.value.exit_code == 5
        with other:
            assert claim is not None
            advance_range(other, claim, 101)
        with pytest.raises((NothingToDo, EntityLocked), match="left to the backfill"):
            collect_sales(conn, cut_settings, run_id="hour", full_refresh=full_refresh)
    assert collect_sales(conn, cut_settings, run_id="hour").cursor_after == "300"


def test_a_range_that_another_process_has_taken_over_is_not_moved_by_the_first(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    stale = taken(conn, 1, "stale")
    pull(conn, cut_settings, 101)
    taken(conn, 1, "newer")
    for move in (lambda: advance_range(conn, stale, 50), lambda: finish_range(conn, stale, 1)):
        with pytest.raises(WatermarkLost, match=f"epoch {stale.epoch} is stale"), conn:
            move()
    assert rows(conn, WATERMARK) == [(None,)]
    assert collect_sales(conn, cut_settings, run_id="hour").cursor_after == "300"
    assert rows(conn, "select status from meta.load where run_id = 'stale'") == [("FAILED",)]


def test_two_ranges_that_finish_at_once_move_the_watermark_behind_both(conn: connection, database_url: str) -> None:
    with conn:
        add_ranges(conn, "sales", [IdRange(1, 100), IdRange(101, 200)])
    with ExitStack() as stack:
        finishing: list[tuple[connection, Any, int]] = []
        for first in (1, 101):
            own = stack.enter_context(connect(database_url))
            load = stack.enter_context(logged_load(own, run_id="r", layer="bronze", dataset="sales", exclusive=False))
            with own:
                claim = claim_range(own, "sales", first, load)
                assert claim is not None
                advance_range(own, claim, first + 98)
            finishing.append((own, claim, load))
        (one, first_claim, first_load), (other, second_claim, second_load) = finishing
        finish_range(one, first_claim, first_load)  # not committed yet

        def finish() -> None:
            with other:
                finish_range(other, second_claim, second_load)

        thread = threading.Thread(target=finish)
        thread.start()
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        _until(lambda: rows(conn, waits) == [(1,)])
        one.commit()
        thread.join()
    assert rows(conn, WATERMARK) == [("199",)]
    assert open_ranges(conn, "sales") == []


def test_ids_missing_at_the_end_of_a_range_are_asked_for_again(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all([*range(1, 91), *range(101, 301)])
    for first in planned(conn, cut_settings):
        pull(conn, cut_settings, first)
    assert rows(conn, WATERMARK) == [("300",)]
    assert rows(conn, GAPS) == [(91, 100, "OPEN")]
    ledger.commit(97)
    collect_sales(conn, cut_settings, run_id="hour")
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)


def test_a_range_without_any_sale_is_a_gap_and_the_watermark_a_sale_that_the_source_knows(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all([*range(1, 101), *range(250, 301)])
    firsts = planned(conn, cut_settings)
    for first in firsts[:2]:
        pull(conn, cut_settings, first)
    assert rows(conn, WATERMARK) == [("100",)]
    pull(conn, cut_settings, firsts[2])
    assert rows(conn, GAPS) == [(101, 200, "OPEN"), (201, 249, "OPEN")]
    ledger.commit_all(range(101, 250))
    collect_sales(conn, cut_settings, run_id="hour")
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)


def test_a_source_that_goes_beyond_up_to_is_refused_and_nothing_of_the_page_kept(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    without_bound: Callable[[int, int | None], Any] = LedgerSource._between
    ledger._between = lambda after, _up_to: without_bound(ledger, after, None)  # type: ignore[method-assign]
    with pytest.raises(SourceViolation, match="asked up to 100, the page continues to 120"):
        pull(conn, cut_settings, 1)
    assert rows(conn, LANDED) == [(100,)]
    assert rows(conn, WATERMARK) == [(None,)]


def test_a_source_that_ends_a_range_too_early_is_refused_by_its_own_totals(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    firsts = planned(conn, cut_settings)
    without_end: Callable[[int, int | None], Any] = ledger._between
    ledger._between = lambda after, up_to: without_end(after, up_to)[:20]  # type: ignore[method-assign]
    totals, ledger._totals_between = ledger._totals_between, without_end  # type: ignore[method-assign]
    with pytest.raises(SourceUnavailable, match=r"nothing more came up to 100, but .* the source has 80 from 21 on"):
        pull(conn, cut_settings, firsts[0])
    assert rows(conn, WATERMARK) == [(None,)]
    assert rows(conn, GAPS) == []
    ledger._between, ledger._totals_between = without_end, totals  # type: ignore[method-assign]
    collect_sales(conn, cut_settings, run_id="hour")
    assert rows(conn, LANDED) == [(300,)]
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)


def test_a_gap_that_reaches_beyond_a_known_one_keeps_what_is_not_known(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    """A range ends at 290 of 300, so 291 to 300 is a gap above the watermark; the next pull meets 304 first."""
    ledger.commit_all([*range(1, 291), 300])
    firsts = planned(conn, cut_settings)
    del ledger.sales[300]
    for first in firsts:
        pull(conn, cut_settings, first)
    assert rows(conn, GAPS) == [(291, 300, "OPEN")]
    ledger.commit(304)
    collect_sales(conn, cut_settings, run_id="r1")
    assert rows(conn, GAPS) == [(291, 300, "OPEN"), (301, 303, "OPEN")]
    ledger.commit(302)
    collect_sales(conn, cut_settings, run_id="r2")
    assert silver_ids(conn, cut_settings) == sorted(ledger.sales)


def test_a_plan_that_another_made_a_moment_ago_is_found_behind_the_lock(
    conn: connection, cut_settings: Settings, ledger: LedgerSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.commit_all(range(1, 301))
    real, answers = backfill.open_ranges, [[]]
    monkeypatch.setattr(backfill, "open_ranges", lambda *one: answers.pop() if answers else real(*one))
    with conn:
        add_ranges(conn, "sales", [IdRange(1, 150), IdRange(151, 300)])
    assert planned(conn, cut_settings) == [1, 151]
    with pytest.raises(EntityLocked, match="began a moment ago"):
        collect(SALES, conn, cut_settings, run_id="hour")


def test_progress_is_told_with_an_estimate_while_somebody_is_at_work(
    conn: connection, database_url: str, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    pull(conn, cut_settings, 201)
    idle = read_progress(conn, "sales")
    assert idle is not None
    assert (idle.ids, idle.ids_done, idle.finished, idle.seconds_left) == (300, 100, 1, None)
    assert idle.words() == "33% of 300 ids, 1 of 3 ranges; no process is at work on it"
    with (
        locked(conn, range_lock("sales", 1)),
        logged_load(conn, run_id="r", layer="bronze", dataset="sales", exclusive=False) as load_id,
    ):
        with conn:
            claim = claim_range(conn, "sales", 1, load_id)
        begun = read_progress(conn, "sales")
        assert begun is not None
        assert begun.words() == "33% of 300 ids, 1 of 3 ranges; the next ones have begun"
        with conn, conn.cursor() as cursor:
            assert claim is not None
            advance_range(conn, claim, 50)
            later = "update meta.load set started_at = started_at - interval '10 s' where load_id = %s"
            cursor.execute(later, [load_id])
        at_work = read_progress(conn, "sales")
    assert at_work is not None
    assert (at_work.ids_done, at_work.at_work) == (150, 1)
    assert 4 < (at_work.ids_per_second or 0) <= 5
    assert 30 <= (at_work.seconds_left or 0) < 38
    died = read_progress(conn, "sales")  # its load may stay open for a while: nobody holds the range
    assert died is not None
    assert died.words() == "50% of 300 ids, 1 of 3 ranges; no process is at work on it"


def test_a_finished_range_is_not_pulled_again(conn: connection, cut_settings: Settings, ledger: LedgerSource) -> None:
    ledger.commit_all(range(1, 301))
    planned(conn, cut_settings)
    pull(conn, cut_settings, 101)
    with pytest.raises(NothingToDo, match="finished"):
        pull(conn, cut_settings, 101)
    assert pull_range(SALES, conn, cut_settings, run_id="again", first=4711) is None
    assert rows(conn, LANDED) == [(100,)]


def test_the_files_of_a_backfill_hold_the_records_as_the_source_sent_them(
    conn: connection, cut_settings: Settings, ledger: LedgerSource
) -> None:
    ledger.commit_all(range(1, 251))
    for first in planned(conn, cut_settings):
        pull(conn, cut_settings, first)
    found = []
    for (path,) in rows(conn, "select path from meta.bronze_file where dataset = 'sales_customer'"):
        content = (Path(cut_settings.bronze_location) / path).read_text(encoding="utf-8")
        found += [json.loads(line) for line in content.splitlines()]
    expected = [{name: value for name, value in one.items() if name != "lines"} for one in ledger.sales.values()]
    assert sorted(found, key=lambda one: one["sale_id"]) == expected


def _until(holds: Callable[[], bool]) -> None:
    for _ in range(500):
        if holds():
            return
        threading.Event().wait(0.02)
    raise TimeoutError("it did not come true")
