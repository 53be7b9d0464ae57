"""Back up and restore as docs/operations.md says: nothing is lost or doubled, even if the halves differ in age."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
import subprocess
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection
from pydantic import SecretStr
from rich.console import Console

from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_all_silver import load_all_silver
from medallion.bronze.verify import require_intact, retire_damaged, verify_bronze
from medallion.database import connect
from medallion.errors import BronzeDamaged, ConfigurationError, DatabaseError, EntityLocked, FilesDamaged, RetailError
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT, Settings
from medallion.state.locks import RETENTION, locked
from stack.commands.backup import BackedUp, back_up, back_up_warehouse
from stack.commands.backup_folder import read_manifest
from stack.commands.dump import dump_warehouse, restore_warehouse
from stack.commands.restore import restore, restore_backup
from stack.commands.tools import find_program, libpq_environment
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.source_api import PinnedDataSet, recall_data_set
from tests.conftest import KEY, NOON, Source, _administer
from tests.postgres_server import PostgresServer
from tests.queries import rows
from tests.retail_cli import retail

TOTALS = "select count(distinct sale_id), count(*), sum(quantity * unit_price - discount) from silver.sales_product"


def dumped(url: str, file: Path) -> Path:
    dump_warehouse(find_program(StackSettings(), "pg_dump"), url, file)
    return file


def restored(url: str, file: Path) -> None:
    restore_warehouse(find_program(StackSettings(), "pg_restore"), url, file)


@pytest.fixture
def empty_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database."""
    name = f"restored_{uuid.uuid4().hex[:12]}"
    _administer(postgres_server, "create database {}", name)
    yield postgres_server.url(name)
    _administer(postgres_server, "drop database {} with (force)", name)


def pull(conn: connection, settings: Settings, run_id: str, *, full_refresh: bool = False) -> None:
    for collect in (collect_customers, collect_products, collect_sales):
        collect(conn, settings, run_id=run_id, full_refresh=full_refresh)


def hour(conn: connection, settings: Settings, run_id: str) -> None:
    """Source → Bronze → Silver."""
    pull(conn, settings, run_id)
    load_all_silver(conn, settings, run_id=run_id)


def assert_silver_is_what_was_sold(conn: connection, source: Source) -> None:
    """Every sale of the source once, to the cent; every customer and product."""
    totals = source.data.totals(0, None)
    assert rows(conn, TOTALS) == [(totals.sales, totals.lines, totals.net_amount)]
    assert rows(conn, "select count(*) from silver.sales_customer") == [(totals.sales,)]
    for table in ("customers", "products"):
        listed = source.data.listing_page(table, None, 10**6).items
        assert rows(conn, f"select count(*) from silver.{table}") == [(len(listed),)]


def bronze(settings: Settings) -> Path:
    return Path(settings.bronze_location)


# ---------------------------------------------------------------- both halves


def hashes(conn: connection) -> dict[str, tuple[int, Any]]:
    """Number of rows and a hash of every table of the warehouse, but for the note of what schema was applied."""
    named = "select schemaname || '.' || tablename from pg_tables where schemaname in ('meta', 'silver', 'gold')"
    every = sorted(name for (name,) in rows(conn, named) if name != "meta.applied_schema")
    query = "select count(*), sum(hashtextextended(t::text, 0)::numeric) from {} as t"
    return {name: rows(conn, query.format(name))[0] for name in every}


def quiet() -> Talk:
    return Talk(Console(file=io.StringIO()))


def backed_up(url: str, settings: Settings, folder: Path) -> BackedUp:
    folder.mkdir(exist_ok=True)
    return back_up_warehouse(find_program(StackSettings(), "pg_dump"), url, stack(settings), folder, NOON, talk=quiet())


def restored_backup(url: str, settings: Settings, folder: Path) -> str:
    manifest = read_manifest(folder)
    return restore_backup(
        find_program(StackSettings(), "pg_restore"), url, stack(settings), folder, manifest, talk=quiet()
    )


def stack(settings: Settings) -> StackSettings:
    return StackSettings(**settings.model_dump())


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    """The settings of a platform that has no Bronze file yet."""
    return settings.model_copy(update={"bronze_url": str(tmp_path / "elsewhere")})


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_platform_restored_as_the_page_says_is_whole_and_goes_on(source: Source, tmp_path: Path) -> None:
    page = (PROJECT_ROOT / "docs" / "operations.md").read_text()
    for step in ("./retail backup /backup/retail", "./retail restore /backup/retail", "./retail rebuild"):
        assert step in page
    folder = tmp_path / "backup"
    of_source = {"SOURCE_API_URL": source.url, "SOURCE_API_KEY": KEY}
    counts = "select count(*), count(distinct (sale_id, line_no)), sum(net_amount) from gold.sales_item"
    with retail(**of_source) as old:
        assert old("run", seconds=400).code == 0
        assert old("backup", str(folder), "--json").json()["copied"] > 0
        before = old("psql", "-XAtc", counts).out
    with retail(**of_source) as new:
        assert new("restore", str(folder)).code == 0
        assert new("psql", "-XAtc", counts).out == before
        assert new("verify").code == 0
        assert new("rebuild", seconds=400).code == 0
        source.set_clock(NOON + timedelta(hours=1))
        ended = new("run", seconds=400)
        assert ended.code == 0, ended.err
        totals = source.data.totals(0, None)
        assert new("psql", "-XAtc", counts).out.strip() == f"{totals.lines}|{totals.lines}|{totals.net_amount}"
        assert new("verify").code == 0
        owners = "select distinct tableowner from pg_tables where schemaname = 'gold'"
        assert new("psql", "-XAtc", owners).out.strip() == "retail_transformation"
        refused = new("restore", str(folder))
        assert (refused.code, "holds data already" in refused.err) == (3, True)
        assert new.processes() == []


def test_a_backup_that_is_restored_elsewhere_is_equal_and_private(
    conn: connection, database_url: str, settings: Settings, elsewhere: Settings, empty_url: str, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "create schema dev_jo; create table dev_jo.copy_of_gold (id int); create table analyst.own (id int)"
        )
    done = backed_up(database_url, settings, tmp_path / "backup")
    assert (done.copied, done.files) == (4, 4)
    written = [file for file in (tmp_path / "backup").rglob("*") if file.is_file()]
    assert {stat.S_IMODE(file.stat().st_mode) for file in written} == {0o600}
    assert "4 of 4 files match" in restored_backup(empty_url, elsewhere, tmp_path / "backup")
    with connect(empty_url) as copy:
        assert hashes(copy) == hashes(conn)
        assert rows(copy, "select to_regclass('dev_jo.copy_of_gold'), to_regclass('analyst.own')") == [(None, None)]
        assert verify_bronze(copy, stack(elsewhere)).damaged == {}
        with pytest.raises(ConfigurationError, match="holds data already"):
            restored_backup(empty_url, elsewhere, tmp_path / "backup")


def test_a_backup_copies_only_what_is_not_there_or_damaged(
    conn: connection, database_url: str, settings: Settings, source: Source, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    backed_up(database_url, settings, tmp_path / "backup")
    cut, lost, *_ = sorted((tmp_path / "backup").rglob("*.ndjson"))
    os.truncate(cut, 10)
    lost.unlink()
    assert backed_up(database_url, settings, tmp_path / "backup").copied == 2
    source.set_clock(NOON + timedelta(hours=3))
    hour(conn, settings, "two")
    again = backed_up(database_url, settings, tmp_path / "backup")
    assert again.copied < again.files
    assert len(list((tmp_path / "backup").glob("*.dump"))) == 1
    assert len(read_manifest(tmp_path / "backup").files) == again.files


def test_a_damaged_bronze_file_makes_no_backup_and_spares_the_one_before(
    conn: connection, database_url: str, settings: Settings, source: Source, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    backed_up(database_url, settings, tmp_path / "backup")
    before = read_manifest(tmp_path / "backup")
    source.set_clock(NOON + timedelta(hours=3))
    hour(conn, settings, "two")
    newest = max(bronze(settings).rglob("*.ndjson"), key=lambda file: file.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[::-1])
    with pytest.raises(FilesDamaged, match="1 of"):
        backed_up(database_url, settings, tmp_path / "backup")
    assert read_manifest(tmp_path / "backup") == before
    assert (tmp_path / "backup" / before.dump).is_file()
    with pytest.raises(FilesDamaged):
        backed_up(database_url, settings, tmp_path / "other")
    with pytest.raises(ConfigurationError, match="is not a complete backup"):
        read_manifest(tmp_path / "other")


@pytest.mark.parametrize("part", ["*.dump", "bronze/*/*/*.ndjson"])
def test_a_damaged_backup_is_named_and_leaves_the_warehouse_empty(
    conn: connection,
    database_url: str,
    settings: Settings,
    elsewhere: Settings,
    empty_url: str,
    tmp_path: Path,
    part: str,
) -> None:
    hour(conn, settings, "one")
    backed_up(database_url, settings, tmp_path / "backup")
    file = next((tmp_path / "backup").glob(part))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ConfigurationError, match=r"is damaged: .* 1 file"):
        restored_backup(empty_url, elsewhere, tmp_path / "backup")
    with connect(empty_url) as copy:
        assert rows(copy, "select to_regnamespace('meta')") == [(None,)]
    file.write_bytes(content)
    restored_backup(empty_url, elsewhere, tmp_path / "backup")  # what was copied before is no hindrance


def test_a_bronze_with_other_files_is_refused(
    conn: connection, database_url: str, settings: Settings, elsewhere: Settings, empty_url: str, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    backed_up(database_url, settings, tmp_path / "backup")
    (tmp_path / "elsewhere" / "sales").mkdir(parents=True)
    (tmp_path / "elsewhere" / "sales" / "other.ndjson").touch()
    with pytest.raises(ConfigurationError, match=r"1 file that the backup does not have: sales/other\.ndjson"):
        restored_backup(empty_url, elsewhere, tmp_path / "backup")


def test_a_folder_that_takes_no_file_is_named_with_what_to_do(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    (tmp_path / "backup").mkdir()
    (tmp_path / "backup" / "bronze").touch()
    with pytest.raises(RetailError, match=r"the copy to .* stopped") as raised:
        backed_up(database_url, settings, tmp_path / "backup")
    assert "it resumes" in raised.value.remedy
    (tmp_path / "backup" / "bronze").unlink()
    assert backed_up(database_url, settings, tmp_path / "backup").copied == 4


def test_a_file_that_lands_during_the_dump_is_in_neither_half(
    conn: connection, database_url: str, settings: Settings, elsewhere: Settings, empty_url: str, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    psql, pg_dump = (find_program(StackSettings(), name) for name in ("psql", "pg_dump"))
    copied = (
        "insert into meta.bronze_file (path, dataset, load_id, part, records, bytes, sha256, cursor_through) "
        "select 'late/file.ndjson', dataset, load_id, 99, records, bytes, sha256, cursor_through "
        "from meta.bronze_file limit 1"
    )
    program = tmp_path / "pg_dump"
    program.write_text(f'#!/bin/sh\n{psql} -qc "{copied}" || exit 1\nexec {pg_dump} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "backup").mkdir()
    done = back_up_warehouse(str(program), database_url, stack(settings), tmp_path / "backup", NOON, talk=quiet())
    assert rows(conn, "select count(*) from meta.bronze_file") == [(done.files + 1,)]
    restored_backup(empty_url, elsewhere, tmp_path / "backup")
    with connect(empty_url) as copy:
        assert rows(copy, "select count(*) from meta.bronze_file") == [(done.files,)]


def test_a_backup_and_a_retention_keep_each_other_out(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    home = Home(tmp_path / "home").prepare()
    with connect(database_url) as night, locked(night, RETENTION), pytest.raises(EntityLocked):
        back_up(home, stack(settings), quiet(), tmp_path / "backup", NOON)
    assert back_up(home, stack(settings), quiet(), tmp_path / "backup", NOON).files == 4


def test_a_manifest_that_names_files_outside_is_refused(tmp_path: Path) -> None:
    inside = {"path": "a/../../b", "records": 1, "bytes": 1, "sha256": "0"}
    told = {"format": 1, "taken_at": "2026-11-06T12:00:00Z", "migration": None, "dump": "w.dump", "dump_bytes": 1}
    text = json.dumps(told | {"dump_sha256": "0", "files": [inside]})
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigurationError, match="outside of the backup"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(text.replace('"format": 1', '"format": 2').replace("..", "c"))
    with pytest.raises(ConfigurationError, match="format 2"):
        read_manifest(tmp_path)


def test_a_dump_is_private_whole_and_equal(
    conn: connection, database_url: str, settings: Settings, empty_url: str
) -> None:
    hour(conn, settings, "one")
    file = dumped(database_url, settings.retail_home / "warehouse.dump")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in settings.retail_home.glob("*.new")] == []
    restored(empty_url, file)
    with connect(empty_url) as copy:
        for table in ("meta.load", "meta.bronze_file", "meta.ingestion_state", "silver.sales_product"):
            query = f"select count(*), sum(hashtextextended(t::text, 0)::numeric) from {table} as t"
            assert rows(copy, query) == rows(conn, query), table


def test_a_restore_into_a_warehouse_with_data_is_refused_and_changes_nothing(
    conn: connection, database_url: str, settings: Settings
) -> None:
    hour(conn, settings, "one")
    file = dumped(database_url, settings.retail_home / "warehouse.dump")
    before = rows(conn, "select count(*) from meta.load")
    with pytest.raises(ConfigurationError, match="holds data already"):
        restored(database_url, file)
    assert rows(conn, "select count(*) from meta.load") == before


def test_a_dump_that_was_cut_off_restores_nothing(
    conn: connection, database_url: str, settings: Settings, empty_url: str
) -> None:
    hour(conn, settings, "one")
    file = dumped(database_url, settings.retail_home / "warehouse.dump")
    os.truncate(file, file.stat().st_size * 3 // 4)
    with pytest.raises(DatabaseError, match="did not take"):
        restored(empty_url, file)
    with connect(empty_url) as copy:
        assert rows(copy, "select to_regnamespace('meta')") == [(None,)]
    with pytest.raises(ConfigurationError, match="is not a file"):
        restored(empty_url, settings.retail_home / "none.dump")


def test_a_dump_that_cannot_be_written_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be written"):
        dumped(database_url, tmp_path / "none" / "warehouse.dump")
    with pytest.raises(DatabaseError, match="could not be dumped"):
        dumped(f"{database_url}_of_nobody", tmp_path / "warehouse.dump")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["", "bronze", "bronze/sales_product", "link"])
def test_a_backup_that_would_be_bronze_itself_is_refused(settings: Settings, folder: str) -> None:
    home = Home(settings.retail_home).prepare()
    (home.path / "link").mkdir()
    (home.path / "link" / "bronze").symlink_to(home.path / "bronze")
    with pytest.raises(ConfigurationError, match="where Bronze itself is"):
        back_up(home, stack(settings), quiet(), home.path / folder, NOON)
    assert list(home.path.rglob("*.dump")) == []


def test_a_backup_that_cannot_exist_is_refused(settings: Settings, tmp_path: Path) -> None:
    home = Home(settings.retail_home).prepare()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        restore(home, stack(settings), quiet(), tmp_path / ("x" * 300))


def test_what_pg_restore_alone_has_read_is_granted_by_the_next_command(
    conn: connection, database_url: str, settings: Settings, empty_url: str
) -> None:
    """A restore may be killed while pg_restore ends its work: the roles have no rights then."""
    hour(conn, settings, "one")
    file = dumped(database_url, settings.retail_home / "warehouse.dump")
    program, environment = find_program(StackSettings(), "pg_restore"), libpq_environment(empty_url, "test")
    name = environment["PGDATABASE"]
    command = [program, "--no-owner", "--no-privileges", "--single-transaction", f"--dbname={name}", str(file)]
    subprocess.run(command, env=environment, check=True)
    applied = "select count(*) from meta.applied_schema"
    with connect(empty_url) as copy:
        assert rows(copy, applied) == [(0,)]
        prepare_schema(copy)
        assert rows(copy, applied) == [(1,)]


def test_the_data_set_of_the_source_is_remembered_before_the_data_is_restored(
    conn: connection, database_url: str, settings: Settings, empty_url: str, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    pinned = PinnedDataSet({"SOURCE_SEED": "3"}, edition=1)
    program, folder = find_program(StackSettings(), "pg_dump"), tmp_path / "backup"
    folder.mkdir()
    back_up_warehouse(program, database_url, stack(settings), folder, NOON, talk=quiet(), source=pinned)
    os.truncate(folder / read_manifest(folder).dump, 9)
    home = Home(tmp_path / "home").prepare()
    target = StackSettings(database_url=SecretStr(empty_url), retail_home=home.path)
    with pytest.raises(ConfigurationError, match="damaged"):
        restore(home, target, quiet(), folder)
    assert recall_data_set(home) == pinned


# ---------------------------------------------------------------- halves of different age


def test_a_warehouse_older_than_bronze_pulls_again_what_it_has_no_receipt_of(
    conn: connection, database_url: str, settings: Settings, source: Source, empty_url: str
) -> None:
    hour(conn, settings, "one")
    file = dumped(database_url, settings.retail_home / "warehouse.dump")
    source.set_clock(NOON + timedelta(hours=3))
    hour(conn, settings, "two")
    restored(empty_url, file)
    with connect(empty_url) as copy:
        verified = require_intact(verify_bronze(copy, settings))
        assert len(verified.without_receipt) > 0
        assert "without a receipt" in verified.summary()
        hour(copy, settings, "three")  # its files get the names of those without a receipt, and replace them
        assert_silver_is_what_was_sold(copy, source)
        require_intact(verify_bronze(copy, settings))
        source.set_clock(NOON + timedelta(hours=4))
        hour(copy, settings, "four")
        assert_silver_is_what_was_sold(copy, source)


def test_a_bronze_older_than_the_warehouse_is_named_and_a_full_refresh_makes_it_whole(
    conn: connection, settings: Settings, source: Source, tmp_path: Path
) -> None:
    hour(conn, settings, "one")
    shutil.copytree(bronze(settings), tmp_path / "copy")
    source.set_clock(NOON + timedelta(hours=2))
    hour(conn, settings, "two")
    source.set_clock(NOON + timedelta(hours=4))
    pull(conn, settings, "three")  # its files wait for Silver
    shutil.rmtree(bronze(settings))
    shutil.copytree(tmp_path / "copy", bronze(settings))

    with pytest.raises(BronzeDamaged) as damaged:
        require_intact(verify_bronze(conn, settings))
    assert "of" in damaged.value.message
    assert "full_refresh" in damaged.value.remedy
    assert "verify --retire" in damaged.value.remedy
    with pytest.raises(BronzeDamaged):
        load_all_silver(conn, settings, run_id="four")
    assert retire_damaged(conn, verify_bronze(conn, settings)) == []  # their records are nowhere else yet

    pull(conn, settings, "five", full_refresh=True)
    assert len(retire_damaged(conn, verify_bronze(conn, settings))) > 0
    require_intact(verify_bronze(conn, settings))
    load_all_silver(conn, settings, run_id="six")
    assert_silver_is_what_was_sold(conn, source)
    hour(conn, settings, "seven")
    assert_silver_is_what_was_sold(conn, source)
