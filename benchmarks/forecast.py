"""How wrong the forecast of revenue is on the sample data, next to naive ways: `python -m benchmarks.forecast`.

For each seed, a history of the sample data set is added up by store and day into a database of its own, and the nightly
models of the forecast are built over it by dbt, as of a business date. What they publish as their backtest is printed:
the error (WAPE) by day and of 28 days together, for a store and for all of them, next to a repeated week and a repeated
year. `--peers` adds AutoETS and MSTL of statsforecast, from the same origins, where it can be installed.

The seasons of the sample are those of `backend/dataset/timeline.py`. They show that the method works, not how wrong it
will be for a retailer. `--days` cuts the history, `--sales` makes stores larger.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import polars as pl
from psycopg2.extras import execute_values
from pydantic import SecretStr
from rich.console import Console

from backend.dataset.customers import Customers
from backend.dataset.products import Products
from backend.dataset.sales import Sales
from backend.dataset.store_catalog import STORES
from backend.dataset.stores import Stores
from backend.dataset.timeline import Timeline
from backend.settings import SourceSettings
from benchmarks.environments import python_of
from gold.dbt_runner import invoke
from gold.public_holidays import public_holidays
from medallion.database import connect, transaction
from medallion.errors import EngineUnavailable
from medallion.schema import prepare_schema
from medallion.settings import Settings
from medallion.statements import Statements
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import load_stack_settings
from stack.services.ports import any_free
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
_PROGRAM = Path(__file__).parent / "programs" / "forecast_with_statsforecast.py"
_COUNTRIES = sorted({one.country for one in STORES})
_BLOCK = 500_000  # sales that are held at once


def main() -> None:
    """Print a table for each seed."""
    arguments = argparse.ArgumentParser(description="Errors of the forecast of revenue, next to naive ways.")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    arguments.add_argument("--days", type=int, default=1100, help="days of history")
    arguments.add_argument("--sales", type=int, default=5, help="sales in an average hour")
    arguments.add_argument("--as-of", type=date.fromisoformat, default=date(2026, 11, 1))
    arguments.add_argument("--peers", action="store_true", help="AutoETS and MSTL of statsforecast, too")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder, _database(Path(folder)) as (conn, settings):
        for seed in given.seeds:
            count = fill(conn, seed, given.as_of, given.days, given.sales)
            seconds = build(conn, settings, given.as_of)
            print(f"seed {seed}: {count:,} sales in {given.days} days, as of {given.as_of}; built in {seconds:.1f} s")
            for line in [*_lines(conn), *(_of_peers(conn, Path(folder)) if given.peers else ())]:
                print(line)


def fill(conn: connection, seed: int, as_of: date, days: int, per_hour: int) -> int:
    """Replace the tables that the models read by those of a data set; returns how many sales it holds."""
    until = datetime.combine(as_of + timedelta(days=1), datetime.min.time(), timezone.utc)
    source = SourceSettings(seed=seed, start=until - timedelta(days=days), now=until, sales_per_hour=per_hour)
    timeline, stores = Timeline(start=source.start, sales_per_hour=per_hour, seed=seed), Stores(source)
    count = timeline.count_until(until - timedelta(seconds=1))
    sales = Sales(source, timeline, Customers(source), Products(source), stores)
    sold = pl.concat([_by_day(sales, first, min(first + _BLOCK - 1, count)) for first in range(1, count + 1, _BLOCK)])
    sold = sold.group_by("sold_date", "store_id", "currency").agg(pl.col("cents").sum())
    holidays, _ = public_holidays(_COUNTRIES, range(as_of.year - 5, as_of.year + 2))
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_SQL["make_tables"])
        execute_values(cursor, _SQL["add_sales"], [_sold(*row) for row in sold.rows()], page_size=10_000)
        execute_values(cursor, _SQL["add_versions"], list(_versions(stores, until, days)))
        execute_values(cursor, _SQL["add_holidays"], holidays)
        cursor.execute("analyze gold.mart_sales_by_store")  # as the planner knows it in production
    return count


def _sold(day: date, store_id: int, currency: str, cents: int) -> tuple[object, ...]:
    return day, str(UUID(int=store_id)), store_id, currency, Decimal(cents).scaleb(-2)


def _versions(stores: Stores, until: datetime, days: int) -> Iterator[tuple[object, ...]]:
    """What the source said of each store on each of these days: its key, country, whether it is open, since when."""
    moments = (int((until - timedelta(days=back)).timestamp()) for back in range(days, -1, -1))
    said = {(row[0], row[9]): row for moment in moments for row in stores.at(moment).rows()}
    for (store_id, updated_at), row in said.items():
        later = [other for one, other in said if one == store_id and other > updated_at]
        is_first = not any(one == store_id and other < updated_at for one, other in said)
        since, until_next = datetime.fromtimestamp(updated_at, timezone.utc), "infinity"
        if later:
            until_next = datetime.fromtimestamp(min(later), timezone.utc).isoformat()
        yield str(UUID(int=store_id)), row[5], row[8], since, "-infinity" if is_first else since.isoformat(), until_next


def _by_day(sales: Sales, first: int, last: int) -> pl.DataFrame:
    headers = sales.headers(first, last)
    lines = sales.lines(headers)
    cents = pl.DataFrame({"sale": lines["sale"], "cents": lines["quantity"] * lines["unit_price"] - lines["discount"]})
    by_sale = cents.group_by("sale", maintain_order=True).agg(pl.col("cents").sum())
    day = pl.from_epoch(pl.col("sold_at"), time_unit="s").dt.date().alias("sold_date")
    sold = headers.select(day, "store_id", "currency")[by_sale["sale"]].with_columns(by_sale["cents"])
    return sold.group_by("sold_date", "store_id", "currency").agg(pl.col("cents").sum())


def build(conn: connection, settings: Settings, as_of: date) -> float:
    """Build the models of the forecast; returns the seconds that they took, without the start of dbt."""
    command = ["run", "--select", "mart_revenue_forecast", "revenue_forecast_*"]
    results = invoke(conn, settings, command, "benchmark", {"RETAIL_BUSINESS_DATE": as_of.isoformat()})
    failed = [f"{one.node.name}: {one.message}" for one in results.results if one.status != "success"]
    if failed:
        raise SystemExit("\n".join(failed))
    return float(sum(one.execution_time for one in results.results))


@contextmanager
def _database(folder: Path) -> Iterator[tuple[connection, Settings]]:
    folder.chmod(0o755)  # as root, Postgres runs under an account of its own
    home, quiet = Home(folder / "platform").prepare(), Talk(Console(quiet=True))
    stack = load_stack_settings().model_copy(update={"retail_home": home.path, "postgres_port": any_free()})
    with warehouse(home, stack, quiet) as url, connect(url) as conn:
        prepare_schema(conn)
        settings = Settings(retail_home=home.path, database_url=SecretStr(url))
        invoke(conn, settings, ["deps"], "benchmark")
        yield conn, settings


def _lines(conn: connection) -> Iterator[str]:
    """A line for each currency, series and horizon: the error of each method, and the coverage of the interval."""
    yield f"  {'':34}{'tests':>6}{'forecast':>10}{'week':>8}{'year':>8}{'bias':>8}{'cover':>8}"
    with transaction(conn):
        for what, tests, *shares in _SQL.rows(conn, "errors"):
            yield f"  {what:34}{tests or 0:6}{_percent(shares[0]):>10}" + "".join(
                f"{_percent(one):>8}" for one in shares[1:]
            )


def _of_peers(conn: connection, folder: Path) -> Iterator[str]:
    """A line for each currency, scope and model of the peer: its errors by day and of sums, of the same days."""
    with transaction(conn):
        history, asked = (_SQL.rows(conn, name) for name in ("history", "asked"))
    known: dict[str, dict[str, list[float]]] = {}
    for origin, series, amounts in history:
        known.setdefault(origin.isoformat(), {})[series] = [float(one) for one in amounts]
    try:
        python = python_of(Path.home() / ".cache" / "retail-bench", "statsforecast")
    except EngineUnavailable as error:
        yield f"  left out: {error.message}"
        return
    given, made = folder / "series.json", folder / "ahead.json"
    given.write_text(json.dumps(known))
    began = time.perf_counter()
    subprocess.run([str(python), str(_PROGRAM), str(given), str(made)], check=True)
    yield f"  statsforecast took {time.perf_counter() - began:.0f} s"
    ahead = json.loads(made.read_text())
    for model in sorted({model for models in ahead.values() for model in models}):
        values = [
            (of, at, day, ahead[at.isoformat()][model][f"{of} {store}"][day - 1], came)
            for of, at, store, day, came in asked
        ]
        for currency in sorted({one[0] for one in values}, reverse=True):
            own = [one[1:] for one in values if one[0] == currency]
            by_day, sums = _error(own, lambda one: one[:2]), _error(own, lambda one: one[:1])
            yield f"  {currency}, all stores, {model}: {_percent(by_day)} by day, {_percent(sums)} of sums of 28 days"


def _error(values: list[tuple[Any, ...]], key: Any) -> float:
    """WAPE of what is added up by a key: (origin, day, expected, actual)."""
    expected: dict[Any, float] = defaultdict(float)
    actual: dict[Any, float] = defaultdict(float)
    for one in values:
        expected[key(one)] += one[2]
        actual[key(one)] += float(one[3])
    return sum(abs(expected[one] - actual[one]) for one in actual) / sum(actual.values())


def _percent(share: Any) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


if __name__ == "__main__":
    main()
