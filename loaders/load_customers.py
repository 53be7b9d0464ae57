"""Load `silver.customers`: `python -m loaders.load_customers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.columns import COUNTRY, FLAG, ID, MOMENT, TEXT
from loaders.command import hand_run_id, run_step
from loaders.dataset import Dataset
from loaders.silver import Loaded, load

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings

CUSTOMERS = Dataset(
    name="customers",
    key=("customer_id",),
    version="updated_at",
    columns={
        "customer_id": ID,
        "first_name": TEXT,
        "last_name": TEXT,
        "email": TEXT,
        "phone": TEXT,
        "city": TEXT,
        "region": TEXT,
        "country": COUNTRY,
        "segment": TEXT,
        "signed_up_at": MOMENT,
        "updated_at": MOMENT,
        "is_deleted": FLAG,
    },
)


def load_customers(conn: connection, settings: Settings, *, run_id: str) -> Loaded:
    """Fold new Bronze customers into Silver, newest `updated_at` winning. See `loaders.silver.load`."""
    return load(CUSTOMERS, conn, settings, run_id=run_id)


if __name__ == "__main__":
    run_step(lambda conn, settings: load_customers(conn, settings, run_id=hand_run_id()).summary())
