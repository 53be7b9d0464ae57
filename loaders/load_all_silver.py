"""Load all of Silver, parents before children: `python -m loaders.load_all_silver`.

The order only helps readers: Silver has no foreign keys, and any order gives the same tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.process.step import hand_run_id, run_step
from medallion.process.steps import FILE_LOADS, LOADS, functions_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.process.steps import Outcome
    from medallion.settings import Settings


def load_all_silver(conn: connection, settings: Settings, *, run_id: str) -> list[Outcome]:
    """Load the new files of every dataset by its step's function. What was loaded before an error stays."""
    return [call(conn, settings, run_id=run_id) for step in (*LOADS, *FILE_LOADS) for call in functions_of(step)]


def _load(conn: connection, settings: Settings) -> str:
    return "\n".join(loaded.summary() for loaded in load_all_silver(conn, settings, run_id=hand_run_id()))


if __name__ == "__main__":
    run_step(_load)
