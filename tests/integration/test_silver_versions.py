"""Every version that reached Bronze is in `silver.<table>_version` with its load, also after an upgrade."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from loaders.load_customers import load_customers
from loaders.rejects import list_rejects, retry_rejects
from medallion.bronze.retention import expire_bronze
from medallion.process.fail_points import VARIABLE
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT, Settings
from quality.rebuild import rebuild_beside, rebuild_in_place
from tests.conftest import Source
from tests.listing_source import customer
from tests.pipeline import hour
from tests.property.warehouse import land
from tests.queries import content_of, execute, rows

VERSIONS = "select customer_id, extract(day from updated_at)::int, city from silver.customers_version order by 1, 2, 3"
LAST = "select meta.last_load_id('silver.customers_version'), meta.last_load_id('silver.customers')"
START = "select complete_since is null, is_whole from meta.vw_history_start where dataset = 'customers'"
MENDED = """
    update meta.rejected_record
    set raw = convert_to(replace(convert_from(raw, 'UTF8'), '"FRA"', '"FR"'), 'UTF8')
"""
# As a warehouse was before versions were kept.
BEFORE = "drop table silver.customers_version; update meta.bronze_file set has_versions = false"


def version(day: int, city: str = "Lyon", customer_id: int = 1, **changed: Any) -> bytes:
    return json.dumps(customer(customer_id, f"2026-10-{day:02}T00:00:00Z", city=city, **changed)).encode()


def arrive(conn: connection, settings: Settings, *versions: bytes) -> None:
    """A file of Bronze, loaded."""
    land(conn, settings, "customers", versions)
    load_customers(conn, settings, run_id="hour")


def wait_until_alone(conn: connection) -> None:
    """The session of a killed process ends a moment after it."""
    others = """
        select count(*) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
    """
    deadline = time.monotonic() + 30
    while rows(conn, others) != [(0,)]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_versions_superseded_within_a_file_are_kept(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1, "Lyon"), version(3, "Nice"), version(2, "Brest"))
    assert rows(conn, "select city from silver.customers") == [("Nice",)]
    assert rows(conn, VERSIONS) == [(1, 1, "Lyon"), (1, 2, "Brest"), (1, 3, "Nice")]
    ((of_versions, of_table),) = rows(conn, LAST)
    assert of_versions > of_table
    assert rows(conn, "select distinct _load_id from silver.customers_version") == [(of_versions,)]


def test_new_keys_that_are_copied_straight_in_have_their_versions(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1, customer_id=1), version(1, customer_id=5))
    arrive(conn, settings, version(1, "Nice", customer_id=3))
    arrive(conn, settings, version(2, "Nice", customer_id=7), version(2, customer_id=8))
    assert [row[0] for row in rows(conn, VERSIONS)] == [1, 3, 5, 7, 8]


def test_a_late_older_version_changes_no_row_and_is_an_increment_of_its_own(
    conn: connection, settings: Settings
) -> None:
    arrive(conn, settings, version(3, "Nice"))
    ((before, of_table),) = rows(conn, LAST)
    arrive(conn, settings, version(1, "Lyon"))
    ((after, still),) = rows(conn, LAST)
    assert after > before
    assert still == of_table
    assert rows(conn, VERSIONS) == [(1, 1, "Lyon"), (1, 3, "Nice")]


def test_a_version_that_is_known_is_not_appended_and_opens_no_load(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1), version(2, "Nice"))
    before = rows(conn, LAST)
    arrive(conn, settings, version(1), version(2, "Nice"), version(2, "Nice"))
    assert rows(conn, LAST) == before
    loads = "select rows_read, rows_inserted, rows_unchanged from meta.load where dataset = 'customers_version'"
    assert rows(conn, loads) == [(2, 2, 0)]
    arrive(conn, settings, version(1), version(4, "Brest"))
    assert rows(conn, loads) == [(2, 2, 0), (2, 1, 1)]


def test_two_contents_of_one_version_are_both_kept(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1, "Lyon"), version(1, "Nice"))
    assert rows(conn, "select city from silver.customers") == [("Nice",)]
    assert rows(conn, VERSIONS) == [(1, 1, "Lyon"), (1, 1, "Nice")]


def test_a_record_that_a_retry_lets_in_has_its_version(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1), version(2, "Nice", customer_id=2).replace(b'"FR"', b'"FRA"'))
    assert [row[0] for row in rows(conn, VERSIONS)] == [1]
    execute(conn, MENDED)
    assert retry_rejects(conn, list_rejects(conn), run_id="retry").resolved
    assert [row[0] for row in rows(conn, VERSIONS)] == [1, 2]


@pytest.mark.parametrize("point", ["silver.merged", "versions.appended", "silver.marked"])
def test_a_load_killed_around_its_versions_leaves_neither_rows_nor_versions(
    conn: connection, settings: Settings, point: str
) -> None:
    arrive(conn, settings, version(1))
    before = rows(conn, VERSIONS), rows(conn, "select city from silver.customers"), rows(conn, LAST)
    land(conn, settings, "customers", [version(2, "Nice"), version(3, "Brest")])
    environment = os.environ | {
        VARIABLE: point,
        "DATABASE_URL": settings.require_database_url(),
        "RETAIL_HOME": str(settings.retail_home),
    }
    command = [sys.executable, "-m", "loaders.load_customers"]
    died = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert (rows(conn, VERSIONS), rows(conn, "select city from silver.customers"), rows(conn, LAST)) == before
    wait_until_alone(conn)
    load_customers(conn, settings, run_id="hour")
    assert rows(conn, VERSIONS) == [(1, 1, "Lyon"), (1, 2, "Nice"), (1, 3, "Brest")]
    assert rows(conn, "select city from silver.customers") == [("Brest",)]


def test_a_rebuild_gives_the_same_versions(
    conn: connection, beside: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("prepare", "build_core", "build_mart", "check_gold"):
        monkeypatch.setattr(f"quality.rebuild.{name}", lambda *_, **__: None)
    monkeypatch.setattr("quality.rebuild.GOLD", ())
    arrive(conn, settings, version(3, "Nice"), version(2, "Brest"))
    arrive(conn, settings, version(1), version(3, "Lyon"), version(1, customer_id=2))
    before = content_of(conn, "silver.customers_version")
    rebuilt = rebuild_beside(conn, beside, settings, run_id="rebuild")
    assert {one.table: one.same for one in rebuilt.tables}["silver.customers_version"]
    rebuild_in_place(conn, settings, run_id="rebuild")
    assert content_of(conn, "silver.customers_version") == before
    execute(conn, "delete from silver.customers_version where city = 'Brest'")
    execute(beside, "drop schema gold cascade; drop schema silver cascade; drop schema meta cascade")
    with pytest.raises(Exception, match=r"silver\.customers_version: 4 rows live, 5 rebuilt"):
        rebuild_beside(conn, beside, settings, run_id="rebuild")


def test_an_upgrade_begins_with_the_rows_that_are_there_and_reads_the_rest_from_bronze(
    conn: connection, settings: Settings
) -> None:
    arrive(conn, settings, version(1), version(2, "Brest"))
    arrive(conn, settings, version(3, "Nice"))
    before = rows(conn, VERSIONS)
    execute(conn, BEFORE)
    prepare_schema(conn, even_if_unchanged=True)
    assert rows(conn, VERSIONS) == [(1, 3, "Nice")]
    assert (
        rows(conn, "select run_id, rows_inserted from meta.load where dataset = 'customers_version'")[-1][0] == "schema"
    )
    assert rows(conn, START) == [(False, False)]
    assert load_customers(conn, settings, run_id="hour").files == 0
    assert rows(conn, VERSIONS) == before
    assert rows(conn, START) == [(True, True)]
    assert rows(conn, "select city, _load_id from silver.customers")[0][0] == "Nice"
    last = rows(conn, LAST)
    load_customers(conn, settings, run_id="hour")
    assert rows(conn, LAST) == last


def test_history_starts_after_the_last_file_that_cannot_be_read_any_more(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1))
    arrive(conn, settings, version(2, "Brest"))
    arrive(conn, settings, version(3, "Nice"))
    execute(conn, "update meta.bronze_file set expired_at = now() where path like 'customers/%' and load_id = 1")
    execute(conn, BEFORE)
    prepare_schema(conn, even_if_unchanged=True)
    load_customers(conn, settings, run_id="hour")
    assert rows(conn, VERSIONS) == [(1, 2, "Brest"), (1, 3, "Nice")]
    since = "select complete_since from meta.vw_history_start where dataset = 'customers'"
    assert rows(conn, since) == rows(conn, "select landed_at from meta.bronze_file where expired_at is not null") != []
    assert rows(conn, START) == [(False, False)]


def test_a_damaged_file_is_reported_and_keeps_no_load_from_its_work(
    conn: connection, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    arrive(conn, settings, version(1))
    arrive(conn, settings, version(2, "Brest"))
    execute(conn, BEFORE)
    prepare_schema(conn, even_if_unchanged=True)
    ((path,),) = rows(conn, "select path from meta.bronze_file where load_id = 1")
    (Path(settings.bronze_location) / path).write_bytes(b"{}\n")
    arrive(conn, settings, version(3, "Nice"))
    assert rows(conn, VERSIONS) == [(1, 2, "Brest"), (1, 3, "Nice")]
    assert path in caplog.text
    assert rows(conn, START) == [(False, False)]


def test_retention_removes_no_file_whose_versions_are_not_kept_yet(conn: connection, settings: Settings) -> None:
    arrive(conn, settings, version(1))
    execute(conn, "update meta.bronze_file set has_versions = false, landed_at = landed_at - interval '9 days'")
    short = settings.model_copy(update={"bronze_retention_days": 1})
    assert expire_bronze(conn, short, run_id="night").files == 0
    load_customers(conn, settings, run_id="hour")
    assert expire_bronze(conn, short, run_id="night").files == 1


def test_an_hour_of_the_source_has_as_many_versions_as_records(
    conn: connection, settings: Settings, source: Source
) -> None:
    hour(conn, settings)
    held = "select count(*) from silver.{}"
    for name in ("customers", "products"):
        landed = rows(conn, f"select sum(records) from meta.bronze_file where dataset = '{name}'")
        assert rows(conn, held.format(f"{name}_version")) == landed
