"""A limit: COPY of the rows that our Silver load writes, into the same keyed tables."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks.engine import Engine, Timing, silver_totals
from medallion.database import connect, transaction

if TYPE_CHECKING:
    from pathlib import Path

    from psycopg2.extensions import connection

    from benchmarks.world import Stage, World
    from medallion.state.reconciliation import Totals

_COLUMNS = {
    "sales_customer": "sale_id, customer_id, store_id, sold_at, channel, payment_method, currency, _load_id",
    "sales_product": "sale_id, line_no, product_id, quantity, unit_price, discount, _load_id",
}
_ORDER = {"sales_customer": "sale_id", "sales_product": "sale_id, line_no"}
_BUFFER_BYTES = 1_000_000


class CopyLimit(Engine):
    """No file is read as JSON, nothing is validated or looked up: the rows stand ready as CSV, in the order of keys."""

    name = "copy"
    title = "limit: COPY of the same rows"
    _folder: Path

    def prepare(self, folder: Path, shared: Stage, loaded: World) -> None:
        """Write the rows of a loaded Silver to files."""
        self._folder = loaded.folder
        with connect(loaded.database_url) as conn, conn.cursor() as cursor:
            for table, columns in _COLUMNS.items():
                with self._file(table).open("wb") as stream:
                    query = f"select {columns} from silver.{table} order by {_ORDER[table]}"  # noqa: S608 - ours
                    cursor.copy_expert(f"copy ({query}) to stdout with (format csv)", stream)

    def run(self, world: World) -> Timing:
        """Both tables at once, as our tasks load them, each over a connection that is open already."""
        with ExitStack() as opened, ThreadPoolExecutor(len(_COLUMNS)) as threads:
            connections = [opened.enter_context(connect(world.database_url)) for _ in _COLUMNS]
            began, used = time.perf_counter(), time.process_time()
            list(threads.map(self._copy, connections, _COLUMNS))
            return Timing(time.perf_counter() - began, time.process_time() - used)

    def _copy(self, conn: connection, table: str) -> None:
        with transaction(conn), conn.cursor() as cursor, self._file(table).open("rb") as stream:
            statement = f"copy silver.{table} ({_COLUMNS[table]}) from stdin with (format csv)"
            cursor.copy_expert(statement, stream, size=_BUFFER_BYTES)

    def loaded(self, conn: connection) -> Totals:
        """What Silver holds."""
        return silver_totals(conn)

    def _file(self, table: str) -> Path:
        return self._folder / f"{table}.csv"
