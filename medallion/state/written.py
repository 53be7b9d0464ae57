"""What a run has written to each table or set of files, for an orchestrator that shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.statements import Statements

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_SQL = Statements(__file__)


def written_by(conn: connection, run_id: str) -> dict[str, dict[str, int]]:
    """Rows that the run has added or changed, and the id of its last load, by `layer.dataset`.

    For the tasks that are at work now or have just ended: it looks at the last loads alone. Of Bronze, it counts the
    records of files that no load has taken to Silver yet.
    """
    with transaction(conn):
        found = _SQL.rows(conn, "written", {"run_id": run_id})
    return {name: {"rows": rows, "load_id": load_id} for name, rows, load_id in found}
