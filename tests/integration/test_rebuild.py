"""Bronze is enough: Silver and Gold come out of it again, row by row what the live ones are."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from gold.build import check_all_gold
from ingestion.deliveries.collector import collect_deliveries
from loaders.load_table import load_table
from medallion.entities.registry import DELIVERED
from medallion.errors import BronzeDamaged, DataQualityError, EntityLocked, NothingToDo
from medallion.settings import Settings
from quality.rebuild import rebuild_beside, rebuild_in_place
from tests.conftest import NOON, Source
from tests.deliveries import HEADER, sheet, top_up
from tests.figures import expected_mart, mart
from tests.integration.test_gold import build, hour
from tests.queries import content_of, rows


def execute(conn: connection, statement: str) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)


def hand_over(conn: connection, settings: Settings) -> None:
    """Files of top-ups: one that was replaced, one that was taken back, and one with a row in quarantine."""
    folder = settings.retail_home / "inbox" / "top_up"
    folder.mkdir(parents=True)
    at_once = settings.model_copy(update={"inbox_settle_seconds": 0, "reject_limit_share": 0.5})
    for name, lines in (
        ("top_up_2026-10-01.xlsx", [top_up("1"), top_up("2")]),
        ("top_up_2026-10-02.xlsx", [top_up("2", 7), top_up("3")]),
        ("top_up_2026-10-01 (2).xlsx", [top_up("1", 11), top_up("4", "?")]),
        ("top_up_2026-10-02 (2).xlsx", []),
        ("top_up_2026-10-03.xlsx", [top_up("2", 8)]),
    ):
        (folder / name).write_bytes(sheet(HEADER, *lines))
        collect_deliveries(conn, at_once, subject="top_up", run_id="day")
        load_table(conn, at_once, subject="top_up", run_id="day")
    assert rows(conn, "select top_up_id, amount::integer from silver.top_up order by 1") == [("1", 11), ("2", 8)]


@pytest.mark.slow
def test_a_rebuild_beside_equals_the_live_tables_and_finds_a_changed_cent(
    conn: connection, beside: connection, settings: Settings, source: Source
) -> None:
    for hours in range(2):
        source.set_clock(NOON + timedelta(days=3 * hours))
        hour(conn, settings)
    hand_over(conn, settings)
    build(conn, settings)
    rebuilt = rebuild_beside(conn, beside, settings, run_id="rebuild")
    assert {one.table for one in rebuilt.tables} >= {"silver.customers", "gold.sales_item"}
    silent = {f"silver.{name}{version}" for name in {*DELIVERED} - {"top_up"} for version in ("", "_version")}
    assert all(one.same and (one.live_rows > 0 or one.table in silent) for one in rebuilt.tables)
    assert rebuilt.skipped == ()
    execute(beside, "drop schema gold cascade; drop schema silver cascade; drop schema meta cascade")
    execute(conn, "update silver.sales_product set discount = discount + 0.01 where sale_id = 17 and line_no = 1")
    with pytest.raises(DataQualityError, match=r"silver\.sales_product: "):
        rebuild_beside(conn, beside, settings, run_id="rebuild")


@pytest.mark.slow
def test_a_rebuild_in_place_restores_what_was_lost_in_silver_and_gold(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    hand_over(conn, settings)
    before = content_of(conn, "silver.top_up")
    build(conn, settings)
    execute(conn, "delete from silver.sales_product where sale_id % 3 = 0; delete from gold.sales_item")
    execute(conn, "update silver.top_up set amount = amount + 1")
    rebuild_in_place(conn, settings, run_id="rebuild")
    assert content_of(conn, "silver.top_up") == before
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*) from meta.bronze_file where silver_load_id is null") == [(0,)]


@pytest.mark.slow
def test_a_rebuild_killed_between_core_and_mart_is_finished_by_the_next_hour(
    conn: connection, settings: Settings, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour(conn, settings)
    build(conn, settings)
    execute(conn, "update gold.mart_sales_by_customer set sale_count = sale_count + 1")

    def dies(*_: object, **__: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as crash:
        crash.setattr("quality.rebuild.build_mart", dies)
        with pytest.raises(SystemExit):
            rebuild_in_place(conn, settings, run_id="rebuild")
    build(conn, settings)
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*) from meta.gold_rebuild") == [(0,)]
    check_all_gold(conn, settings, run_id="night")


def test_all_of_gold_is_not_tested_before_it_was_built_nor_while_an_hour_is_on_its_way(
    conn: connection, settings: Settings
) -> None:
    with pytest.raises(NothingToDo):
        check_all_gold(conn, settings, run_id="night")
    hour(conn, settings)
    execute(conn, "create table gold.mart_sales_by_customer ()")
    with pytest.raises(EntityLocked, match="an hourly run is under way"):
        check_all_gold(conn, settings, run_id="night")


def test_damaged_bronze_is_refused_before_anything_is_touched(conn: connection, settings: Settings) -> None:
    hour(conn, settings)
    before = rows(conn, "select count(*) from silver.sales_product")
    next(iter(Path(settings.bronze_location).rglob("*.ndjson"))).write_bytes(b"{}\n")
    with pytest.raises(BronzeDamaged):
        rebuild_in_place(conn, settings, run_id="rebuild")
    assert rows(conn, "select count(*) from silver.sales_product") == before != [(0,)]
