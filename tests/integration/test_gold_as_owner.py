"""dbt that the owner of the warehouse runs may do what the role of the hourly run may, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from loaders.load_all_silver import load_all_silver
from medallion.database import connect
from medallion.errors import RetailError
from medallion.settings import Settings
from quality.rebuild import rebuild_beside, rebuild_in_place
from stack.services.postgres.roles import TRANSFORMATION, WAREHOUSE
from tests.conftest import NOON
from tests.figures import expected_mart, mart
from tests.integration.test_quarantine import header, line
from tests.integration.test_silver import land
from tests.pipeline import build, hour
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.roles import Platform, platform

TRAP = """
    create function gold.trap() returns trigger language plpgsql as $$
    begin
        update meta.ingestion_state set cursor_value = '999999' where entity = 'sales';
        return new;
    end $$;
    create trigger trap before insert or update on gold.{table} for each row execute function gold.trap();
"""


@pytest.fixture
def made(postgres_server: PostgresServer, home_of_roles: Path) -> Iterator[Platform]:
    with platform(postgres_server, home_of_roles) as one:
        yield one


@pytest.mark.slow
@pytest.mark.parametrize("table", ["sales_item", "mart_sales_by_customer"])
def test_a_trigger_in_gold_does_not_run_as_the_owner(made: Platform, table: str) -> None:
    made.hour()
    with made.login(TRANSFORMATION) as conn, conn, conn.cursor() as cursor:
        cursor.execute(TRAP.format(table=table))
    made.source.set_clock(NOON + timedelta(hours=1))
    with made.login(WAREHOUSE) as owner:
        hour(owner, made.settings)
        with suppress(RetailError):  # the trigger may not do it: a build that fails is as good
            build(owner, made.settings)
        assert rows(owner, "select cursor_value from meta.ingestion_state where entity = 'sales'") != [("999999",)]


@pytest.mark.slow
def test_the_owner_builds_what_the_hourly_role_owns(made: Platform) -> None:
    with made.login(WAREHOUSE) as owner:
        hour(owner, made.settings)
        build(owner, made.settings)
        rebuild_in_place(owner, made.settings, run_id="rebuild")
        owners = "select distinct tableowner from pg_tables where schemaname = 'gold'"
        assert rows(owner, owners) == [(TRANSFORMATION,)]
        assert mart(owner) == expected_mart(made.source)
    made.hour()


@pytest.mark.slow
def test_a_rebuild_in_another_database_works_for_the_owner(made: Platform) -> None:
    made.hour()
    with made.login(WAREHOUSE) as owner:
        with connect(made.server.url("postgres")) as admin, admin.cursor() as cursor:
            admin.autocommit = True
            cursor.execute("drop database if exists beside_of_owner with (force)")
            cursor.execute(f"create database beside_of_owner owner {WAREHOUSE}")
            cursor.execute("revoke connect, temporary on database beside_of_owner from public")
        with connect(made.url(WAREHOUSE, "beside_of_owner")) as beside:
            assert all(one.same for one in rebuild_beside(owner, beside, made.settings, run_id="rebuild").tables)


RUN_IDS = ["x' || current_user || '", "'; drop table gold.sales_item; --", "{{ 1 + 1 }} %s \\'", "$$ é '' \n x"]


@pytest.mark.slow
def test_a_run_id_is_stored_as_it_is(conn: connection, settings: Settings) -> None:
    land(conn, settings, [header()], "sales_customer")
    land(conn, settings, [line()], "sales_product")
    load_all_silver(conn, settings, run_id="load")
    gold.prepare(conn, settings, run_id="prepare")
    for run_id in RUN_IDS:
        gold.build_core(conn, settings, run_id=run_id)
    found = rows(conn, "select distinct run_id from meta.load where layer = 'gold'")
    assert sorted(found) == sorted((one,) for one in RUN_IDS)
