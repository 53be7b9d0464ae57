"""Time from the source API to Silver: `.venv/bin/python -m benchmarks.source_to_silver [--sales 100000] [--runs 3]`.

A fresh warehouse and source are started for each run, as `./retail run` starts them: durable Postgres, real HTTP.
What is timed is the pipeline's own work: collecting every sale into receipted Bronze files, then loading headers and
lines. Machines differ and are noisy, so the same run also times the floor, which is reading all pages of the same
source and keeping nothing; the ratio between the two is what can be compared from machine to machine.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
from rich.console import Console

from ingestion.sales import collect_sales
from loaders.config import Settings
from loaders.database import connect
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product
from loaders.schema import prepare_schema
from stack.home import Home
from stack.settings import load_stack_settings
from stack.talk import Talk
from stack.warehouse import Endpoints, platform

_SALES_PER_HOUR = 2000
_NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)
_QUIET = Talk(Console(quiet=True))


class _Page(msgspec.Struct):
    has_more: bool
    next_cursor: str


_PAGE = msgspec.json.Decoder(_Page)


@dataclass(frozen=True)
class Timing:
    """Seconds of each step, and what they moved."""

    floor: float
    bronze: float
    headers: float
    lines: float
    sales: int
    line_count: int

    @property
    def total(self) -> float:
        """Seconds of the pipeline, from the first request to the last commit."""
        return self.bronze + self.headers + self.lines


def main() -> None:
    """Print one line per run, then the median."""
    arguments = argparse.ArgumentParser(description="API to Silver, timed against reading the same pages.")
    arguments.add_argument("--sales", type=int, default=100_000, help="about this many: seasons move it")
    arguments.add_argument("--runs", type=int, default=3, help="how often, each from nothing")
    given = arguments.parse_args()
    print("  floor  bronze  headers  lines  total  total/floor        sales      lines")
    timings = [_timed(given.sales) for _ in range(given.runs)]
    for one in timings:
        print(
            f"{one.floor:6.2f}s {one.bronze:6.2f}s {one.headers:7.2f}s {one.lines:5.2f}s {one.total:5.2f}s"
            f" {one.total / one.floor:11.1f} {one.sales:12,} {one.line_count:10,}"
        )
    total = statistics.median(one.total for one in timings)
    ratio = statistics.median(one.total / one.floor for one in timings)
    rate = statistics.median((one.sales + one.line_count) / one.total for one in timings)
    print(f"median: {total:.2f} s, {ratio:.1f} times the bare download, {rate:,.0f} rows/s into Silver")


def _timed(sales: int) -> Timing:
    hours = sales / _SALES_PER_HOUR
    os.environ.update(
        SOURCE_SALES_PER_HOUR=str(_SALES_PER_HOUR),
        SOURCE_START=(_NOW - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        SOURCE_NOW=_NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        os.environ["RETAIL_HOME"] = folder
        settings = load_stack_settings()
        with platform(Home(settings.retail_home).prepare(), settings, _QUIET) as endpoints:
            return _pipeline(endpoints)


def _pipeline(endpoints: Endpoints) -> Timing:
    settings = Settings(**{name.lower(): value for name, value in endpoints.connection().items()})
    began = time.perf_counter()
    _read_everything(settings)
    floor = time.perf_counter() - began
    with connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        moments = [time.perf_counter()]
        collected = collect_sales(conn, settings, run_id="benchmark")
        moments.append(time.perf_counter())
        load_sales_customer(conn, settings, run_id="benchmark")
        moments.append(time.perf_counter())
        loaded = load_sales_product(conn, settings, run_id="benchmark")
        moments.append(time.perf_counter())
    bronze, headers, lines = (later - sooner for sooner, later in pairwise(moments))
    return Timing(floor, bronze, headers, lines, collected.records["sales_customer"], loaded.counts.read)


def _read_everything(settings: Settings) -> None:
    """Fetch every page one after the other and keep nothing."""
    url, key = settings.require_source()
    query = {"limit": str(settings.source_page_size)}
    with httpx.Client(headers={"X-API-Key": key, "Accept-Encoding": "identity"}, timeout=60) as client:
        while True:
            page = _PAGE.decode(client.get(f"{url}/sales", params=query).raise_for_status().content)
            if not page.has_more:
                return
            query["cursor"] = page.next_cursor


if __name__ == "__main__":
    main()
