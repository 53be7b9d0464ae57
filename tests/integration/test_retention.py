"""Old Bronze: stays unless asked otherwise, goes only once Silver has it, and a rebuild is never short of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg2.extensions import connection

from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.bronze.retention import BronzeNotRemoved, expire_bronze, require_whole_bronze
from medallion.bronze.verify import verify_bronze
from medallion.database import connect
from medallion.errors import ConfigurationError, EntityLocked, NothingToDo
from medallion.settings import Settings
from medallion.state.locks import RETENTION, locked
from quality.rebuild import rebuild_in_place
from tests.queries import rows

SALES = "select count(*) from silver.sales_customer"


@pytest.fixture
def short(settings: Settings) -> Settings:
    """A month, for files that are older."""
    return settings.model_copy(update={"bronze_retention_days": 30.0})


@pytest.fixture
def bronze(conn: connection, settings: Settings) -> Path:
    """Sales that landed forty days ago and are in Silver."""
    collect_sales(conn, settings, run_id="r")
    load_all_silver(conn, settings, run_id="r")
    grow_old(conn)
    return Path(settings.bronze_location)


def grow_old(conn: connection) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.bronze_file set landed_at = landed_at - interval '40 days'")


def files(bronze: Path) -> list[Path]:
    return sorted(bronze.rglob("*.ndjson"))


def test_every_file_stays_unless_a_retention_is_set(conn: connection, settings: Settings, bronze: Path) -> None:
    with pytest.raises(NothingToDo):
        expire_bronze(conn, settings, run_id="r")
    assert files(bronze)


def test_old_files_go_and_what_stays_still_verifies(
    conn: connection, settings: Settings, short: Settings, bronze: Path
) -> None:
    before = verify_bronze(conn, settings)
    expired = expire_bronze(conn, short, run_id="r")
    assert (expired.files, expired.bytes) == (before.files, before.bytes)
    assert files(bronze) == []
    assert verify_bronze(conn, settings).files == 0
    assert expire_bronze(conn, short, run_id="r").files == 0


def test_a_file_that_is_young_or_not_in_silver_stays(
    conn: connection, settings: Settings, short: Settings, bronze: Path
) -> None:
    old = set(files(bronze))
    collect_sales(conn, settings, run_id="r2", full_refresh=True)
    load_all_silver(conn, settings, run_id="r2")
    young = set(files(bronze)) - old
    collect_sales(conn, settings, run_id="r3", full_refresh=True)
    not_loaded = set(files(bronze)) - old - young
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "update meta.bronze_file set landed_at = landed_at - interval '40 days' where silver_load_id is null"
        )
    expire_bronze(conn, short, run_id="r")
    assert young
    assert not_loaded
    assert set(files(bronze)) == young | not_loaded


def test_a_file_with_records_in_quarantine_stays_until_they_are_decided(
    conn: connection, short: Settings, bronze: Path
) -> None:
    kept = str(files(bronze)[0].relative_to(bronze))
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.rejected_record (dataset, path, line_no, reason, raw) "
            "values ('sales_customer', %s, 1, 'seen in a test', '')",
            (kept,),
        )
    expire_bronze(conn, short, run_id="r")
    assert [str(file.relative_to(bronze)) for file in files(bronze)] == [kept]
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.rejected_record set status = 'DISCARDED'")
    expire_bronze(conn, short, run_id="r")
    assert files(bronze) == []


def test_silver_is_not_emptied_when_bronze_no_longer_holds_all_of_it(
    conn: connection, settings: Settings, short: Settings, bronze: Path
) -> None:
    before = rows(conn, SALES)
    expire_bronze(conn, short, run_id="r")
    with pytest.raises(ConfigurationError, match="are gone"):
        rebuild_in_place(conn, settings, run_id="r")
    assert rows(conn, SALES) == before
    collect_sales(conn, settings, run_id="r2", full_refresh=True)
    with pytest.raises(ConfigurationError, match="are gone"):  # what the source has withdrawn did not come again
        require_whole_bronze(conn)


def test_no_file_goes_while_everything_is_built_again(conn: connection, short: Settings, bronze: Path) -> None:
    with connect(short.require_database_url()) as other, locked(other, RETENTION):
        with pytest.raises(EntityLocked):
            expire_bronze(conn, short, run_id="r")
    assert files(bronze)


def test_a_removal_that_died_in_the_middle_is_completed_by_the_next(
    conn: connection, short: Settings, bronze: Path
) -> None:
    blocked = files(bronze)[0]
    content = blocked.read_bytes()
    blocked.unlink()
    blocked.mkdir()  # what no account can remove as a file
    with pytest.raises(BronzeNotRemoved, match=blocked.name):
        expire_bronze(conn, short, run_id="r")
    blocked.rmdir()
    blocked.write_bytes(content)
    assert expire_bronze(conn, short, run_id="r").files >= 1
    assert files(bronze) == []
