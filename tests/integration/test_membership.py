"""The tables of the membership say what plain Python works out from what the departments know."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from psycopg2.extensions import connection

from backend.workbooks.files import Report, days_between, reports
from backend.workbooks.settings import WorkbookSettings
from gold import dbt_runner
from gold.membership import build_membership
from ingestion.deliveries.collector import collect_deliveries
from loaders.load_table import load_table
from medallion.entities.registry import DELIVERED
from medallion.settings import Settings
from tests.queries import rows

FIRST, LAST = date(2025, 9, 22), date(2025, 11, 30)
SAMPLE = WorkbookSettings(members=60, start=FIRST)


@pytest.fixture
def ours(settings: Settings) -> Settings:
    return settings.model_copy(update={"inbox_settle_seconds": 0})


def deliver(settings: Settings, *files: Report) -> None:
    for one in files:
        folder = settings.retail_home / "inbox" / one.domain
        folder.mkdir(parents=True, exist_ok=True)
        (folder / one.name).write_bytes(one.content)


def load(conn, settings):
    for entity in DELIVERED:
        collect_deliveries(conn, settings, subject=entity, run_id="day")
        load_table(conn, settings, subject=entity, run_id="day")


def test_x(conn: connection, ours: Settings) -> None:
    import time
    t=time.time()
    deliver(ours, *reports(SAMPLE, days_between(FIRST, LAST)))
    print("written", time.time()-t)
    load(conn, ours)
    print("loaded", time.time()-t)
    print(build_membership(conn, ours, run_id="day"))
    print("built", time.time()-t)
    results = dbt_runner.invoke(conn, ours, ["test", "--select", "test_type:unit,tag:membership"], "unit")
    for r in results:
        if r.status!='pass': print(r.node.name, r.status, r.message)
    print(len(results), time.time()-t)
    for t in ("dim_users","fct_topup","mart_topup_funnel","mart_membership_retention","mart_level_changes","mart_deductions","mart_channel_effectiveness"):
        print(t, rows(conn, f"select count(*) from gold.{t}"), rows(conn, f"select * from gold.{t} limit 3"))
