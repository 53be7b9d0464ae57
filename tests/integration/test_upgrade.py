"""A warehouse that an earlier version has filled is taken over by this one, without loss.

The earlier version is a commit of this repository, unpacked beside, with its own code in its own process. It needs git,
the commit (a shallow clone has it not), and the packages that are installed here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from medallion.entities.registry import DELIVERED
from medallion.schema import SQL_FOLDER, prepare_schema
from medallion.settings import PROJECT_ROOT, Settings
from quality.rebuild import rebuild_beside
from quality.reconcile import reconcile_sales
from tests.catalog import catalog
from tests.conftest import KEY, NOON, START, Source, serving
from tests.pipeline import build, hour
from tests.queries import rows
from tests.retail_cli import retail

# The commit before the change: each change moves it on, and rewrites FILL if that commit needs it.
FORMER = "b1c8bebdfd0b91b1b78be0b9b717faf6f866bcf5"
# An hour of the former version, by its own modules.
FILL = """
import sys
from medallion.database import connect
from medallion.schema import prepare_schema
from medallion.settings import load_settings
from tests.pipeline import build, hour

settings = load_settings()
with connect(settings.require_database_url()) as conn:
    prepare_schema(conn)
    hour(conn, settings)
    if "build" in sys.argv:
        build(conn, settings)
"""
MIGRATIONS = tuple(file.stem for file in sorted((SQL_FOLDER / "migrations").glob("*.sql")))
CHAOS = "late-commits:0.05,malformed:0.005"
RECEIPT = "path, dataset, load_id, part, records, bytes, sha256, cursor_after, cursor_through, landed_at"
REJECTED = "dataset, path, line_no, reason, field, raw, record_key, sale_id"
# Of this session, or of sql/ itself.
_PASSING = {"meta.lock", "meta.lock_holder", "meta.applied_schema", "meta.migration"}
# Columns whose content a migration keeps in another table; its own case says that nothing of it is lost.
_MOVED = ("_prior_customer_key", "_prior_sold_date")
_PIN = re.compile(r"^([A-Za-z0-9_.\[\]-]+==\S+)", re.MULTILINE)


@pytest.fixture
def source() -> Iterator[Source]:
    """A source with late and malformed sales, its clock at NOON."""
    shape = {"sales_per_hour": 20, "customers": 200, "products": 60}
    app = create_app(SourceSettings(seed=7, start=START, now=NOON, chaos=CHAOS, api_key=KEY, **shape))
    with serving(app) as url:
        yield Source(url, app.state.data)


@dataclass(frozen=True)
class Former:
    """A version of before, unpacked, and what its processes are told."""

    folder: Path
    environment: dict[str, str]

    def hour(self, *arguments: str) -> None:
        command = [sys.executable, "-c", FILL, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def former(settings: Settings, beside: connection, tmp_path: Path) -> Former:
    """The former version, which works on the database `beside`."""
    folder = _unpacked(FORMER, tmp_path / "former")
    environment = os.environ | {
        "PYTHONPATH": str(folder),
        "DATABASE_URL": _url(beside),
        "SOURCE_API_URL": str(settings.source_api_url),
        "SOURCE_API_KEY": KEY,
        "SOURCE_PAGE_SIZE": str(settings.source_page_size),
        "RETAIL_HOME": str(settings.retail_home),
        "SALES_GAP_TTL_HOURS": "1000000",  # an early version counts it from when a sale was made, by the real clock
    }
    return Former(folder, environment)


def _unpacked(commit: str, folder: Path) -> Path:
    """The tree of a commit, in `folder`. Skips, and says why, where it cannot be had or cannot run."""
    if shutil.which("git") is None or not (PROJECT_ROOT / ".git").exists():
        pytest.skip("NOT PROVED: an upgrade. This is no git checkout, so there is no former version")
    if _git("cat-file", "-e", f"{commit}^{{commit}}").returncode != 0:
        pytest.skip(f"NOT PROVED: an upgrade from {commit[:7]}. This clone has not that commit: git fetch --unshallow")
    before = set(_PIN.findall(_git("show", f"{commit}:requirements.txt").stdout.decode()))
    changed = before - set(_PIN.findall((PROJECT_ROOT / "requirements.txt").read_text()))
    if changed:
        pytest.skip(f"NOT PROVED: an upgrade from {commit[:7]}. It needs other packages: {', '.join(sorted(changed))}")
    folder.mkdir()
    subprocess.run(["tar", "-x"], input=_git("archive", commit).stdout, cwd=folder, check=True)
    _accept_currencies(folder)
    return folder


def _accept_currencies(folder: Path) -> None:
    """Let the tests of the former Gold pass what the sample source sells in today: they knew one currency."""
    contract = folder / "dbt" / "models" / "gold" / "core" / "sales_item.yml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("values: [EUR]", "values: [EUR, CHF]"), encoding="utf-8")


def _git(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=PROJECT_ROOT, capture_output=True, check=False)


def _url(conn: connection) -> str:
    info = conn.info
    return f"postgresql://{info.user}:{info.password}@{info.host}:{info.port}/{info.dbname}"


def tables(conn: connection, *, kinds: str = "BASE TABLE") -> dict[str, list[str]]:
    """Tables and their columns, but for what belongs to a session or to sql/ itself. `kinds` may name views, too."""
    query = f"""
        select table_schema || '.' || table_name, array_agg(column_name::text order by column_name)
        from information_schema.columns inner join information_schema.tables using (table_schema, table_name)
        where table_schema in ('meta', 'silver', 'gold') and '{kinds}' ~ table_type
        group by 1
    """
    return {
        table: [one for one in columns if one not in _MOVED]
        for table, columns in rows(conn, query)
        if table not in _PASSING
    }


def _migrated(conn: connection) -> int:
    """How many migrations the former version has applied, which knew numbers or did not."""
    if rows(conn, "select to_regclass('meta.migration') is null") == [(True,)]:
        return 0
    return int(rows(conn, "select count(*) from meta.migration")[0][0])


def held(conn: connection, shape: dict[str, list[str]]) -> dict[str, Counter[str]]:
    """Every row of the tables, by those columns, as text: how often it is there."""
    return {
        table: Counter(row for (row,) in rows(conn, f"select row({', '.join(columns)})::text from {table}"))
        for table, columns in shape.items()
    }


@pytest.mark.slow
def test_a_warehouse_of_a_former_version_is_taken_over_without_loss(
    former: Former, beside: connection, conn: connection, settings: Settings, source: Source
) -> None:
    former.hour("build")
    source.set_clock(NOON + timedelta(hours=2))
    former.hour()  # Gold is still behind Silver when the new version comes
    shape = tables(beside)
    before = held(beside, shape)
    empty = {table for table, found in before.items() if not found}
    assert not {"meta.rejected_record", "meta.sales_gap", "gold.mart_sales_by_customer"} & empty
    assert rows(
        beside, "select count(*) > 0 from silver.products where _load_id > (select min(_load_id) from silver.products)"
    )

    done = _migrated(beside)
    assert prepare_schema(beside) == MIGRATIONS[done:] != ()
    now = tables(beside, kinds="BASE TABLE, VIEW")  # a table may have become another one, and its name a view of it
    kept = {table: [one for one in columns if one in now[table]] for table, columns in shape.items()}
    after = held(beside, kept)
    assert {table: lost for table, rows_of in before.items() if (lost := rows_of - after[table])} == {}

    source.set_clock(NOON + timedelta(hours=9))  # every late sale has come
    hour(beside, settings)
    build(beside, settings)
    reconcile_sales(beside, settings, run_id="hour")
    rebuilt = rebuild_beside(beside, conn, settings, run_id="rebuild")
    assert rebuilt.skipped == ()
    silent = {f"silver.{name}{version}" for name in DELIVERED for version in ("", "_version")}  # no file has come
    assert all(one.same and (one.live_rows > 0 or one.table in silent) for one in rebuilt.tables)
    for table, columns in (("meta.bronze_file", RECEIPT), ("meta.rejected_record", REJECTED)):
        query = f"select {columns} from {table} order by {columns}"
        assert rows(beside, query) == rows(conn, query) != []
    assert catalog(beside) == catalog(conn)


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.timeout(400)
def test_a_run_takes_over_what_runs_of_the_former_version_have_filled(tmp_path: Path, source: Source) -> None:
    folder = _unpacked(FORMER, tmp_path / "former")
    # One source for both: the former version's own may hold another data set.
    with retail(SOURCE_API_URL=source.url, SOURCE_API_KEY=KEY) as cli:
        former = replace(cli, folder=folder, environment=cli.environment | {"PYTHONPATH": str(folder)})
        before = former("run", "--json").json()["report"]["rows"]
        upgrading = cli("run", "--json")
        assert f"warehouse: migrated to {MIGRATIONS[-1]}\n" in upgrading.err
        after = upgrading.json()["report"]["rows"]
        less = [
            table for layer, found in before.items() for table, count in found.items() if after[layer][table] < count
        ]
        assert less == []
        rebuilt = cli("rebuild")
        assert (rebuilt.code, "the same as the live ones" in rebuilt.out + rebuilt.err) == (0, True)
        assert "migrated" not in rebuilt.err
