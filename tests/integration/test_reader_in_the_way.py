"""A reader that means harm: it lifts its own limits, takes every lock it may, and stops no step."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection

from ingestion import backfill
from ingestion.sales import collect_sales
from ingestion.sales_backfill import plan_backfill
from medallion.bronze.retention import expire_bronze
from medallion.database import connect
from medallion.process.steps import CORE, MARTS, NIGHTLY_MARTS
from medallion.state.backfill_ranges import read_progress
from medallion.state.locks import entity_lock, locked
from stack.services.postgres.roles import INGESTION, READER, WAREHOUSE
from tests.conftest import NOON
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.roles import Platform, platform

# Whatever a step of ours has ever locked by name.
NAMES = {
    "retail.bronze": "customers products stores sales retention",
    "retail.silver": "customers products stores sales_customer sales_product",
    "retail.gold": " ".join(["build", *(name.removeprefix("gold.") for name in (*CORE, *MARTS, *NIGHTLY_MARTS))]),
}

# Where no superuser has run sql/hardening.sql.
AS_ON_A_MANAGED_SERVER = """
    do $$
    declare
        one regprocedure;
    begin
        for one in select oid from pg_proc where proname like '%advisory%' loop
            execute format('grant execute on function %s to public', one);
        end loop;
    end $$
"""


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        with connect(postgres_server.url(WAREHOUSE)) as admin, admin, admin.cursor() as cursor:
            cursor.execute(AS_ON_A_MANAGED_SERVER)
        yield one


@pytest.fixture
def reader(made: Platform) -> Iterator[connection]:
    """A session of the reader that has lifted every limit it may lift."""
    with connect(made.url(READER)) as conn:
        conn.set_session(readonly=False)
        with conn.cursor() as cursor:
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"):
                cursor.execute(f"set {limit} = 0")
        conn.commit()
        yield conn


def takes_every_lock(reader: connection) -> None:
    """Advisory locks of every name and of every session, and of every table the only lock that a reader may have."""
    with reader.cursor() as cursor:
        for space, names in NAMES.items():
            every = [*names.split(), *(f"sales from {first}" for first in range(1, 3000))]
            cursor.execute(
                "select pg_advisory_lock(hashtext(%s), hashtext(name)) from unnest(%s) as name", [space, every]
            )
        cursor.execute("select pg_advisory_lock(hashtext('retail.schema'))")
        reader.commit()
        cursor.execute(
            "select oid::regclass from pg_class where relkind in ('r', 'v') and has_table_privilege(oid, 'select')"
            " and relnamespace::regnamespace::text in ('meta', 'silver', 'gold')"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"lock table {table} in access share mode")
        cursor.execute("select count(*) from meta.load")


@pytest.mark.slow
def test_a_reader_that_holds_every_lock_there_is_stops_no_step(made: Platform, reader: connection) -> None:
    made.hour()
    takes_every_lock(reader)
    made.source.set_clock(NOON + timedelta(hours=1))
    assert made.hour()
    with made.login(INGESTION) as conn:
        expire_bronze(conn, made.settings.model_copy(update={"bronze_retention_days": 1}), run_id="night")
        last = str(made.source.data.last_sale_id())
        assert rows(conn, "select cursor_value from meta.ingestion_state where entity = 'sales'") == [(last,)]


def test_ranges_of_a_killed_backfill_are_not_left_to_a_reader(
    made: Platform, reader: connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "SMALLEST_RANGE", 50)
    with made.login(INGESTION) as conn:
        planned = plan_backfill(conn, made.settings, run_id="backfill")
        assert len(planned.ranges) > 1
        with reader.cursor() as cursor:
            for one in planned.ranges:
                cursor.execute(
                    "select pg_advisory_lock(hashtext('retail.bronze'), hashtext(%s))", [f"sales from {one.first}"]
                )
        progress = read_progress(conn, "sales")
        assert progress is not None
        assert progress.at_work == 0
        collected = collect_sales(conn, made.settings, run_id="hour")
        assert rows(conn, "select count(*) from meta.sales_backfill") == [(0,)]
        assert collected.cursor_after == str(made.source.data.last_sale_id())


def same_lock(high: int, low: int, kind: int) -> tuple[str, list[int]]:
    """Takes the advisory lock that pg_locks shows like this: by one number, or by two."""
    if kind == 1:
        return "select pg_advisory_lock(%s::bigint << 32 | %s::bigint)", [high, low]
    return "select pg_advisory_lock(%s::bigint::bit(32)::int, %s::bigint::bit(32)::int)", [high, low]


def test_the_lock_of_a_step_cannot_be_queued_for_by_a_reader(made: Platform, reader: connection) -> None:
    """What a step holds is to be seen in pg_locks; a reader that waits for it gets nothing that a step asks for."""
    reader.set_session(autocommit=True)
    held = "select classid, objid, objsubid from pg_locks where locktype = 'advisory' and granted"
    with made.login(INGESTION) as conn, made.login(WAREHOUSE) as other:
        for _ in range(3):
            with locked(conn, entity_lock("sales")):
                seen = rows(reader, held)
            with reader.cursor() as cursor:
                for key in seen:
                    cursor.execute(*same_lock(*key))
        with locked(other, entity_lock("sales")):
            pass


def test_a_reader_may_neither_hold_nor_change_a_row_of_the_locks(made: Platform, reader: connection) -> None:
    tries = (
        "insert into meta.lock_holder (token, space, name, is_shared) values (1, 'bronze', 'sales', false)",
        "delete from meta.lock_holder",
        "select from meta.lock for update",
        "select from meta.lock for key share",
        "select from meta.lock_holder for share",
        "insert into meta.lock (space, name) values ('bronze', 'sales')",
        "lock table meta.lock in row share mode",
        "lock table meta.lock_holder in share mode",
        "select meta.take_lock('bronze', 'sales', false)",
        "select meta.give_lock_back(1)",
        "select meta.hold_lock_row('gold', 'sales_item')",
    )
    for statement in tries:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(reader, statement)
        reader.rollback()
