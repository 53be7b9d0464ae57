"""Two entities that are listed by id, next to each other on one warehouse: neither touches what the other keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg2
import pytest
from psycopg2.extensions import connection

from ingestion import backfill
from ingestion.backfill import finish_backfill, plan_ranges, pull_open_ranges, pull_range
from ingestion.collector import collect
from ingestion.entity import Entity, PullResult
from ingestion.sales import SALES, collect_sales
from medallion.bronze.ndjson import Ndjson
from medallion.bronze.reader import read_blocks
from medallion.database import connect
from medallion.entities.entity import ById
from medallion.errors import NothingToDo, SourceViolation
from medallion.settings import Settings
from medallion.state.backfill_ranges import read_progress
from medallion.state.gaps import Gap, keep_gaps
from medallion.state.id_range import IdRange
from medallion.state.locks import entity_lock, locked, range_lock
from medallion.state.receipts import all_receipts
from tests.conftest import serving
from tests.ledger_source import LedgerSource
from tests.queries import rows
from tests.returns_source import ReturnsTable, add_returns, in_memory, served

GAPS = "select entity, from_id, to_id, status from meta.gap order by entity, from_id"
RANGES = "select entity, from_id, to_id, cursor_value from meta.backfill_range order by entity, from_id"
WATERMARKS = "select entity, cursor_value from meta.ingestion_state where entity in ('returns', 'sales') order by 1"


@pytest.fixture
def ledger() -> LedgerSource:
    return LedgerSource()


@pytest.fixture
def table() -> ReturnsTable:
    return ReturnsTable()


@pytest.fixture(params=["in memory", "over HTTP"])
def returns(request: pytest.FixtureRequest, conn: connection, ledger: LedgerSource, table: ReturnsTable) -> Entity:
    """The second entity, by two kinds of source."""
    add_returns(conn)
    return in_memory(table) if request.param == "in memory" else served(table, ledger.app)


@pytest.fixture
def chosen(
    settings: Settings, returns: Entity, ledger: LedgerSource, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    del returns  # served, before its source is
    monkeypatch.setattr(backfill, "SMALLEST_RANGE", 100)
    with serving(ledger.app) as url:
        yield settings.model_copy(update={"source_api_url": url, "source_page_size": 50, "backfill_jobs": 1})


def pull(entity: Entity, conn: connection, chosen: Settings, *, full_refresh: bool = False) -> PullResult:
    return collect(entity, conn, chosen, run_id="hour", full_refresh=full_refresh)


def landed(conn: connection, chosen: Settings) -> list[int]:
    """Ids of the returns in Bronze, in the order in which they landed."""
    receipts = [one for one in all_receipts(conn) if one.dataset == "returns"]
    blocks = [block for one in receipts for block in read_blocks(chosen.bronze_location, one, 10**9)]
    return [json.loads(line)["return_id"] for block in blocks for line in block.splitlines()]


def test_each_keeps_its_own_gaps_under_the_same_ids(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit(1, 2, 5)
    table.commit([1, 3, 6])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    assert rows(conn, GAPS) == [
        ("returns", 2, 2, "OPEN"),
        ("returns", 4, 5, "OPEN"),
        ("sales", 3, 4, "OPEN"),
    ]
    assert rows(conn, "select from_id, to_id, status from meta.sales_gap") == [(3, 4, "OPEN")]
    assert rows(conn, WATERMARKS) == [("returns", "6"), ("sales", "5")]


@pytest.mark.parametrize("tells_totals", [True, False])
def test_what_arrives_late_for_one_fills_the_gap_of_that_one_alone(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity, tells_totals: bool
) -> None:
    if returns.open_source is not None:
        table.tells_totals = tells_totals
    ledger.commit(1, 2, 5)
    table.commit([1, 2, 5])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    table.commit([4])
    assert pull(returns, conn, chosen).late == 1
    assert rows(conn, GAPS) == [("returns", 3, 3, "OPEN"), ("returns", 4, 4, "FILLED"), ("sales", 3, 4, "OPEN")]
    assert landed(conn, chosen) == [1, 2, 5, 4]
    ledger.commit(3)
    assert collect_sales(conn, chosen, run_id="hour").late == 1
    assert rows(conn, GAPS)[:2] == [("returns", 3, 3, "OPEN"), ("returns", 4, 4, "FILLED")]
    assert rows(conn, WATERMARKS) == [("returns", "5"), ("sales", "5")]


def test_gaps_of_one_expire_without_those_of_the_other(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit(1, 3)
    table.commit([1, 3])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.gap set first_seen_at = now() - interval '49 hours'")
    pull(returns, conn, chosen)
    assert rows(conn, GAPS) == [("returns", 2, 2, "EXPIRED"), ("sales", 2, 2, "OPEN")]


def test_one_forgets_what_was_filled_long_ago_of_its_own_alone(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit(1, 3, 5)
    table.commit([1, 3, 5])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    filled = "update meta.gap set status = 'FILLED', last_checked_at = now() - interval '31 days' where from_id = 2"
    with conn, conn.cursor() as cursor:
        cursor.execute(filled)
    pull(returns, conn, chosen)
    assert rows(conn, GAPS) == [("returns", 4, 4, "OPEN"), ("sales", 2, 2, "FILLED"), ("sales", 4, 4, "OPEN")]


def test_both_are_pulled_in_ranges_side_by_side(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit_all(range(1, 301))
    table.commit(range(2, 401, 2))
    assert plan_ranges(SALES, conn, chosen, most=3) == [IdRange(1, 100), IdRange(101, 200), IdRange(201, 300)]
    assert plan_ranges(returns, conn, chosen, most=2) == [IdRange(1, 200), IdRange(201, 400)]
    pull_range(SALES, conn, chosen, run_id="backfill", first=1)
    pull_range(returns, conn, chosen, run_id="backfill", first=201)
    assert rows(conn, WATERMARKS) == [("returns", None), ("sales", "100")]
    finish_backfill(returns, conn, chosen, run_id="hour", full_refresh=False)
    assert rows(conn, WATERMARKS) == [("returns", "400"), ("sales", "100")]
    assert rows(conn, RANGES) == [("sales", 1, 100, 100), ("sales", 101, 200, None), ("sales", 201, 300, None)]
    assert read_progress(conn, "returns") is None
    assert sorted(landed(conn, chosen)) == sorted(table.ids)
    collect_sales(conn, chosen, run_id="hour")
    assert rows(conn, WATERMARKS) == [("returns", "400"), ("sales", "300")]
    assert rows(conn, RANGES) == []


def test_the_ranges_of_one_keep_the_pulls_of_the_other_out_of_nothing(
    conn: connection,
    database_url: str,
    chosen: Settings,
    ledger: LedgerSource,
    table: ReturnsTable,
    returns: Entity,
) -> None:
    ledger.commit_all(range(1, 301))
    table.commit(range(1, 301))
    plan_ranges(SALES, conn, chosen, most=3)
    plan_ranges(returns, conn, chosen, most=3)
    with (
        connect(database_url, application_name="the-other") as other,
        locked(other, entity_lock("sales"), shared=True),
        locked(other, range_lock("sales", 101)),
    ):
        assert read_progress(conn, "returns").at_work == 0  # type: ignore[union-attr]
        assert read_progress(conn, "sales").at_work == 1  # type: ignore[union-attr]
        assert pull_open_ranges(returns, conn, chosen, run_id="backfill") == 3
        table.commit([305])
        assert pull(returns, conn, chosen).records == {"returns": 1}
        with pytest.raises(NothingToDo, match="sales: left to the backfill"):
            collect_sales(conn, chosen, run_id="hour")
    assert rows(conn, WATERMARKS) == [("returns", "305"), ("sales", None)]


def test_a_full_refresh_and_a_source_that_fell_behind_are_those_of_one(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit(1, 2, 3)
    table.commit([1, 2, 3])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    assert pull(returns, conn, chosen, full_refresh=True).records == {"returns": 3}
    assert landed(conn, chosen) == [1, 2, 3, 1, 2, 3]
    table.ids = {7, 8, 9}
    with pytest.raises(SourceViolation, match=r"returns: the source does not know the records at the watermark 3"):
        pull(returns, conn, chosen)
    assert collect_sales(conn, chosen, run_id="hour").cursor_after == "3"


def test_a_watermark_that_is_no_id_stops_the_one_before_anything_is_asked(
    conn: connection, chosen: Settings, ledger: LedgerSource, table: ReturnsTable, returns: Entity
) -> None:
    ledger.commit(1)
    table.commit([1])
    collect_sales(conn, chosen, run_id="hour")
    pull(returns, conn, chosen)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.ingestion_state set cursor_value = 'yesterday' where entity = 'returns'")
    asked = len(table.asked)
    with pytest.raises(SourceViolation, match="returns: the cursor 'yesterday' is no id"):
        pull(returns, conn, chosen)
    assert len(table.asked) == asked
    assert collect_sales(conn, chosen, run_id="hour").cursor_after == "1"


def test_gaps_of_one_entity_never_overlap_and_those_of_two_may(conn: connection) -> None:
    insert = "insert into meta.gap (entity, from_id, to_id) values (%s, %s, %s)"
    with conn, conn.cursor() as cursor:
        cursor.execute("insert into meta.entity (entity, ordered_by) values ('orders', 'id'), ('returns', 'id')")
        keep_gaps(conn, "sales", [Gap(IdRange(5, 9))])
        keep_gaps(conn, "returns", [Gap(IdRange(5, 9))])
    for entity in ("sales", "returns"):
        with pytest.raises(psycopg2.errors.ExclusionViolation), conn, conn.cursor() as cursor:
            cursor.execute(insert, (entity, 9, 12))
    with conn, conn.cursor() as cursor:
        cursor.execute(insert, ("orders", 9, 12))


def test_a_listing_by_id_without_the_name_of_its_id_is_refused() -> None:
    with pytest.raises(ValueError, match="returns: a listing by id needs"):
        Entity("returns", ("returns",), lambda records: {"returns": Ndjson.of(records)}, order=ById())
