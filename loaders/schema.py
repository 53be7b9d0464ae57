"""Apply `sql/*.sql` to the warehouse: `python -m loaders.schema`.

The files are idempotent and applied whole, in one transaction and under a lock, so that any process may
do it at its start and two at once do no harm. No migration tool: there is one version of the truth in
`sql/`, and a change to a live table is written there as one more idempotent statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.command import run_step
from loaders.config import PROJECT_ROOT
from loaders.database import transaction

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.config import Settings

SQL_FOLDER = PROJECT_ROOT / "sql"
SCHEMA_FILES = ("schema_tables.sql", "incident_tables.sql", "gold_functions.sql", "views.sql", "grants.sql")


def prepare_schema(conn: connection) -> None:
    """Create what is missing in `meta`, `silver` and `gold`. Running it twice changes nothing."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtext('retail.schema'))")
        for name in SCHEMA_FILES:
            cursor.execute((SQL_FOLDER / name).read_text(encoding="utf-8"))


def _prepare(conn: connection, settings: Settings) -> str:  # noqa: ARG001 - the signature of every step
    prepare_schema(conn)
    return "schemas meta, silver and gold are ready"


if __name__ == "__main__":
    run_step(_prepare)
