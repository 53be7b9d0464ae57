"""Checks of `./retail doctor` in the warehouse: the login, the schema, the roles, and what a reader may do.

Only a superuser may set some of this (sql/roles.sql, sql/hardening.sql), and a managed server gives us none. No step
needs it to be right, and each finding names what can still be done.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from medallion.database import transaction
from medallion.errors import MigrationRefused
from medallion.schema import pending_migrations
from stack.commands.finding import Finding
from stack.services.postgres.files import OLDEST_MAJOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

_SQL = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
_BY_ADMINISTRATOR = "have an administrator of the server run sql/roles.sql; where that may not set it, "
_BY_SUPERUSER = "have a superuser run sql/hardening.sql in this database; where there is none, "


def examine_warehouse(conn: connection) -> Iterator[Finding]:
    """Each check. Raises DatabaseError when the warehouse does not answer."""
    seen = _ask(conn)
    yield _server(seen)
    yield _login(seen)
    yield _roles(seen)
    if not seen["other_owner"]:
        yield _schema(conn)
    if seen["has_reader"]:
        yield from _limits(seen, "reader")
        yield from _reader(seen)
    if seen["has_analyst"]:
        yield from _limits(seen, "analyst")
        yield from _analyst(seen)


def _ask(conn: connection) -> dict[str, Any]:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_SQL)
        names = [column.name for column in cursor.description or ()]
        return dict(zip(names, cursor.fetchone() or (), strict=True))


def _server(seen: dict[str, Any]) -> Finding:
    """Whether the server can hold that no two versions of a customer, product or store overlap."""
    if seen["major"] < OLDEST_MAJOR:
        return Finding(
            "server",
            "fail",
            f"PostgreSQL {seen['major']} is too old: the warehouse needs {OLDEST_MAJOR}",
            f"./retail backup FOLDER, then restore it on a server of PostgreSQL {OLDEST_MAJOR} or newer",
        )
    if not seen["has_btree_gist"]:
        return Finding(
            "server",
            "fail",
            "the extension btree_gist is not available",
            "install the contrib modules of the server (on Debian they come with it)",
        )
    return Finding("server", "ok", f"PostgreSQL {seen['major']}, with btree_gist")


def _login(seen: dict[str, Any]) -> Finding:
    """Whether the login is the owner of the warehouse and has no further rights."""
    if seen["other_owner"]:
        return Finding(
            "login",
            "fail",
            f"DATABASE_URL logs in as {seen['login']}, the warehouse belongs to {seen['other_owner']}",
            f"set DATABASE_URL to the login of {seen['other_owner']}: only the owner can apply the schema",
        )
    if seen["is_superuser"]:
        return Finding(
            "login",
            "warn",
            f"DATABASE_URL logs in as {seen['login']}, a superuser",
            "give the warehouse another owner; see docs/configuration.md, Roles on your own server",
        )
    return Finding("login", "ok", f"{seen['login']} owns the warehouse and is not a superuser")


def _schema(conn: connection) -> Finding:
    """The last migration of the warehouse, and whether it is what this version needs."""
    try:
        version, pending = pending_migrations(conn)
    except MigrationRefused as refused:
        return Finding("schema", "fail", refused.message, refused.remedy)
    if pending:
        return Finding(
            "schema",
            "warn",
            f"at {version or 'no migration yet'}: {pending[-1]} is pending",
            "./retail backup FOLDER if there is data to keep, then ./retail schema",
        )
    return Finding("schema", "ok", f"at {version}")


def _roles(seen: dict[str, Any]) -> Finding:
    if seen["missing_roles"]:
        return Finding(
            "roles",
            "warn",
            f"missing: {seen['missing_roles']}: their tasks work as the owner",
            "have an administrator of the server run sql/roles.sql; see docs/configuration.md",
        )
    return Finding("roles", "ok", "each layer and the readers have a login of their own")


def _limits(seen: dict[str, Any], person: str) -> Iterator[Finding]:
    """The limits of retail_reader or retail_analyst other than timeouts, which each can lift itself."""
    limit, disk = seen[f"{person}_connections"], seen[f"{person}_disk"]
    yield _bound(
        f"{person}: connections",
        f"at most {limit}" if limit is not None else None,
        f"retail_{person} may take every connection of the server",
        f"{_BY_ADMINISTRATOR}hand its password to few",
    )
    yield _bound(
        f"{person}: disk",
        f"a session's temporary files: at most {disk}" if disk else None,
        f"temp_file_limit is not set: a query of retail_{person} may fill the server's disk",
        f"{_BY_ADMINISTRATOR}set temp_file_limit for the whole server",
    )


def _reader(seen: dict[str, Any]) -> Iterator[Finding]:
    """What every login may do by default, a reader among them."""
    yield _bound(
        "reader: large objects",
        None if seen["large_objects"] else "cannot be made",
        f"retail_reader may fill the disk by {seen['large_objects']}",
        f"{_BY_SUPERUSER}watch pg_largeobject_metadata",
    )
    yield _bound(
        "reader: locks",
        None if seen["advisory_locks"] else "cannot fill the lock table",
        f"retail_reader may call {seen['advisory_locks']}: it stops no step, but can fill the server's lock table",
        f"{_BY_SUPERUSER}end a session that holds thousands (pg_locks)",
    )


def _analyst(seen: dict[str, Any]) -> Iterator[Finding]:
    """Whether retail_analyst may read, and which of its views a build drops or a migration meets."""
    yield _bound(
        "analyst: rights",
        "reads what retail_reader may" if seen["analyst_reads"] else None,
        "retail_analyst is no member of retail_reader: it can read nothing",
        "have an administrator of the server run sql/roles.sql",
    )
    yield _bound(
        "analyst: views",
        None if seen["analyst_views"] else "none needs a table of ours",
        f"made of tables that builds and upgrades replace: {seen['analyst_views']}",
        "drop them, and make them of views in dwh, stg and mrr (docs/sql.md): a build drops them, an upgrade may fail",
    )


def _bound(name: str, holds: str | None, otherwise: str, remedy: str) -> Finding:
    return Finding(name, "ok", holds) if holds else Finding(name, "warn", otherwise, remedy)
