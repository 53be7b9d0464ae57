"""Each migration is tried on a warehouse that holds what it changes, and one that does not fit is refused."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion import schema
from medallion.database import connect, transaction
from medallion.errors import DatabaseError, MigrationRefused
from medallion.migrations import MigrationFile, apply_migrations, read_applied, read_migrations
from medallion.schema import SQL_FOLDER, prepare_schema
from tests.catalog import catalog
from tests.former_versions import BEFORE_NUMBERS
from tests.queries import rows, statements

CASES = Path(__file__).parents[1] / "cases" / "migrations"
MIGRATIONS = read_migrations(SQL_FOLDER / "migrations")
NAMES = "select string_agg(name, ' ' order by number) from meta.migration"


@pytest.fixture
def folder(sql_copy: Path) -> Path:
    """Migrations that are applied in place of ours: a copy of them."""
    return sql_copy / "migrations"


def migrate(conn: connection, files: tuple[MigrationFile, ...]) -> tuple[str, ...]:
    """Migrations alone, without what is replaced each time."""
    with transaction(conn), conn.cursor() as cursor:
        for statement in schema._read(schema._BEFORE):
            cursor.execute(statement)
        return apply_migrations(cursor, files)


def case_of(migration: MigrationFile) -> dict[str, str]:
    file = CASES / f"{migration.name}.sql"
    assert file.exists(), f"{migration.name} is not tried: write {file.name} beside the others"
    return statements(file)


def execute(conn: connection, statement: str) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda one: one.name)
def test_a_migration_keeps_what_was_there_and_comes_to_the_schema_of_a_new_warehouse(
    beside: connection, conn: connection, migration: MigrationFile
) -> None:
    case = case_of(migration)
    migrate(beside, MIGRATIONS[: migration.number - 1])
    execute(beside, case.pop("before"))
    assert migrate(beside, MIGRATIONS[: migration.number]) == (migration.name,)
    assert case, f"{migration.name} has no claim"
    assert {claim: rows(beside, query) for claim, query in case.items()} == {claim: [(True,)] for claim in case}
    prepare_schema(beside)
    prepare_schema(conn)  # roles that another test has made on this server count for both
    assert catalog(beside) == catalog(conn)


def test_every_case_has_its_migration() -> None:
    assert {file.stem for file in CASES.glob("*.sql")} == {one.name for one in MIGRATIONS}


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda one: one.name)
def test_no_migration_ends_the_transaction_it_is_applied_in(migration: MigrationFile) -> None:
    outside_of_bodies = re.sub(r"\$\$.*?\$\$", "", migration.text, flags=re.DOTALL)
    assert not re.search(r"^\s*(begin|start|commit|end|rollback)\b[^;]*;", outside_of_bodies, re.MULTILINE)


def test_migrations_are_applied_once_each_and_noted(conn: connection) -> None:
    noted = rows(conn, "select number, name, sha256, applied_at from meta.migration order by number")
    assert [row[:3] for row in noted] == [(one.number, one.name, one.sha256) for one in MIGRATIONS]
    assert prepare_schema(conn, even_if_unchanged=True) == ()
    assert rows(conn, "select number, name, sha256, applied_at from meta.migration order by number") == noted


def test_a_new_migration_is_applied_to_a_warehouse_in_use_and_a_second_time_is_not(
    conn: connection, folder: Path
) -> None:
    following = f"{len(MIGRATIONS) + 1:04}_once"
    (folder / f"{following}.sql").write_text("create table meta.once (a integer);")
    assert prepare_schema(conn) == (following,)
    assert prepare_schema(conn) == prepare_schema(conn, even_if_unchanged=True) == ()
    assert rows(conn, NAMES)[0][0].split()[-1] == following


def test_of_several_processes_that_come_at_once_one_applies_a_migration(database_url: str, folder: Path) -> None:
    following = f"{len(MIGRATIONS) + 1:04}_once"
    (folder / f"{following}.sql").write_text("create table meta.once (a integer); select pg_sleep(0.3);")

    def apply(_: int) -> tuple[str, ...]:
        with connect(database_url) as own:
            return prepare_schema(own)

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(apply, range(4))) == [(), (), (), (following,)]


def test_a_migration_that_fails_leaves_nothing_of_it_nor_of_those_before_it(conn: connection, folder: Path) -> None:
    before = catalog(conn), rows(conn, NAMES)
    number = len(MIGRATIONS)
    (folder / f"{number + 1:04}_good.sql").write_text("create table meta.good (a integer);")
    (folder / f"{number + 2:04}_bad.sql").write_text("alter table meta.nowhere add column a integer;")
    (folder.parent / "views.sql").write_text("drop view meta.vw_gold_pending;")
    with pytest.raises(MigrationRefused, match=r"_bad failed: relation \"meta.nowhere\" does not exist"):
        prepare_schema(conn)
    assert (catalog(conn), rows(conn, NAMES)) == before


@pytest.mark.parametrize("table", ["meta.dataset", "gold.sales_item_change"])
def test_a_migration_that_waits_for_a_reader_in_vain_names_it(
    conn: connection, database_url: str, folder: Path, table: str
) -> None:
    waits = f"lock table {table} in access exclusive mode nowait; alter table {table} add column a integer;"
    (folder / f"{len(MIGRATIONS) + 1:04}_waits.sql").write_text(waits)
    with connect(database_url, application_name="a dashboard") as reader, reader.cursor() as cursor:
        cursor.execute(f"select count(*) from {table}")
        with pytest.raises(DatabaseError, match=r"held by pid \d+ \(a dashboard\)") as caught:
            prepare_schema(conn)
    assert caught.value.retryable
    assert rows(conn, NAMES)[0][0].split()[-1] == MIGRATIONS[-1].name


def edited(folder: Path) -> None:
    with (folder / f"{MIGRATIONS[2].name}.sql").open("a") as file:
        file.write("-- one more word\n")


def renamed(folder: Path) -> None:
    (folder / f"{MIGRATIONS[2].name}.sql").rename(folder / "0003_something_else.sql")


def lost(folder: Path) -> None:
    (folder / f"{MIGRATIONS[2].name}.sql").unlink()


def older(folder: Path) -> None:
    (folder / f"{MIGRATIONS[-1].name}.sql").unlink()


def doubled(folder: Path) -> None:
    (folder / "0003_twice.sql").write_text("select 1;")


def misnamed(folder: Path) -> None:
    (folder / "3_short.sql").write_text("select 1;")


def put_before_the_last(folder: Path) -> None:
    last = folder / f"{MIGRATIONS[-1].name}.sql"
    last.rename(folder / f"{MIGRATIONS[-1].number + 1:04}{last.name[4:]}")
    (folder / f"{MIGRATIONS[-1].number:04}_in_between.sql").write_text("create table meta.in_between (a integer);")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited, r"0003_\w+\.sql is not what this warehouse was migrated by"),
        (renamed, r"was migrated by 0003_incidents\w+, sql/migrations has 0003_something_else"),
        (lost, r"migrations has 0004_\w+ where 0003 should be"),
        (older, rf"a newer version has migrated this warehouse to {MIGRATIONS[-1].name}: this one knows"),
        (doubled, r"migrations has 0003_twice where 0004 should be"),
        (misnamed, r"3_short\.sql is no name of a migration"),
        (put_before_the_last, rf"was migrated by {MIGRATIONS[-1].name}, sql/migrations has \d+_in_between"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_files_that_do_not_fit_the_warehouse_are_refused_and_nothing_is_touched(
    conn: connection, folder: Path, change: object, message: str
) -> None:
    before = catalog(conn), rows(conn, "select digest, applied_at from meta.applied_schema")
    change(folder)  # type: ignore[operator]
    (folder.parent / "views.sql").write_text("drop view meta.vw_gold_pending;")
    for anyway in (False, True):
        with pytest.raises(MigrationRefused, match=message) as caught:
            prepare_schema(conn, even_if_unchanged=anyway)
        assert caught.value.remedy
        assert not caught.value.retryable
    assert (catalog(conn), rows(conn, "select digest, applied_at from meta.applied_schema")) == before


def test_a_warehouse_that_lost_a_line_of_its_history_is_refused(conn: connection) -> None:
    execute(conn, "delete from meta.migration where number = 2")
    with pytest.raises(MigrationRefused, match=r"was migrated by 0003_\w+, sql/migrations has 0002_"):
        prepare_schema(conn, even_if_unchanged=True)


def test_a_warehouse_from_before_there_were_numbers_takes_all_of_them(conn: connection) -> None:
    prepare_schema(conn)  # for roles that another test has made on this server
    before = catalog(conn)
    execute(conn, BEFORE_NUMBERS)
    assert prepare_schema(conn, even_if_unchanged=True) == tuple(one.name for one in MIGRATIONS)
    with conn.cursor() as cursor:
        assert [one.name for one in read_applied(cursor)] == [one.name for one in MIGRATIONS]
    conn.rollback()
    assert catalog(conn) == before
