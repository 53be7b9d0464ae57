"""Load a table that needs no code beyond its declaration: `python -m loaders.load_table suppliers`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loaders.dataset import DATASETS
from loaders.silver import LoadResult, load
from medallion.process.step import hand_run_id, one_named, run_step

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings


def load_table(conn: connection, settings: Settings, *, subject: str, run_id: str) -> LoadResult:
    """Fold new Bronze records of the dataset `subject` into its table. See `loaders.silver.load`."""
    return load(DATASETS[subject], conn, settings, run_id=run_id)


def _step(conn: connection, settings: Settings) -> str:
    subject = one_named(sys.argv[1:], DATASETS, "table")
    return load_table(conn, settings, subject=subject, run_id=hand_run_id()).summary()


if __name__ == "__main__":
    run_step(_step)
