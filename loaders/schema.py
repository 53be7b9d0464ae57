"""Apply `sql/*.sql` to the warehouse: `python -m loaders.schema`.

The files are idempotent and applied whole, in one transaction and under a lock, so that any process may
do it at its start and two at once do no harm. No migration tool: there is one version of the truth in
`sql/`, and a change to a live table is written there as one more idempotent statement.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from loaders.command import run_step
from loaders.config import PROJECT_ROOT
from loaders.database import transaction

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

    from loaders.config import Settings

SQL_FOLDER = PROJECT_ROOT / "sql"
SCHEMA_FILES = (
    "schema_tables.sql",
    "incident_tables.sql",
    "backfill_tables.sql",
    "gold_functions.sql",
    "views.sql",
    "grants.sql",
)
# Which of them exist, and whom we may act as, decides what the grants come to.
_ROLES = """
    select coalesce(string_agg(rolname || pg_has_role(oid, 'member'), ' ' order by rolname), '')
    from pg_roles
    where rolname like 'retail%'
"""
_CAN_ASK = """
    select has_table_privilege(to_regclass('meta.applied_schema'), 'select')
    where has_schema_privilege(to_regnamespace('meta'), 'usage')
"""
_NOTE = """
    insert into meta.applied_schema (digest) values (%(digest)s)
    on conflict (is_only) do update set digest = excluded.digest, applied_at = clock_timestamp()
"""


def prepare_schema(conn: connection, *, even_if_unchanged: bool = False) -> None:
    """Create what is missing in `meta`, `silver` and `gold`. Running it twice changes nothing.

    While the files are those that were applied last, and the same roles are there to be granted to, it takes no lock:
    a look at the platform must not get in the way of an hour that is at work.
    """
    statements = [(SQL_FOLDER / name).read_text(encoding="utf-8") for name in SCHEMA_FILES]
    with transaction(conn), conn.cursor() as cursor:
        digest = _digest(cursor, statements)
        if not even_if_unchanged and _applied(cursor) == digest:
            return
        cursor.execute("select pg_advisory_xact_lock(hashtext('retail.schema'))")
        for statement in statements:
            cursor.execute(statement)
        cursor.execute(_NOTE, {"digest": digest})


def _digest(cursor: cursor, statements: list[str]) -> str:
    cursor.execute(_ROLES)
    (roles,) = cursor.fetchone() or ("",)
    return hashlib.sha256("\0".join([*statements, roles]).encode()).hexdigest()


def _applied(cursor: cursor) -> str | None:
    """Digest of what was applied last; None before the first time, and for whoever may not see it."""
    cursor.execute(_CAN_ASK)
    if cursor.fetchone() != (True,):
        return None
    cursor.execute("select digest from meta.applied_schema")
    found = cursor.fetchone()
    return str(found[0]) if found else None


def _prepare(conn: connection, settings: Settings) -> str:  # noqa: ARG001 - the signature of every step
    prepare_schema(conn, even_if_unchanged=True)
    return "schemas meta, silver and gold are ready"


if __name__ == "__main__":
    run_step(_prepare)
