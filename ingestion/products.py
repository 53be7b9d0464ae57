"""Collect products into Bronze: `python -m ingestion.products`.

The source orders them by `(updated_at, product_id)`, so a changed product comes again after the watermark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.collector import collect
from ingestion.listing import pull_of
from medallion.entities.registry import ENTITIES
from medallion.process.step import hand_run_id, run_step

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from ingestion.entity import PullResult
    from medallion.settings import Settings

PRODUCTS = pull_of(ENTITIES["products"])


def collect_products(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> PullResult:
    """Pull the products that are new or changed. See `ingestion.collector.collect` for errors."""
    return collect(PRODUCTS, conn, settings, run_id=run_id, full_refresh=full_refresh)


if __name__ == "__main__":
    run_step(lambda conn, settings: collect_products(conn, settings, run_id=hand_run_id()).summary())
