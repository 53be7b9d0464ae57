"""Hourly runs after histories of different sizes: `python -m benchmarks.flat_in_history [--history 100000 1000000]`.

For each size of history, a fresh warehouse and source as `./retail run` starts them. The history is pulled and built
into Gold, and the server gets time to tidy up. Then come hourly runs of about 10,000 sales, each timed step by step in
one warm process. The histories take turns, one run each, so that a machine that is busy for a while slows all of them
alike. The runs load the same hours of the same days whatever the history, so days and marts hold as much. What counts
is the last column: the median run after this history divided by the one after the shortest history. `--output` keeps
the figures as JSON and text, and draws them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from backend.dataset.timeline import Timeline
from benchmarks.environments import draw
from benchmarks.machine import describe
from gold import build as gold
from ingestion.customers import collect_customers
from ingestion.listing import collect_listing
from ingestion.products import collect_products
from ingestion.sales import collect_sales
from loaders.load_customers import load_customers
from loaders.load_products import load_products
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product
from loaders.load_table import load_table
from medallion.database import connect
from medallion.schema import prepare_schema
from medallion.settings import Settings
from quality.reconcile import reconcile_sales
from report.write import read_page
from stack.commands.layer_report import read_report
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import load_stack_settings
from stack.services import source_api as source
from stack.services.processes import await_ready, start, stop
from stack.services.warehouse import platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection

    from benchmarks.machine import Machine
    from stack.services.endpoints import Endpoints

_SALES_PER_HOUR = 7_200  # of an average hour: an afternoon's has 10,000
_NOON = datetime(2026, 10, 27, 12, tzinfo=timezone.utc)
_AFTER_ALL = _NOON + timedelta(days=30)  # no sale is in the future of the page
_QUIET = Talk(Console(quiet=True))
_RUN = "benchmark"
_SEED = 42
_QUIET_LOOKS = 65  # a second each: longer than autovacuum sleeps
_LONGEST_TIDYING_SECONDS = 900

STEPS: dict[str, Callable[..., Any]] = {
    "bronze_customers": collect_customers,
    "bronze_products": collect_products,
    "bronze_stores": partial(collect_listing, subject="stores"),
    "bronze_sales": collect_sales,
    "silver_customers": load_customers,
    "silver_products": load_products,
    "silver_stores": partial(load_table, subject="stores"),
    "silver_sales_customer": load_sales_customer,
    "silver_sales_product": load_sales_product,
    "dbt_deps": gold.prepare,
    "dbt_run_core": gold.build_core,
    "dbt_run_mart": gold.build_mart,
    "dbt_test": gold.check_gold,
    "reconcile": reconcile_sales,
    "report": lambda _conn, settings, run_id: read_report(settings.require_database_url(), run_id),
    "sales_report": lambda conn, _settings, run_id: read_page(conn, _AFTER_ALL),  # noqa: ARG005 - as every step
}


@dataclass(frozen=True)
class Measured:
    """Runs after one history. Seconds: to build it, the median of each step of a run, and every run as a whole."""

    history: int
    history_lines: int
    first_load: dict[str, float]
    sales_per_hour: float
    steps: dict[str, float]
    hours: list[float]

    @property
    def hour(self) -> float:
        """Seconds of a run, the median."""
        return statistics.median(self.hours)


def main() -> None:
    """Print a line for each history, then the steps."""
    arguments = argparse.ArgumentParser(description="Hourly runs of 10,000 sales after longer and longer histories.")
    arguments.add_argument("--history", type=int, nargs="+", default=[100_000, 1_000_000], help="sales, ascending")
    arguments.add_argument("--hours", type=int, default=7, help="how many are timed; the median counts")
    arguments.add_argument("--output", type=Path, help="folder for flat-in-history.json, .txt and .svg")
    given = arguments.parse_args()
    machine = describe()
    lines = [machine.line(), "   history       lines   first load   an hour of   seconds   against the shortest"]
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        warehouses = [stack.enter_context(_warehouse(Path(folder), history)) for history in sorted(given.history)]
        for number in range(given.hours + 1):  # the first run is not timed: it finds nothing warm
            for one in warehouses:
                one.hour(number)
        measured = [one.measured() for one in warehouses]
    lines += [_line(one, measured[0]) for one in measured]
    lines += ["", "seconds of each step (median)", *_steps(measured)]
    print("\n".join(lines))
    if given.output:
        _keep(given.output, machine, measured, lines)


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


class _Warehouse:
    """A platform of its own, with a history in every layer."""

    def __init__(self, home: Home, endpoints: Endpoints, conn: connection, variables: dict[str, str]) -> None:
        self._home, self._endpoints, self._conn, self._variables = home, endpoints, conn, variables
        given: dict[str, Any] = {name.lower(): value for name, value in endpoints.connection().items()}
        self._settings = Settings(retail_home=home.path, **given)
        self._hours: list[dict[str, float]] = []
        self._first_load = self._run()
        self._sales, self._lines = _sizes(conn)
        _settle(conn)

    def hour(self, number: int) -> None:
        """Advance the source by an hour and run. Number 0 is not kept."""
        os.environ.update(self._variables | {"SOURCE_NOW": _clock(_NOON + timedelta(hours=number + 1))})
        stop(self._home, [source.NAME])
        port = int(self._endpoints.source_api_url.rsplit(":", 1)[1])
        service = source.source_service(self._home, port, self._endpoints.source_api_key)
        await_ready(self._home, service, start(self._home, service))
        seconds = self._run()
        if number:
            self._hours.append(seconds)
        print(f"run {number} after {self._sales:,}: {sum(seconds.values()):.2f} s", file=sys.stderr, flush=True)

    def measured(self) -> Measured:
        """What was found."""
        new = _sizes(self._conn)[0] - self._sales
        steps = {step: statistics.median(hour[step] for hour in self._hours) for step in STEPS}
        hours = [sum(hour.values()) for hour in self._hours]
        return Measured(self._sales, self._lines, self._first_load, new / (len(hours) + 1), steps, hours)

    def _run(self) -> dict[str, float]:
        """Every step once, in the DAG's order; seconds of each."""
        seconds = {}
        for name, step in STEPS.items():
            began = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):  # dbt's progress
                step(self._conn, self._settings, run_id=_RUN)
            seconds[name] = time.perf_counter() - began
        return seconds


@contextmanager
def _warehouse(folder: Path, history: int) -> Iterator[_Warehouse]:
    home = Home(folder / str(history)).prepare()
    variables = {
        "RETAIL_HOME": str(home.path),
        "SOURCE_SEED": str(_SEED),
        "SOURCE_SALES_PER_HOUR": str(_SALES_PER_HOUR),
        "SOURCE_CUSTOMERS": "50000",
        "SOURCE_START": _clock(_begin_of(history)),
    }
    os.environ.update(variables | {"SOURCE_NOW": _clock(_NOON)})
    with platform(home, load_stack_settings(), _QUIET) as endpoints, connect(endpoints.database_url) as conn:
        prepare_schema(conn)
        yield _Warehouse(home, endpoints, conn, variables)


def _settle(conn: connection) -> None:
    """Wait until the server has tidied up after the first load: the runs that follow must not pay for it."""
    quiet, deadline = 0, time.monotonic() + _LONGEST_TIDYING_SECONDS
    while quiet < _QUIET_LOOKS and time.monotonic() < deadline:
        time.sleep(1)
        with conn, conn.cursor() as cursor:
            cursor.execute("select count(*) from pg_stat_activity where backend_type = 'autovacuum worker'")
            quiet = quiet + 1 if cursor.fetchone() == (0,) else 0


def _begin_of(history: int) -> datetime:
    """When the source must have begun for so many sales until noon: the latest hour that gives as many."""
    few, many = 0, 24 * 14 + 2 * history // _SALES_PER_HOUR
    while many - few > 1:
        hours = (few + many) // 2
        began = _NOON - timedelta(hours=hours)
        made = Timeline(start=began, sales_per_hour=_SALES_PER_HOUR, seed=_SEED).count_until(_NOON)
        few, many = (few, hours) if made >= history else (hours, many)
    return _NOON - timedelta(hours=many)


def _clock(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _sizes(conn: connection) -> tuple[int, int]:
    with conn, conn.cursor() as cursor:
        cursor.execute("select (select count(*) from silver.sales_customer), (select count(*) from gold.sales_item)")
        sales, lines = cursor.fetchone() or (0, 0)
    return int(sales), int(lines)


if __name__ == "__main__":
    main()
