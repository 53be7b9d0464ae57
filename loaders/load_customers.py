"""Load `silver.customers`: `python -m loaders.load_customers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.dataset import DATASETS
from loaders.silver import LoadResult, load
from medallion.process.step import hand_run_id, run_step

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings

CUSTOMERS = DATASETS["customers"]


def load_customers(conn: connection, settings: Settings, *, run_id: str) -> LoadResult:
    """Fold new Bronze customers into Silver, newest `updated_at` winning. See `loaders.silver.load`."""
    return load(CUSTOMERS, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_customers(conn, settings, run_id=hand_run_id()).summary())
