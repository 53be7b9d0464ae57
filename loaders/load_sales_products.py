"""Load `silver.sales_product`, the sale lines: `python -m loaders.load_sales_products`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.columns import AMOUNT, ID, LINE_NO, PRICE, QUANTITY
from loaders.command import hand_run_id, run_step
from loaders.dataset import Dataset
from loaders.silver import Loaded, load

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings

SALES_PRODUCT = Dataset(
    name="sales_product",
    key=("sale_id", "line_no"),
    columns={
        "sale_id": ID,
        "line_no": LINE_NO,
        "product_id": ID,
        "quantity": QUANTITY,
        "unit_price": PRICE,
        "discount": AMOUNT,
    },
)


def load_sales_product(conn: connection, settings: Settings, *, run_id: str) -> Loaded:
    """Fold new Bronze sale lines into Silver. A sale never changes, so content decides between versions."""
    return load(SALES_PRODUCT, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_sales_product(conn, settings, run_id=hand_run_id()).summary())
