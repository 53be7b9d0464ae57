"""What `./retail status` shows of a warehouse that is stopped."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from rich.console import Console

from medallion.state.backfill_ranges import Progress
from stack.commands.last_report import LastReport, save_report, saved_report
from stack.commands.layer_report import BronzeHolding, Failure, Gaps, Report, Watermark
from stack.commands.status import print_status, read_status
from stack.host.home import Home
from stack.host.settings import StackSettings
from stack.services.airflow.metadata import DagRun

NOON = datetime(2026, 11, 6, 12, tzinfo=timezone.utc)
REPORT = Report(
    bronze=(BronzeHolding("sales_customer", 1, 1_000, 2_000_000),),
    rows={"silver": {"sales_customer": 1_000}, "gold": {"sales_item": None}},
    watermarks=(Watermark("sales", "last_sales_id", "1000"), Watermark("other", "x", None)),
    new={"bronze": {"sales_customer": 1}, "silver": {"sales_customer": 1}, "gold": {}},
    rejected=1,
    failures=(Failure("bronze", "sales", "it broke", 4, "SourceError", "wait"),),
    gaps=Gaps(1, 1, 0),
    estimated=("gold.sales_item",),
    backfill=Progress(4, 1, 100, 25, 0, None),
    kept=("silver.old",),
    changed={"silver": {"sales_customer": 7}, "gold": {}},
)
FOUND = LastReport(NOON, DagRun("manual__1", "success", NOON - timedelta(minutes=1), NOON), REPORT)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").prepare()


def said(home: Home, now: datetime) -> str:
    console = Console(record=True, width=200)
    print_status(read_status(home, StackSettings(retail_home=home.path), now), console, now)
    return console.export_text()


def test_a_saved_report_is_read_back_whole_and_is_private(home: Home) -> None:
    save_report(home, FOUND)
    assert saved_report(home) == FOUND
    assert stat.S_IMODE((home.path / "last-run.json").stat().st_mode) == 0o600


def test_the_status_of_a_stopped_warehouse_shows_the_last_run_and_its_age(home: Home) -> None:
    save_report(home, FOUND)
    words = said(home, NOON + timedelta(hours=3))
    assert "last run: success, began 2026-11-06 11:59 UTC (3 hours ago), manual__1" in words
    assert "this is what it held 3 hours ago, 2026-11-06 12:00 UTC. ./retail up starts it" in words
    assert "sales_customer (1 file, 2.0 MB)" in words
    assert "the next pull starts: sales after sale 1,000; other" in words
    assert "quarantine: 1 record: " in words
    assert "1 sale id not seen yet" in words
    found = read_status(home, StackSettings(retail_home=home.path), NOON)
    assert (found.report, found.last_run, found.read_at) == (REPORT, FOUND.last_run, NOON)


def test_a_status_before_the_first_run_says_how_to_begin(home: Home) -> None:
    assert "no run is on record: ./retail run makes one" in said(home, NOON)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"read_at": "yesterday"}', '{"read_at": 5, "report": {}}'])
def test_a_report_that_cannot_be_read_is_none(home: Home, content: str) -> None:
    (home.path / "last-run.json").write_text(content, encoding="utf-8")
    assert saved_report(home) is None
    assert "the warehouse is stopped" in said(home, NOON)


def test_new_and_changed_rows_have_columns_of_their_own(home: Home) -> None:
    save_report(home, FOUND)
    lines = [line.split() for line in said(home, NOON).splitlines()]
    assert ["layer", "holds", "rows", "new", "changed"] in lines
    assert ["silver", "sales_customer", "1,000", "+1", "7"] in lines
