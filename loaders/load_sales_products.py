"""Load `silver.sales_product`, the sale lines: `python -m loaders.load_sales_products`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.dataset import DATASETS
from loaders.silver import LoadResult, load
from medallion.process.step import hand_run_id, run_step

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings

SALES_PRODUCT = DATASETS["sales_product"]


def load_sales_product(conn: connection, settings: Settings, *, run_id: str) -> LoadResult:
    """Fold new Bronze sale lines into Silver. A sale never changes, so content decides between versions."""
    return load(SALES_PRODUCT, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_sales_product(conn, settings, run_id=hand_run_id()).summary())
