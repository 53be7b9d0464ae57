"""The real DAG, run completely by Airflow: twice, and again after it was killed in the middle.

Every expected figure is worked out from the source's own records.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from medallion.database import connect
from medallion.process.failure_file import read_failure, task_file
from medallion.process.steps import HOURLY
from tests.airflow_run import AIRFLOW, Hour
from tests.conftest import NOON, Source
from tests.figures import expected_mart, mart
from tests.queries import rows

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(400)]


def test_two_hours_by_airflow_bring_exactly_what_the_source_sold_and_a_third_nothing(
    runs: Hour, conn: connection, source: Source
) -> None:
    assert runs.run() == 0, runs.log.read_text()[-4000:]
    first = source.data.totals(0, None)
    assert mart(conn) == expected_mart(source)
    source.set_clock(NOON + timedelta(hours=1))
    assert runs.run() == 0, runs.log.read_text()[-4000:]
    totals = source.data.totals(0, None)
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*), sum(net_amount) from gold.sales_item") == [(totals.lines, totals.net_amount)]
    new = {"sales_customer": totals.sales - first.sales, "sales_product": totals.lines - first.lines}
    events = last_events(runs)
    assert {name: extra["rows"] for name, extra in events.items() if name.split(".")[1] in new} == {
        f"{layer}.{dataset}": count for layer in ("bronze", "silver") for dataset, count in new.items()
    }
    logged = "select layer || '.' || dataset, max(load_id), sum(rows_inserted + rows_updated) from meta.load"
    of_run = "where run_id = (select run_id from meta.load order by load_id desc limit 1) and layer <> 'bronze'"
    expected = {
        name: {"rows": count, "load_id": id_} for name, id_, count in rows(conn, f"{logged} {of_run} group by 1")
    }
    listings = ("customers", "products", "stores")
    idle = {f"silver.{name}{kind}": {"rows": 0} for name in listings for kind in ("", "_version")}
    assert {name: extra for name, extra in events.items() if not name.startswith("bronze.")} == expected | idle
    assert events.keys() == {name for step in HOURLY for name in step.writes}
    loads = "select rows_read from meta.load where layer = 'silver' and dataset = 'sales_product' order by 1 desc"
    assert rows(conn, loads) == [(first.lines,), (totals.lines - first.lines,)]
    assert rows(conn, "select count(*) from meta.load where status <> 'SUCCESS'") == [(0,)]
    assert rows(conn, "select count(distinct run_id) from meta.load") == [(2,)]
    gold = "select count(*) from meta.load where layer = 'gold'"
    before = rows(conn, gold)
    assert runs.run() == 0
    assert rows(conn, gold) == before
    assert "Gold has taken and tested all of Silver" in runs.log.read_text()


def last_events(runs: Hour) -> dict[str, dict[str, int]]:
    """The extra of the last event of each asset."""
    url = runs.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    found = """
        select distinct on (asset.name) asset.name, asset."group", event.extra
        from asset_event as event inner join asset on event.asset_id = asset.id order by 1, event.id desc
    """
    with connect(url) as metadata:
        events = rows(metadata, found)
    assert [group for _, group, _ in events] == [name.split(".")[0] for name, _, _ in events]
    keys = ("rows", "load_id")
    return {name: {key: extra[key] for key in keys if key in extra} for name, _, extra in events}


@pytest.mark.slow
def test_a_run_killed_between_bronze_and_silver_is_made_good_by_the_next(
    runs: Hour, conn: connection, source: Source, database_url: str
) -> None:
    with connect(database_url) as blocker, blocker.cursor() as cursor:
        cursor.execute("lock table silver.sales_customer, silver.sales_product in access exclusive mode")
        run = runs.start()
        wait_until(lambda: rows(conn, "select count(*) from meta.load where dataset like 'sales\\_%'") != [(0,)])
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    assert rows(conn, "select count(*) > 0 from meta.bronze_file where dataset = 'sales_product'") == [(True,)]
    assert rows(conn, "select count(*) from silver.sales_product") == [(0,)]
    assert runs.run() == 0, runs.log.read_text()[-4000:]
    assert mart(conn) == expected_mart(source)
    assert rows(conn, "select count(*) from meta.load where status = 'RUNNING'") == [(0,)]


@pytest.mark.slow
def test_a_run_that_fails_says_what_and_what_to_do(runs: Hour, conn: connection) -> None:
    refused = Hour(runs.environment | {"SOURCE_API_KEY": "not-a-key"}, runs.log)
    assert refused.run() != 0
    failed = rows(conn, "select dataset, error_message, remedy from meta.load where status = 'FAILED' order by 1")
    assert [dataset for dataset, _, _ in failed] == ["customers", "products", "sales", "stores"]
    assert all("status 401" in message for _, message, _ in failed)
    assert {remedy for _, _, remedy in failed} == {"set SOURCE_API_KEY"}
    ((run_id,),) = rows(conn, "select distinct run_id from meta.load")
    for entity in ("customers", "products", "stores", "sales"):  # as who cannot reach the warehouse does
        file = task_file(Path(runs.environment["AIRFLOW_HOME"]), "retail_etl_hourly", f"bronze_{entity}")
        left = read_failure(file, run_id)
        assert left is not None
        assert (left.error_type, left.remedy, left.exit_code) == ("KeyRefused", "set SOURCE_API_KEY", 4)
    log = web_log(runs, "bronze_sales")
    (trace,) = [line["error_detail"] for line in log if line["event"] == "Task failed with exception"]
    assert "status 401" in str(trace)
    ending = [(line["level"], line["event"]) for line in log if line["logger"] == "retail_log_endings"]
    assert [level for level, _ in ending if level != "info"] == ["error"] * 3
    texts = [event for _, event in ending]
    assert (
        '* **Red with "out of order"**: the source\'s pages contradict their cursor. Nothing of that page was kept;'
        in texts
    )
    assert texts[-4] == "bronze_sales failed"
    assert texts[-3].startswith("why: ")
    assert "status 401" in texts[-3]
    assert texts[-2].startswith("do: set SOURCE_API_KEY; then ./retail run")
    assert open_groups(log, texts[-2]) == 0  # a group is folded in the web UI
    assert "bronze_sales failed" in refused.log.read_text()  # the output of the run has all of it too
    assert "does not allow backfill runs" in backfill_of_airflow(runs)


def backfill_of_airflow(runs: Hour) -> str:
    """The error of Airflow's own backfill over two days, which means nothing here."""
    days = ["--from-date", "2026-11-01", "--to-date", "2026-11-02"]
    command = [*AIRFLOW, "backfill", "create", "--dag-id", "retail_etl_hourly", *days]
    done = subprocess.run(command, env=runs.environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def web_log(runs: Hour, task_id: str) -> list[dict[str, str]]:
    """Lines of the task's log as the web UI shows them."""
    reader = [sys.executable, str(Path(__file__).with_name("log_of_the_web_ui.py")), "retail_etl_hourly", task_id]
    done = subprocess.run(reader, env=runs.environment, capture_output=True, text=True, check=True)
    shown = [line.removeprefix("shown: ") for line in done.stdout.splitlines() if line.startswith("shown: ")]
    return [{"logger": "", "level": "", **json.loads(line)} for line in shown]


def open_groups(log: list[dict[str, str]], event: str) -> int:
    """How many groups of the log are open where that event stands."""
    before = [line["event"] for line in log][: [line["event"] for line in log].index(event)]
    return sum(one.startswith("::group::") for one in before) - before.count("::endgroup::")


def wait_until(condition: object, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.1)
