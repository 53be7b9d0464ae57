"""Collect customers into Bronze: `python -m ingestion.customers`.

The source orders them by `(updated_at, customer_id)`, so a changed customer comes again after the watermark.
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

CUSTOMERS = pull_of(ENTITIES["customers"])


def collect_customers(conn: connection, settings: Settings, *, run_id: str, full_refresh: bool = False) -> PullResult:
    """Pull the customers that are new or changed. See `ingestion.collector.collect` for errors."""
    return collect(CUSTOMERS, conn, settings, run_id=run_id, full_refresh=full_refresh)


if __name__ == "__main__":
    run_step(lambda conn, settings: collect_customers(conn, settings, run_id=hand_run_id()).summary())
