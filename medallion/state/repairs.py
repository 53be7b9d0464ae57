"""Sales that were pulled again to replace what Silver holds, so that a correction at the source can arrive.

By the contract a sale never changes, so of two contents of one sale Silver keeps the greater one, in whatever order
they come. A repair states that one load of Bronze has the correct sale: its records in older loads no longer count.
When Silver first loads it, the sale's older rows are removed first; an older file, whenever it is loaded again, leaves
these sales out. So Silver is the same in any order, and from Bronze alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from medallion.state.gold_progress import want_gold_rebuild
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from medallion.state.receipts import Receipt

_SQL = Statements(__file__)
_OF_SALES = ("sales_customer", "sales_product")


@dataclass(frozen=True)
class Repairs:
    """The repairs that concern one file: the sales in it that a later load of Bronze has repaired."""

    superseded: frozenset[int] = frozenset()

    def current(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that still count."""
        if not self.superseded:
            return rows
        return rows.filter(~pl.col("sale_id").is_in(list(self.superseded)))


def add_repairs(conn: connection, ids: Sequence[int], load_id: int, run_id: str) -> None:
    """Note that this load of Bronze repairs these sales, in the transaction that receipts it."""
    _SQL.execute(conn, "add_repairs", {"ids": list(ids), "load_id": load_id, "run_id": run_id})


def take_repairs(conn: connection, receipt: Receipt, silver_load_id: int) -> Repairs:
    """Remove the rows that the file replaces, in the transaction that loads it. Returns the repairs of later loads."""
    if receipt.dataset not in _OF_SALES:
        return Repairs()
    values = {"load_id": receipt.load_id, "silver_load_id": silver_load_id}
    if _SQL.execute(conn, f"take_{receipt.dataset}", values) > 0:
        want_gold_rebuild(conn)  # again: a run may have built Gold since the repair was requested
    return Repairs(frozenset(sale_id for (sale_id,) in _SQL.rows(conn, "superseded_sales", values)))
