"""Apply `sql/` to the warehouse: `python -m medallion.schema`.

Tables change by numbered migrations, each applied once (`medallion.migrations`). Missing tables of Silver are created
as declared (`medallion.entities.generated`); existing ones must have the declared columns. The other files hold
functions, views, comments and grants, which are replaced as a whole: they are applied again whenever one has changed.
All of it happens in one transaction and under a lock, so that any process may do it at its start, even two at once.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.entities.registry import TABLES
from medallion.errors import MigrationRefused
from medallion.migrations import apply_migrations, choose_pending, read_applied, read_migrations
from medallion.process.step import run_step
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from psycopg2.extensions import connection, cursor

    from medallion.entities.entity import Column, Table
    from medallion.settings import Settings

SQL_FOLDER = PROJECT_ROOT / "sql"
_BEFORE = (
    "lock_tables.sql",  # first: it takes the lock under which the other files are applied
    "migration_tables.sql",
)
_AFTER = (
    "lock_functions.sql",
    "checksum_functions.sql",
    "entities.sql",
    "silver_tables.sql",
    "gold_functions.sql",
    "audit_functions.sql",
    "gold_readers.sql",
    "gold_types.sql",
    "views.sql",
    "surface_schemas.sql",
    "surface_layers.sql",
    "surface_dwh.sql",
    "surface_functions.sql",
    "comments.sql",
    "grants.sql",
    "silver_grants.sql",
)
# The effect of the grants depends on which of these roles exist and which of them this session may act as.
_ROLES = """
    select coalesce(string_agg(rolname || pg_has_role(oid, 'member'), ' ' order by rolname), '')
    from pg_roles
    where rolname like 'retail%'
"""
_CAN_ASK = """
    select has_table_privilege(to_regclass(%(table)s), 'select')
    where has_schema_privilege(to_regnamespace('meta'), 'usage')
"""
_COLUMNS = """
    select attname::text from pg_attribute
    where attrelid = to_regclass(%(table)s) and attnum > 0 and not attisdropped
"""
_MAY_CHANGE = """
    select
        has_database_privilege(current_database(), 'create')
        and not current_setting('transaction_read_only')::boolean
"""
_NOTE = """
    insert into meta.applied_schema (digest) values (%(digest)s)
    on conflict (is_only) do update set digest = excluded.digest, applied_at = clock_timestamp()
"""


def prepare_schema(conn: connection, *, even_if_unchanged: bool = False) -> tuple[str, ...]:
    """Bring `meta`, `silver` and `gold` to what `sql/` says. Returns the names of the migrations it applied.

    While files and roles are those of the last time, it takes no lock: a look at the platform must not block an hourly
    run. Raises MigrationRefused.
    """
    before, after = _read(_BEFORE), _read(_AFTER)
    migrations = read_migrations(SQL_FOLDER / "migrations")
    with transaction(conn), conn.cursor() as cursor:
        digest = _digest(cursor, [*before, *(one.text for one in migrations), *after])
        if not even_if_unchanged and _applied(cursor) == digest:
            return ()
        for statement in before:
            cursor.execute(statement)
        applied = apply_migrations(cursor, migrations)
        for table in TABLES.values():
            _require_columns(cursor, table, following=f"{len(migrations) + 1:04}")
        for statement in after:
            cursor.execute(statement)
        cursor.execute(_NOTE, {"digest": digest})
    return applied


def prepare_to_read(conn: connection) -> None:
    """As `prepare_schema`, for a command that only reads: a login that may not change the schema takes it as it is."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_MAY_CHANGE)
        (may_change,) = cursor.fetchone() or (False,)
    if may_change:
        prepare_schema(conn)


def pending_migrations(conn: connection) -> tuple[str | None, tuple[str, ...]]:
    """The last migration of the warehouse, None before the first, and those that `prepare_schema` would apply.

    Changes nothing. Raises MigrationRefused as `prepare_schema` would.
    """
    with transaction(conn), conn.cursor() as cursor:
        applied = read_applied(cursor) if _can_ask(cursor, "meta.migration") else []
    pending = choose_pending(read_migrations(SQL_FOLDER / "migrations"), applied)
    return applied[-1].name if applied else None, tuple(one.name for one in pending)


def _read(names: tuple[str, ...]) -> list[str]:
    return [(SQL_FOLDER / name).read_text(encoding="utf-8") for name in names]


def _digest(cursor: cursor, statements: list[str]) -> str:
    cursor.execute(_ROLES)
    (roles,) = cursor.fetchone() or ("",)
    return hashlib.sha256("\0".join([*statements, roles]).encode()).hexdigest()


def _applied(cursor: cursor) -> str | None:
    """Digest of what was applied last; None before the first time, and for a role that may not read it."""
    if not _can_ask(cursor, "meta.applied_schema"):
        return None
    cursor.execute("select digest from meta.applied_schema")
    found = cursor.fetchone()
    return str(found[0]) if found else None


def _require_columns(cursor: cursor, table: Table, following: str) -> None:
    """Raise MigrationRefused for a declared column that the existing table, or that of its versions, lacks."""
    for name in filter(None, (table.name, table.versions)):
        cursor.execute(_COLUMNS, {"table": f"silver.{name}"})
        found = {column for (column,) in cursor.fetchall()}
        for column in table.columns:
            if found and column.name not in found:
                raise _without(name, column, following)


def _without(table: str, column: Column, following: str) -> MigrationRefused:
    add = f"alter table if exists silver.{table} add column {column.name} {column.type.sql} not null"
    return MigrationRefused(
        f"silver.{table} lacks the column {column.name}, which is declared and was not migrated",
        remedy=f"write sql/migrations/{following}_{table}_{column.name}.sql: `{add}`, with a default for the rows "
        "that are there (docs/extending.md, Another column); nothing was changed",
    )


def _can_ask(cursor: cursor, table: str) -> bool:
    cursor.execute(_CAN_ASK, {"table": table})
    return bool(cursor.fetchone() == (True,))


def _prepare(conn: connection, settings: Settings) -> str:  # noqa: ARG001 - the signature of every step
    applied = prepare_schema(conn, even_if_unchanged=True)
    migrated = f", migrated to {applied[-1]}" if applied else ""
    return f"schemas meta, silver and gold are ready{migrated}"


if __name__ == "__main__":
    run_step(_prepare)
