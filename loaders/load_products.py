"""Load `silver.products`: `python -m loaders.load_products`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.columns import CURRENCY, FLAG, ID, MOMENT, PRICE, TEXT
from loaders.command import hand_run_id, run_step
from loaders.dataset import Dataset
from loaders.silver import Loaded, load

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings

PRODUCTS = Dataset(
    name="products",
    key=("product_id",),
    version="updated_at",
    columns={
        "product_id": ID,
        "sku": TEXT,
        "name": TEXT,
        "category": TEXT,
        "subcategory": TEXT,
        "brand": TEXT,
        "unit_price": PRICE,
        "unit_cost": PRICE,
        "currency": CURRENCY,
        "is_active": FLAG,
        "updated_at": MOMENT,
    },
)


def load_products(conn: connection, settings: Settings, *, run_id: str) -> Loaded:
    """Fold new Bronze products into Silver, newest `updated_at` winning. See `loaders.silver.load`."""
    return load(PRODUCTS, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_products(conn, settings, run_id=hand_run_id()).summary())
