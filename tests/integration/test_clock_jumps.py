"""A clock that jumps back: results come from load ids and cursors, so they are those of a clock that did not."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection
from sqlalchemy import create_engine, text

from medallion.alerting.deadline import missed_run_reason
from medallion.alerting.incidents import hour_began
from medallion.database import connect, transaction
from medallion.schema import prepare_schema
from medallion.settings import Settings
from medallion.state.backfill_ranges import read_progress
from medallion.state.loads import logged_load, succeed_load
from medallion.state.locks import locked, range_lock
from stack.commands.shifted_dates import find_library, unshifted
from stack.services.airflow.metadata import Metadata
from tests.conftest import KEY, serving
from tests.homes import open_folder
from tests.ledger_source import LedgerSource
from tests.pipeline import build_untested, hour
from tests.postgres_server import PostgresServer, running_server
from tests.process_table import eventually
from tests.queries import rows

LIBRARY = find_library()
TWO_HOURS, A_YEAR = timedelta(hours=2), timedelta(days=365)
NET = "select count(*), sum(quantity * unit_price - discount) from silver.sales_product"
GOLD = "select count(*), sum(net_amount) from gold.sales_item"
MART = "select sum(net_amount) from gold.mart_sales_by_customer"
GAPS = "select from_id, to_id, status from meta.sales_gap order by from_id"


@dataclass(frozen=True)
class Warehouse:
    """A server whose clock the test sets."""

    server: PostgresServer
    clock: Path

    def jump(self, by: timedelta) -> None:
        shift = int(os.environ.get("FAKETIME", "0"))  # these tests may run at a shifted date themselves
        self.clock.write_text(f"{shift + by.total_seconds():+.0f}\n", encoding="utf-8")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    if LIBRARY is None:
        pytest.skip("needs libfaketime (Debian: apt install faketime); CI installs it")
    with open_folder() as folder:
        clock = folder / "clock"
        clock.write_text("+0\n", encoding="utf-8")
        clock.chmod(0o644)
        environment = unshifted(os.environ) | {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with running_server(tmp_path_factory.mktemp("jumping"), environment) as server:
            yield Warehouse(server, clock)


@pytest.fixture
def jumping(warehouse: Warehouse) -> Iterator[connection]:
    """A session of a new warehouse on that server, its clock at the real time."""
    warehouse.jump(timedelta())
    name = f"retail_{uuid.uuid4().hex[:12]}"
    with closing(psycopg2.connect(warehouse.server.url("postgres"))) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"create database {name}")
    with connect(warehouse.server.url(name)) as conn:
        prepare_schema(conn)
        yield conn


@pytest.fixture
def ledger() -> LedgerSource:
    return LedgerSource()


@pytest.fixture
def jumping_settings(
    jumping: connection, warehouse: Warehouse, ledger: LedgerSource, tmp_path: Path
) -> Iterator[Settings]:
    with serving(ledger.app) as url:
        yield Settings(
            database_url=warehouse.server.url(jumping.info.dbname),
            source_api_url=url,
            source_api_key=KEY,
            retail_home=tmp_path,
            source_page_size=50,
        )


def clock_of(conn: connection) -> datetime:
    moment: datetime = rows(conn, "select clock_timestamp()")[0][0]
    return moment


@pytest.mark.slow
@pytest.mark.parametrize("back", [TWO_HOURS, A_YEAR], ids=["two hours", "a year"])
def test_an_hour_after_the_clock_jumped_back_brings_what_is_new_and_what_came_late(
    warehouse: Warehouse, jumping: connection, jumping_settings: Settings, ledger: LedgerSource, back: timedelta
) -> None:
    ledger.commit_all([*range(1, 100), 101])
    hour(jumping, jumping_settings, entities="sales")
    build_untested(jumping, jumping_settings)
    before = clock_of(jumping)
    warehouse.jump(-back)
    assert eventually(lambda: clock_of(jumping) < before - back / 2)
    ledger.commit_all([100, *range(102, 160), 161])
    hour(jumping, jumping_settings, entities="sales")
    build_untested(jumping, jumping_settings)
    assert rows(jumping, NET) == [(160, Decimal(160 * 24.5))]
    assert rows(jumping, GOLD) == rows(jumping, NET)
    assert rows(jumping, MART) == [(Decimal(160 * 24.5),)]
    assert rows(jumping, GAPS) == [(100, 100, "FILLED"), (160, 160, "OPEN")]
    assert rows(jumping, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [("161",)]


@pytest.mark.parametrize("back", [TWO_HOURS, A_YEAR], ids=["two hours", "a year"])
def test_an_hour_is_missed_by_the_clock_there_is_though_an_older_run_bears_a_later_time(
    conn: connection, back: timedelta
) -> None:
    """The latest time of all would keep the alarm quiet until the clock has come there again."""
    for run_id in ("before the jump", "after the jump"):
        with logged_load(conn, run_id=run_id, layer="bronze", dataset="sales") as load_id:
            with transaction(conn):
                succeed_load(conn, load_id)
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("update meta.load set started_at = started_at + %s where run_id = 'before the jump'", (back,))
    ((began, now),) = rows(conn, "select started_at, now() + interval '3 hours' from meta.load where run_id ~ 'after'")
    assert hour_began(conn, besides="mine") == began
    assert missed_run_reason(now, hour_began(conn, besides="mine"), 60)


def test_the_last_run_is_the_one_that_airflow_made_last(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'airflow.db'}"
    with create_engine(url).begin() as conn:
        conn.execute(
            text("create table dag_run (id integer, dag_id, run_id, state, start_date, end_date, logical_date)")
        )
        for number, day in ((1, "2027-11-06"), (2, "2026-11-06"), (3, None)):
            values = {"id": number, "run": f"run {number}", "at": day and f"{day} 12:00:00.000000"}
            conn.execute(text("insert into dag_run values (:id, 'hourly', :run, 'success', :at, :at, :at)"), values)
    last = Metadata(url).last_run("hourly")
    assert last is not None
    assert last.run_id == "run 2"


@pytest.mark.parametrize("ahead", ["0 hours", "2 hours", "1 year"])
def test_progress_is_told_without_an_estimate_when_its_load_began_in_the_future(conn: connection, ahead: str) -> None:
    with (
        locked(conn, range_lock("sales", 1)),
        logged_load(conn, run_id="r", layer="bronze", dataset="sales", exclusive=False) as load_id,
    ):
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute(
                "insert into meta.backfill_range (entity, from_id, to_id, cursor_value, cursor_taken, load_id) "
                "values ('sales', 1, 100, 50, 0, %s)",
                (load_id,),
            )
            cursor.execute(
                "update meta.load set started_at = clock_timestamp() + %s::interval where load_id = %s",
                (ahead, load_id),
            )
        progress = read_progress(conn, "sales")
    assert progress is not None
    assert progress.ids_done == 50
    assert progress.seconds_left is None or progress.seconds_left >= 0
    assert "-" not in progress.words()
