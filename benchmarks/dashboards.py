"""How fast dashboards are: each chart read over the API of the running Superset, and the memory that it holds.

`python -m benchmarks.dashboards` reads the Superset of this RETAIL_HOME (`./retail superset up`), each chart five
times, with caches off, and prints the median. The last lines name the slowest chart, the sales, and the memory.
"""

from __future__ import annotations

import statistics
import time
from datetime import datetime, timezone

import psutil

from dashboards.checking.asking import chosen
from dashboards.checking.check import charts_to_read, open_charts
from dashboards.checking.reading import Asked
from medallion.database import connect, transaction
from stack.cli.context import open_home
from stack.commands.declared_dashboards import declared_dashboards
from stack.commands.superset_access import open_superset
from stack.host.console import Talk
from stack.services.postgres.roles import READER
from stack.services.processes import running
from stack.services.superset import NAME
from stack.services.warehouse import role_url, warehouse

READS = 5


def main() -> None:
    """Print the median milliseconds of each chart, slowest first."""
    home, settings = open_home()
    declared = declared_dashboards(home, Talk())
    asked = Asked(datetime.now(timezone.utc).date(), chosen(declared, {}))
    times: dict[str, float] = {}
    with warehouse(home, settings, Talk()), open_superset(home, settings) as server:
        charts = open_charts(server)
        for one in charts_to_read(declared):
            seconds = []
            for _ in range(READS):
                began = time.perf_counter()
                charts.rows(one, asked)
                seconds.append(time.perf_counter() - began)
            times[one.name] = statistics.median(seconds)
        with connect(str(role_url(home, settings, READER))) as conn, transaction(conn), conn.cursor() as cursor:
            cursor.execute("select count(distinct sale_id), count(*) from gold.sales_item")
            sales, lines = cursor.fetchone() or (0, 0)
    for name, median in sorted(times.items(), key=lambda pair: -pair[1]):
        print(f"{median * 1000:8.0f} ms  {name}")
    slowest = max(times, key=times.__getitem__)
    print(f"slowest of {len(times)} charts: {slowest}, {times[slowest]:.2f} s, at {sales:,} sales and {lines:,} lines")
    record = running(home, NAME)
    if record:
        family = [psutil.Process(record.pid), *psutil.Process(record.pid).children(recursive=True)]
        print(f"memory of Superset: {sum(one.memory_full_info().pss for one in family) / 1e6:,.0f} MB (PSS)")


if __name__ == "__main__":
    main()
