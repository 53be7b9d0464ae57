"""Does an hour cost what the hour brought? `.venv/bin/python -m benchmarks.flat_in_history [--history 100000 1000000]`.

For each size of history: a fresh warehouse and source as `./retail run` starts them, the history pulled and built into
Gold, then hours of about 10,000 sales, each timed step by step in one warm process. The hours are the same ones of the
same days whatever the history, so that days and marts hold as much. What counts is the last column: the hour behind
this history against the hour behind the shortest one, in the same run of this program.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import resource
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from ingestion.customers import collect_customers
from ingestion.products import collect_products
from ingestion.reconciliation import reconcile_sales
from ingestion.sales import collect_sales
from loaders import gold
from loaders.config import Settings
from loaders.database import connect
from loaders.load_customers import load_customers
from loaders.load_products import load_products
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product
from loaders.schema import prepare_schema
from stack import source
from stack.home import Home
from stack.processes import await_ready, start, stop
from stack.settings import load_stack_settings
from stack.talk import Talk
from stack.warehouse import Endpoints, platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

_SALES_PER_HOUR = 10_000
_NOON = datetime(2026, 10, 27, 12, tzinfo=timezone.utc)
_QUIET = Talk(Console(quiet=True))
_RUN = "benchmark"

STEPS: dict[str, Callable[..., Any]] = {
    "bronze_customers": collect_customers,
    "bronze_products": collect_products,
    "bronze_sales": collect_sales,
    "silver_customers": load_customers,
    "silver_products": load_products,
    "silver_sales_customer": load_sales_customer,
    "silver_sales_product": load_sales_product,
    "dbt_deps": gold.prepare,
    "dbt_run_core": gold.build_core,
    "dbt_run_mart": gold.build_mart,
    "dbt_test": gold.check_gold,
    "reconcile": reconcile_sales,
}


@dataclass(frozen=True)
class Measured:
    """Hours behind one history. Seconds: to build the history, and the median of each step of an hour."""

    history: int
    history_lines: int
    first_load: dict[str, float]
    sales_per_hour: float
    steps: dict[str, float]
    peak_megabytes: float

    @property
    def hour(self) -> float:
        """Seconds of an hour, scaled to 10,000 sales."""
        return sum(self.steps.values()) * _SALES_PER_HOUR / self.sales_per_hour


def main() -> None:
    """Print a line for each history, then the steps, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="An hour of 10,000 sales behind more and more history.")
    arguments.add_argument("--history", type=int, nargs="+", default=[100_000, 1_000_000], help="sales, ascending")
    arguments.add_argument("--hours", type=int, default=3, help="how many are timed; the median counts")
    arguments.add_argument("--json", type=Path, help="file to write the figures to")
    given = arguments.parse_args()
    print("   history       lines   first load    hour of 10,000   against the shortest")
    measured: list[Measured] = []
    for history in given.history:
        measured.append(_measured(history, given.hours))
        one, base = measured[-1], measured[0]
        print(
            f"{one.history:10,} {one.history_lines:11,} {sum(one.first_load.values()):10.1f} s"
            f" {one.hour:15.2f} s {one.hour / base.hour:20.2f}",
            flush=True,
        )
    for step in STEPS:
        print(f"{step:24}" + "".join(f"{one.steps[step]:10.2f} s" for one in measured))
    if given.json:
        content = [asdict(one) | {"hour": one.hour, "ratio": one.hour / measured[0].hour} for one in measured]
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _measured(history: int, hours: int) -> Measured:
    began = _NOON - timedelta(hours=history / _SALES_PER_HOUR)
    os.environ.update(
        SOURCE_SALES_PER_HOUR=str(_SALES_PER_HOUR),
        SOURCE_CUSTOMERS="50000",
        SOURCE_START=began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        SOURCE_NOW=_clock(_NOON),
    )
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        os.environ["RETAIL_HOME"] = folder
        settings = load_stack_settings()
        home = Home(settings.retail_home).prepare()
        with platform(home, settings, _QUIET) as endpoints, connect(endpoints.database_url) as conn:
            prepare_schema(conn)
            given: dict[str, Any] = {name.lower(): value for name, value in endpoints.connection().items()}
            own = Settings(**given)
            first_load = _hour(conn, own)
            sales, lines = _sizes(conn)
            timed = []
            for number in range(1, hours + 1):
                _set_clock(home, endpoints, _NOON + timedelta(hours=number))
                timed.append(_hour(conn, own))
            new = _sizes(conn)[0] - sales
    return Measured(
        history=sales,
        history_lines=lines,
        first_load=first_load,
        sales_per_hour=new / hours,
        steps={step: statistics.median(one[step] for one in timed) for step in STEPS},
        peak_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _hour(conn: connection, settings: Settings) -> dict[str, float]:
    """Every step once, in the DAG's order; seconds of each."""
    seconds = {}
    for name, step in STEPS.items():
        began = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):  # dbt's progress
            step(conn, settings, run_id=_RUN)
        seconds[name] = time.perf_counter() - began
    return seconds


def _set_clock(home: Home, endpoints: Endpoints, now: datetime) -> None:
    """Start the source again, later."""
    os.environ["SOURCE_NOW"] = _clock(now)
    stop(home, [source.NAME])
    port = int(endpoints.source_api_url.rsplit(":", 1)[1])
    service = source.source_service(home, port, endpoints.source_api_key)
    await_ready(home, service, start(home, service))


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sizes(conn: connection) -> tuple[int, int]:
    with conn, conn.cursor() as cursor:
        cursor.execute("select (select count(*) from silver.sales_customer), (select count(*) from gold.sales_item)")
        sales, lines = cursor.fetchone() or (0, 0)
    return int(sales), int(lines)


if __name__ == "__main__":
    main()
