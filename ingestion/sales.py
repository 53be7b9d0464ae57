"""Collect sales into Bronze: `python -m ingestion.sales`.

The source lists sales by id, and the watermark is the id of the last sale that has landed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.backfill import finish_backfill
from ingestion.collector import collect
from ingestion.entity import Entity, PullResult
from ingestion.split import split_sales
from medallion.entities.registry import ENTITIES
from medallion.process.step import hand_run_id, run_step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from medallion.bronze.ndjson import Ndjson
    from medallion.settings import Settings


def divide_sales(sales: Sequence[bytes]) -> Mapping[str, Ndjson]:
    """Headers to `sales_customer`, lines to `sales_product`."""
    headers, lines = split_sales(sales)
    return {"sales_customer": headers, "sales_product": lines}


_DECLARED = ENTITIES["sales"]
SALES = Entity(
    name=_DECLARED.name,
    datasets=_DECLARED.datasets,
    split_by_dataset=divide_sales,
    key=_DECLARED.key,
    lasting=_DECLARED.lasting,
    order=_DECLARED.order,
    has_lines=True,
)


def collect_sales(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> PullResult:
    """Pull the sales after the watermark, once a backfill that no process works on is finished.

    Raises as `ingestion.backfill.finish_backfill` and `ingestion.collector.collect`.
    """
    finish_backfill(SALES, conn, settings, run_id=run_id, full_refresh=full_refresh)
    return collect(SALES, conn, settings, run_id=run_id, full_refresh=full_refresh)


if __name__ == "__main__":
    run_step(lambda conn, settings: collect_sales(conn, settings, run_id=hand_run_id()).summary())
