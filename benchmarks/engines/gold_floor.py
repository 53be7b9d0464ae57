"""Silver → Gold, the limit: each table by `create table as` and its keys, one after the other, in one session."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.engine import Timing
from benchmarks.engines.gold import Gold
from medallion.database import connect, transaction
from medallion.statements import Statements

if TYPE_CHECKING:
    from benchmarks.world import World

_SQL = Statements(__file__)
TABLES = (
    "dim_customer",
    "dim_product",
    "dim_customer_history",
    "dim_product_history",
    "dim_store_history",
    "sales_item",
    "mart_sales_by_customer",
    "mart_sales_by_hour",
    "mart_sales_by_product",
)


class GoldFloor(Gold):
    """Statements of our own, without dbt, increments, checks and tests. Seconds of each table are its steps."""

    name = "ctas"
    title = "limit: create table as, then keys"

    def run(self, world: World) -> Timing:
        """Every table once, over a connection that is open already."""
        steps = {}
        with connect(world.database_url) as conn:
            began, used = time.perf_counter(), time.process_time()
            for table in TABLES:
                started = time.perf_counter()
                with transaction(conn):
                    _SQL.execute(conn, table)
                steps[table] = time.perf_counter() - started
        return Timing(time.perf_counter() - began, time.process_time() - used, steps)
