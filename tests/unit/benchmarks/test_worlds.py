"""What a comparison is made of, as far as it needs no server: the clock, an engine's surroundings, dbt's log."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from backend.dataset.timeline import Timeline
from benchmarks.commands import environment, timed
from benchmarks.engines.gold import statements_of
from benchmarks.environments import LOCKS
from benchmarks.world import SALES_PER_HOUR, START, clock_for
from medallion.errors import EngineFailed


@pytest.mark.parametrize("sales", [1, 500, 12_345])
def test_the_clock_stands_where_so_many_sales_are_made(sales: int) -> None:
    timeline = Timeline(start=START, sales_per_hour=SALES_PER_HOUR, seed=42)
    now = clock_for(sales)
    assert timeline.count_until(now) >= sales > timeline.count_until(now - timedelta(seconds=1))


def test_nothing_that_the_user_has_configured_reaches_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SOURCE_API_URL", "PYTHONPATH", "HTTP_PROXY", "AIRFLOW_HOME"):
        monkeypatch.setenv(name, "theirs")
    assert "theirs" not in environment({"A": "b"}).values()
    assert environment({"A": "b"})["A"] == "b"


def test_commands_feed_one_another(tmp_path: Path) -> None:
    says = [sys.executable, "-c", "print('sale')"]
    shouts = [sys.executable, "-c", "import sys; print(sys.stdin.read().upper(), end='')"]
    timing = timed([says, shouts], {}, tmp_path)
    assert timing.seconds > 0 < timing.processor_seconds
    assert (tmp_path / "out").read_text(encoding="utf-8") == "SALE\n"


@pytest.mark.parametrize("failing", [0, 1])
def test_a_command_that_fails_is_an_error_with_its_words(tmp_path: Path, failing: int) -> None:
    works = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    fails = [sys.executable, "-c", "import sys; sys.exit('no such stream')"]
    commands = [fails, works] if failing == 0 else [works, fails]
    with pytest.raises(EngineFailed, match="no such stream"):
        timed(commands, {}, tmp_path)


def test_gold_is_replayed_node_by_node_with_its_transactions_closed(tmp_path: Path) -> None:
    log = tmp_path / "dbt.log"
    queries = [
        ("list_schemas", "select 1"),
        ("model.retail.dim_product", "BEGIN"),
        ("model.retail.dim_customer", "BEGIN"),
        ("model.retail.dim_product", "create table a as (select 1);"),
        ("model.retail.dim_customer", "create table b as (select 2)"),
    ]
    events = [
        {"info": {"name": "SQLQuery"}, "data": {"conn_name": connection, "sql": statement}}
        for connection, statement in queries
    ]
    other = {"info": {"name": "MainReportVersion"}, "data": {"version": "1"}}
    log.write_text("".join(json.dumps(event) + "\n" for event in [other, *events]), encoding="utf-8")
    assert statements_of(log).splitlines() == [
        "BEGIN;",
        "create table a as (select 1);",
        "commit;",
        "BEGIN;",
        "create table b as (select 2);",
        "commit;",
    ]


def test_every_lock_of_a_peer_has_hashes_and_pins_what_it_was_made_from() -> None:
    names = {file.stem for file in LOCKS.glob("*.in")}
    assert names == {"dlt", "singer-tap", "singer-target", "naive", "cosmos", "picture", "statsforecast"}
    for name in names:
        lock = (LOCKS / f"{name}.txt").read_text(encoding="utf-8")
        pinned = [line for line in lock.splitlines() if "==" in line and not line.lstrip().startswith("#")]
        assert pinned
        assert lock.count("--hash=sha256:") >= len(pinned)
