"""The real DAG, run whole by Airflow: twice, and once more after it was killed in the middle.

Every expected figure is worked out from the source's own records.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from loaders.config import PROJECT_ROOT, Settings
from loaders.database import connect
from tests.conftest import KEY, NOON, Source
from tests.figures import expected_mart, mart
from tests.postgres_server import PostgresServer
from tests.queries import rows

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]
AIRFLOW = [str(Path(sys.executable).parent / "airflow")]


@dataclass(frozen=True)
class Hour:
    """One way to run the DAG: the environment of the processes, and where they log."""

    environment: dict[str, str]
    log: Path

    def start(self) -> subprocess.Popen[bytes]:
        """Start a run, in a process group of its own."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*AIRFLOW, "dags", "test", "retail_etl_hourly"],
                env=self.environment,
                cwd=self.log.parent,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self) -> int:
        """Run to the end; the exit code."""
        return self.start().wait(timeout=300)


@pytest.fixture
def hour(
    settings: Settings, source: Source, postgres_server: PostgresServer, tmp_path: Path, database_url: str
) -> Iterator[Hour]:
    metadata = f"airflow_{tmp_path.name}"[:60].replace("-", "_")
    with connect(postgres_server.url("postgres")) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"create database {metadata}")
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "airflow" / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres_server.url(metadata).replace(
                "postgresql://", "postgresql+psycopg2://"
            ),
            "AIRFLOW_CONN_RETAIL": database_url.replace("postgresql://", "postgres://"),
            "PYTHONPATH": str(PROJECT_ROOT),
            "RETAIL_HOME": str(tmp_path),
            "RETAIL_TASK_RETRIES": "0",
            "SOURCE_API_URL": source.url,
            "SOURCE_API_KEY": KEY,
        }
        (tmp_path / "airflow").mkdir()
        subprocess.run([*AIRFLOW, "db", "migrate"], env=environment, check=True, capture_output=True)
        yield Hour(environment, tmp_path / "run.log")
        cursor.execute(f"drop database {metadata} with (force)")


def test_two_hours_by_airflow_bring_exactly_what_the_source_sold(hour: Hour, conn: connection, source: Source) -> None:
    assert hour.run() == 0, hour.log.read_text()[-4000:]
    first = source.data.totals(0, None)
    assert mart(conn) == expected_mart(source)
    source.set_clock(NOON + timedelta(hours=1))
    assert hour.run() == 0, hour.log.read_text()[-4000:]
    totals = source.data.totals(0, None)
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*), sum(net_amount) from gold.sales_item") == [(totals.lines, totals.net_amount)]
    loads = "select rows_read from meta.load where layer = 'silver' and dataset = 'sales_product' order by 1 desc"
    assert rows(conn, loads) == [(first.lines,), (totals.lines - first.lines,)]
    assert rows(conn, "select count(*) from meta.load where status <> 'SUCCESS'") == [(0,)]
    assert rows(conn, "select count(distinct run_id) from meta.load") == [(2,)]


def test_an_hour_that_brings_nothing_skips_dbt_and_is_green(hour: Hour, conn: connection) -> None:
    assert hour.run() == 0, hour.log.read_text()[-4000:]
    gold = "select count(*) from meta.load where layer = 'gold'"
    before = rows(conn, gold)
    assert hour.run() == 0
    assert rows(conn, gold) == before
    assert "Gold has taken and tested all of Silver" in hour.log.read_text()


def test_a_run_killed_between_bronze_and_silver_is_made_good_by_the_next(
    hour: Hour, conn: connection, source: Source, database_url: str
) -> None:
    with connect(database_url) as blocker, blocker.cursor() as cursor:
        cursor.execute("lock table silver.sales_customer, silver.sales_product in access exclusive mode")
        run = hour.start()
        wait_until(lambda: rows(conn, "select count(*) from meta.load where dataset like 'sales\\_%'") != [(0,)])
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert rows(conn, "select count(*) > 0 from meta.bronze_file where dataset = 'sales_product'") == [(True,)]
    assert rows(conn, "select count(*) from silver.sales_product") == [(0,)]
    assert hour.run() == 0, hour.log.read_text()[-4000:]
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*) from meta.load where status = 'RUNNING'") == [(0,)]


def test_a_run_that_fails_says_what_and_what_to_do(hour: Hour, conn: connection) -> None:
    refused = Hour(hour.environment | {"SOURCE_API_KEY": "not-a-key"}, hour.log)
    assert refused.run() != 0
    failed = rows(conn, "select dataset, error_message from meta.load where status = 'FAILED' order by 1")
    assert [dataset for dataset, _ in failed] == ["customers", "products", "sales"]
    assert all("status 401" in message and message.endswith("set SOURCE_API_KEY") for _, message in failed)


def wait_until(condition: object, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)
