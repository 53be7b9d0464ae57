"""Load `silver.sales_customer`, the sale headers: `python -m loaders.load_sales_customers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.columns import CURRENCY, ID, MOMENT, STORE_ID, TEXT
from loaders.command import hand_run_id, run_step
from loaders.dataset import Dataset
from loaders.silver import Loaded, load

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings

SALES_CUSTOMER = Dataset(
    name="sales_customer",
    key=("sale_id",),
    columns={
        "sale_id": ID,
        "customer_id": ID,
        "store_id": STORE_ID,
        "sold_at": MOMENT,
        "channel": TEXT,
        "payment_method": TEXT,
        "currency": CURRENCY,
    },
    forbidden=("lines",),  # a header that still has its lines is a sale that could not be split
)


def load_sales_customer(conn: connection, settings: Settings, *, run_id: str) -> Loaded:
    """Fold new Bronze sale headers into Silver. A sale never changes, so content decides between versions."""
    return load(SALES_CUSTOMER, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_sales_customer(conn, settings, run_id=hand_run_id()).summary())
