"""Does an hour cost what the hour brought? `.venv/bin/python -m benchmarks.flat_in_history [--history 100000 1000000]`.

For each size of history: a fresh warehouse and source as `./retail run` starts them, the history pulled and built into
Gold, then hours of about 10,000 sales, each timed step by step in one warm process. The hours are the same ones of the
same days whatever the history, so that days and marts hold as much. What counts is the last column: the hour behind
this history against the hour behind the shortest one, in the same run of this program. `--output` keeps the figures as
JSON and text, and draws them.
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

from backend.timeline import Timeline
from benchmarks.environments import draw
from benchmarks.machine import describe
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
from stack.report import read_report
from stack.settings import load_stack_settings
from stack.talk import Talk
from stack.warehouse import Endpoints, platform

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg2.extensions import connection

    from benchmarks.machine import Machine

_SALES_PER_HOUR = 7_200  # of an average hour: an afternoon's has 10,000
_NOON = datetime(2026, 10, 27, 12, tzinfo=timezone.utc)
_QUIET = Talk(Console(quiet=True))
_RUN = "benchmark"
_SEED = 42

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
    "report": lambda _conn, settings, run_id: read_report(settings.require_database_url(), run_id),
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
        """Seconds of an hour."""
        return sum(self.steps.values())


def main() -> None:
    """Print a line for each history, then the steps, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="An hour of 10,000 sales behind more and more history.")
    arguments.add_argument("--history", type=int, nargs="+", default=[100_000, 1_000_000], help="sales, ascending")
    arguments.add_argument("--hours", type=int, default=3, help="how many are timed; the median counts")
    arguments.add_argument("--output", type=Path, help="folder for flat-in-history.json, .txt and .svg")
    given = arguments.parse_args()
    machine = describe()
    lines = [machine.line(), "   history       lines   first load   an hour of   seconds   against the shortest"]
    print("\n".join(lines))
    measured: list[Measured] = []
    for history in given.history:
        measured.append(_measured(history, given.hours))
        lines.append(_line(measured[-1], measured[0]))
        print(lines[-1], flush=True)
    steps = ["", "seconds of each step (median)", *_steps(measured)]
    print("\n".join(steps))
    if given.output:
        _keep(given.output, machine, measured, [*lines, *steps])


def _line(one: Measured, base: Measured) -> str:
    return (
        f"{one.history:10,} {one.history_lines:11,} {sum(one.first_load.values()):10.1f} s"
        f" {one.sales_per_hour:12,.0f} {one.hour:9.2f} {one.hour / base.hour:16.2f}"
    )


def _steps(measured: list[Measured]) -> list[str]:
    return [f"{step:24}" + "".join(f"{one.steps[step]:10.2f}" for one in measured) for step in STEPS]


def _keep(folder: Path, machine: Machine, measured: list[Measured], lines: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figures = [asdict(one) | {"hour": one.hour, "ratio": one.hour / measured[0].hour} for one in measured]
    file = folder / "flat-in-history.json"
    file.write_text(json.dumps({"machine": asdict(machine), "figures": figures}, indent=2) + "\n", encoding="utf-8")
    file.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    draw(file, file.with_suffix(".svg"))


def _measured(history: int, hours: int) -> Measured:
    began = _begin_of(history)
    os.environ.update(
        SOURCE_SEED=str(_SEED),
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


def _begin_of(history: int) -> datetime:
    """When the source must have begun for so many sales until noon: the latest hour that gives as many."""
    few, many = 0, 24 * 14 + 2 * history // _SALES_PER_HOUR
    while many - few > 1:
        hours = (few + many) // 2
        began = _NOON - timedelta(hours=hours)
        made = Timeline(start=began, sales_per_hour=_SALES_PER_HOUR, seed=_SEED).count_until(_NOON)
        few, many = (few, hours) if made >= history else (hours, many)
    return _NOON - timedelta(hours=many)


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
