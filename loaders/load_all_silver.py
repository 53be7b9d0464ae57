"""Load all of Silver, in the order parents before children: `python -m loaders.load_all_silver`.

The order is for readers' sake only: Silver has no foreign keys, and any order gives the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.command import hand_run_id, run_step
from loaders.load_customers import load_customers
from loaders.load_products import load_products
from loaders.load_sales_customers import load_sales_customer
from loaders.load_sales_products import load_sales_product

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings
    from loaders.silver import Loaded

IN_ORDER = (load_customers, load_products, load_sales_customer, load_sales_product)


def load_all_silver(conn: connection, settings: Settings, *, run_id: str) -> list[Loaded]:
    """Load what is new of every dataset. Stops at the first error; what was loaded before it stays."""
    return [load_dataset(conn, settings, run_id=run_id) for load_dataset in IN_ORDER]


def _load(conn: connection, settings: Settings) -> str:
    return "\n".join(loaded.summary() for loaded in load_all_silver(conn, settings, run_id=hand_run_id()))


if __name__ == "__main__":
    run_step(_load)
