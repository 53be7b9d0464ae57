"""Parquet files hold what the tables held at one moment, typed, and no personal column."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from psycopg2.extensions import connection
from rich.console import Console

from medallion.database import connect
from medallion.entities.registry import TABLES
from medallion.errors import ConfigurationError, DatabaseError
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT, Settings
from stack.commands.export import Exported, _known, _require_free, export_tables
from stack.host.console import Talk
from tests.pipeline import build_untested, hour
from tests.postgres_server import running_server
from tests.queries import rows

NASTY = ['a\nb ""q"", c', "", "\\N", "\\.", "NULL", " led", "ends,", "\r\n", "é ü 漢", "\x01", '"', "t"]


class Quiet(Talk):
    """Says nothing."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO()))


def exported(database_url: str, folder: Path, *names: str, talk: Talk | None = None) -> Exported:
    with connect(database_url) as conn:
        prepare_schema(conn)  # its grants: an earlier test may have made the roles, which belong to the server
        return export_tables(conn, talk or Quiet(), folder, names)


def execute(conn: connection, statement: str, values: object = None) -> None:
    with conn, conn.cursor() as cursor:
        cursor.execute(statement, values)


def test_gold_is_exported_to_the_cent_with_its_types(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings)
    build_untested(conn, settings)
    done = exported(database_url, tmp_path, "gold.sales_item", "gold.dim_customer")
    sold = pl.read_parquet(tmp_path / "gold.sales_item.parquet")
    ours = sold.select(pl.len(), pl.col("net_amount").sum(), pl.col("sale_id").n_unique(), pl.col("sold_at").max()).row(
        0
    )
    asked = "select count(*), sum(net_amount), count(distinct sale_id), max(sold_at) from gold.sales_item"
    assert [ours] == rows(conn, asked)
    assert (sold.schema["sale_id"], sold.schema["sold_at"]) == (pl.Int64, pl.Datetime("us", "UTC"))
    assert isinstance(sold.schema["net_amount"], pl.Decimal)
    assert [one.rows for one in done.tables] == [len(sold), rows(conn, "select count(*) from gold.dim_customer")[0][0]]
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    assert sorted(one.name for one in tmp_path.iterdir()) == ["gold.dim_customer.parquet", "gold.sales_item.parquet"]


@pytest.fixture
def without_roles(tmp_path_factory: pytest.TempPathFactory) -> Iterator[connection]:
    """A warehouse on a server of its own: roles belong to a server, and the one that tests share may have them."""
    with running_server(tmp_path_factory.mktemp("without_roles", numbered=True)) as server:
        with connect(server.url("postgres")) as conn:
            prepare_schema(conn)
            yield conn


def test_no_personal_column_is_exported_where_the_server_has_no_reader(
    without_roles: connection, tmp_path: Path
) -> None:
    assert rows(without_roles, "select to_regrole('retail_reader')") == [(None,)]
    without_roles.commit()
    (done,) = export_tables(without_roles, Quiet(), tmp_path, ("silver.customers",)).tables
    personal = TABLES["customers"].personal_columns
    columns = pl.read_parquet(tmp_path / "silver.customers.parquet").columns
    assert len(personal) > 0
    assert set(done.left_out) >= set(personal)
    assert not set(personal) & set(columns)
    assert {"customer_id", "city"} <= set(columns)


def test_every_type_and_text_arrives_unchanged(conn: connection, database_url: str, tmp_path: Path) -> None:
    execute(
        conn,
        "create table gold.strange (id bigint, words text, price numeric(38,2), at timestamptz, day date, "
        "is_it boolean, few integer, key uuid)",
    )
    execute(conn, "select meta.grant_reader('gold', 'strange')")
    moment, small = datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc), Decimal("-0.01")
    huge, key = Decimal("123456789012345678901234567890123456.78"), "00000000-0000-0000-0000-000000000001"
    for number, words in enumerate(NASTY):
        values = (
            number,
            words,
            huge if number % 2 else small,
            moment,
            date(9999, 12, 31),
            bool(number % 2),
            -number,
            key,
        )
        execute(conn, "insert into gold.strange values (%s, %s, %s, %s, %s, %s, %s, %s)", values)
    execute(conn, "insert into gold.strange (id) values (1000)")
    exported(database_url, tmp_path, "gold.strange")
    read = pl.read_parquet(tmp_path / "gold.strange.parquet").sort("id")
    assert read.rows() == rows(conn, "select * from gold.strange order by id")
    execute(conn, "drop table gold.strange")


def test_line_breaks_in_many_records_do_not_split_them(conn: connection, database_url: str, tmp_path: Path) -> None:
    execute(
        conn,
        "create table gold.long as "
        "select n::bigint, repeat(E'a\\n\"b', 1 + n % 7) as w from generate_series(1, 200000) as n",
    )
    execute(conn, "select meta.grant_reader('gold', 'long')")
    (done,) = exported(database_url, tmp_path, "gold.long").tables
    read = pl.read_parquet(tmp_path / "gold.long.parquet")
    assert done.rows == len(read) == 200_000
    assert (read["n"].sum(), read["w"].str.len_chars().sum()) == rows(
        conn, "select sum(n), sum(length(w)) from gold.long"
    )[0]
    execute(conn, "drop table gold.long")


class Meddling(Quiet):
    """Changes the second table once the first one was read."""

    def __init__(self, conn: connection) -> None:
        super().__init__()
        self._conn = conn

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        yield
        assert name
        execute(self._conn, "delete from silver.products")


def test_all_tables_are_those_of_one_moment(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings)
    (before,) = rows(conn, "select count(*) from silver.products")[0]
    done = exported(database_url, tmp_path, "silver.customers", "silver.products", talk=Meddling(conn))
    assert rows(conn, "select count(*) from silver.products") == [(0,)]
    assert done.tables[1].rows == before > 0


ANOTHER = """
import io, sys
from pathlib import Path
from rich.console import Console
from medallion.database import connect
from stack.commands.export import export_tables
from stack.host.console import Talk
with connect(sys.argv[1]) as conn:
    export_tables(conn, Talk(Console(file=io.StringIO())), Path(sys.argv[2]), ["silver.customers"])
"""


class Twice(Quiet):
    """Has another process export the same table to the same folder once this one has read it."""

    def __init__(self, *arguments: str) -> None:
        super().__init__()
        self._arguments = arguments

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        yield
        assert name
        environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
        subprocess.run([sys.executable, "-c", ANOTHER, *self._arguments], check=True, env=environment)


def test_two_exports_at_once_to_one_folder_are_both_whole(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings, entities="customers")
    talk = Twice(database_url, str(tmp_path))
    (done,) = exported(database_url, tmp_path, "silver.customers", talk=talk).tables
    assert [file.name for file in tmp_path.iterdir()] == ["silver.customers.parquet"]
    assert len(pl.read_parquet(tmp_path / "silver.customers.parquet")) == done.rows > 0


def test_an_empty_table_keeps_its_types(conn: connection, database_url: str, tmp_path: Path) -> None:
    assert exported(database_url, tmp_path, "silver.products").tables[0].rows == 0
    assert pl.read_parquet(tmp_path / "silver.products.parquet").schema["unit_price"] == pl.Decimal(12, 2)


def test_an_export_that_fails_leaves_the_files_of_the_one_before(
    conn: connection, database_url: str, settings: Settings, tmp_path: Path
) -> None:
    hour(conn, settings)
    exported(database_url, tmp_path, "silver.products")
    before = (tmp_path / "silver.products.parquet").read_bytes()
    execute(conn, "delete from silver.products")
    with pytest.raises(DatabaseError, match=r"gold\.dim_product does not exist yet"):
        exported(database_url, tmp_path, "silver.products", "gold.dim_product")
    assert [file.name for file in tmp_path.iterdir()] == ["silver.products.parquet"]
    assert (tmp_path / "silver.products.parquet").read_bytes() == before
    with pytest.raises(ConfigurationError, match=r"silver\.products\.parquet already"):
        _require_free([tmp_path / "silver.products.parquet"])


def test_a_folder_that_cannot_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        _require_free([tmp_path / ("x" * 300) / "gold.sales_item.parquet"])


def test_a_table_is_known_with_and_without_its_layer() -> None:
    assert [_known(name) for name in ("sales_item", "silver.products", "products")] == [
        "gold.sales_item",
        "silver.products",
        "silver.products",
    ]
    with pytest.raises(ConfigurationError, match=r"named 'meta\.load'"):
        _known("meta.load")


def test_a_folder_that_cannot_be_written_is_named(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="the export to"):
        exported(database_url, tmp_path / "file" / "below", "silver.products")
