"""Append of versions to `silver.<table>_version`: each one that reached Bronze, also those that the table never shows.

A version may be superseded within its batch, or older than the row in the table. Neither changes the table, and both
belong to its history. So a load that appends versions has a row of its own in the ETL log, under the name of the table
of versions: Gold takes them as an increment even where the table is as it was. A version that is known already, whether
of this file or of another, is not appended again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg2 import sql

from medallion.process.fail_points import fail_point
from medallion.state.loads import RowCounts, close_load, open_load
from medallion.statements import identifiers

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.batch import Batch
    from loaders.dataset import Dataset

_APPEND = sql.SQL(
    """
    insert into {versions} ({columns}, row_checksum, _load_id)
    select {columns}, {checksum}(row(arrived.*)::{table}), %(load_id)s
    from {arrived} as arrived
    on conflict do nothing
    """
)
# What a COPY has just put between two keys that had nothing between them.
_BETWEEN = sql.SQL("(select * from {table} where ({key}) between %(least)s and %(greatest)s)")


class Versions:
    """Appends the versions of one load, in its transaction. Of a dataset without versions it does nothing."""

    def __init__(self, dataset: Dataset, run_id: str) -> None:
        self._dataset = dataset
        self._run_id = run_id
        self._load_id: int | None = None
        self._offered = self._appended = 0

    def append(self, conn: connection, arrived: sql.Composable, rows: int, **bounds: object) -> None:
        """Append what is new among the rows of `arrived`, a relation like the dataset's table."""
        if self._dataset.versions is None:
            return
        self._offered += rows
        if self._load_id is None:
            self._open_and_insert(conn, arrived, bounds)
        else:
            self._appended += self._insert(conn, arrived, bounds)
        fail_point("versions.appended")

    def append_between(self, conn: connection, batch: Batch) -> None:
        """Append the batch, which is in the dataset's table now, alone between its least and its greatest key."""
        key = identifiers(self._dataset.key)
        arrived = _BETWEEN.format(table=sql.Identifier("silver", self._dataset.name), key=key)
        self.append(conn, arrived, batch.rows, least=batch.least, greatest=batch.greatest)

    def close(self, conn: connection) -> None:
        """Close the load of the versions; there is none if all of them were known."""
        if self._load_id is not None:
            known = self._offered - self._appended
            close_load(conn, self._load_id, RowCounts(self._offered, self._appended, unchanged=known), 0)

    def _open_and_insert(self, conn: connection, arrived: sql.Composable, bounds: dict[str, object]) -> None:
        """Open the load, and take that back if nothing was appended."""
        with conn.cursor() as cursor:
            cursor.execute("savepoint versions")
            self._load_id = open_load(conn, run_id=self._run_id, layer="silver", dataset=str(self._dataset.versions))
            self._appended = self._insert(conn, arrived, bounds)
            if not self._appended:
                cursor.execute("rollback to savepoint versions")
                self._load_id = None
            cursor.execute("release savepoint versions")

    def _insert(self, conn: connection, arrived: sql.Composable, bounds: dict[str, object]) -> int:
        statement = _APPEND.format(
            versions=sql.Identifier("silver", str(self._dataset.versions)),
            columns=identifiers(self._dataset.columns),
            checksum=sql.Identifier("meta", f"{self._dataset.name}_checksum"),
            table=sql.Identifier("silver", self._dataset.name),
            arrived=arrived,
        )
        with conn.cursor() as cursor:
            cursor.execute(statement, {"load_id": self._load_id} | bounds)
            return int(cursor.rowcount)
