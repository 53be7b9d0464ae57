"""Connections to the warehouse, and the one place where driver errors become the platform's.

psycopg2 rather than an ORM: the platform's work is COPY, MERGE and short transactions, all of them SQL.
"""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import psycopg2.errors

from medallion.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

CONNECT_TIMEOUT_SECONDS = 10
LOCK_TIMEOUT_SECONDS = 60
# Both sides notice a dead peer within two minutes, not after the system's two hours: until then the server would keep
# a dead run's locks, and a run would wait for a dead server.
_KEEPALIVE: dict[str, Any] = {"keepalives_idle": 60, "keepalives_interval": 10, "keepalives_count": 6}
_SESSION = {
    "timezone": "UTC",
    **{f"tcp_{name}": value for name, value in _KEEPALIVE.items()},
    "client_connection_check_interval": "2s",  # has the server check the connection while a statement runs
}
# What to do about an error of the server, by SQLSTATE or its first two characters.
_REMEDIES = {
    "08": "check that the warehouse's server runs and can be reached (./retail status)",
    "25006": "point DATABASE_URL at the server that takes writes",
    "3F": "apply the schema of this version: ./retail schema",
    "42501": "grant the role that right (docs/operations.md, Security)",
    "42703": "apply the schema of this version: ./retail schema",
    "42883": "apply the schema of this version: ./retail schema",
    "42P01": "apply the schema of this version: ./retail schema",
    "53100": "free space on the disk of the warehouse's server",
    "53200": "give the warehouse's server more memory, or end other sessions",
    "53300": "end sessions of the warehouse's server, or raise its max_connections",
    "57": "check the warehouse's server: it was stopped, or an administrator or a time limit ended the statement",
}
# Sessions that may block this one. A reader is named only where no session holds more than a reader's lock: then the
# reader blocks a change of a table. Another role's start is hidden, so `since` may be null.
_LOCK_HOLDERS = """
    with holder as (
        select pid, application_name, xact_start, mode not in ('AccessShareLock', 'RowShareLock') as is_writer
        from pg_locks inner join pg_stat_activity using (pid) inner join pg_class on pg_class.oid = relation
        where granted and pid <> pg_backend_pid()
        and relnamespace in (to_regnamespace('meta'), to_regnamespace('silver'), to_regnamespace('gold'))
    )
    select string_agg(distinct format('pid %s (%s)%s', pid, application_name, since), ', ')
    from holder cross join lateral (select ' since ' || xact_start::timestamptz(0) as since) as begun
    where is_writer = (select bool_or(is_writer) from holder)
"""


@contextmanager
def connect(
    database_url: str, *, application_name: str = "retail", statement_seconds: int | None = None
) -> Iterator[connection]:
    """A connection in UTC, closed at the end; whatever is not committed by then is rolled back.

    `statement_seconds`: the server ends a statement that takes longer; None: as the role's setting says.
    Raises DatabaseError when the server cannot be reached or refuses the login.
    """
    try:
        opened = psycopg2.connect(
            database_url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name=application_name,
            options=_options(statement_seconds),
            **_KEEPALIVE,
        )
    except psycopg2.Error as error:
        raise DatabaseError(
            f"cannot connect to the warehouse: {first_line(error)}",
            remedy="check DATABASE_URL and that the server runs (./retail status)",
        ) from error
    with closing(opened):
        yield opened


@contextmanager
def transaction(conn: connection) -> Iterator[None]:
    """Commit at the end or roll back on any error; driver errors become DatabaseError, naming who holds a lock.

    An error in the middle may have closed the connection, so the rollback itself must not hide it.
    """
    try:
        with conn:
            yield
    except psycopg2.errors.LockNotAvailable as error:
        raise DatabaseError(
            f"the warehouse gave no lock within {LOCK_TIMEOUT_SECONDS} s: held by {_lock_holders(conn)}",
            remedy="end that session or wait for it, and run again; nothing of this step was kept",
        ) from error
    except psycopg2.Error as error:
        raise DatabaseError(
            f"the warehouse refused a statement: {first_line(error)}",
            remedy=f"{_remedy(error)}; nothing of this step was kept: run it again then",
        ) from error


def remedy_of(sqlstate: str | None) -> str:
    """What an operator does about an error of Postgres, by its code or else by the code's class."""
    code = sqlstate or ""
    return _REMEDIES.get(code) or _REMEDIES.get(code[:2]) or "fix what the message names"


def _remedy(error: psycopg2.Error) -> str:
    """The remedy by the server's code. An operational error without one is the driver's own: it has lost the server."""
    is_lost = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    return remedy_of(error.pgcode or ("08" if is_lost else None))


def first_line(error: Exception) -> str:
    """The first line of a driver's message: the rest repeats the statement."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__


def _options(statement_seconds: int | None) -> str:
    """Settings of the platform's sessions, in the form that the server takes at login."""
    chosen = {**_SESSION, "lock_timeout": f"{LOCK_TIMEOUT_SECONDS}s"}
    if statement_seconds is not None:
        chosen["statement_timeout"] = f"{statement_seconds}s"
    return " ".join(f"-c {name}={value}" for name, value in chosen.items())


def _lock_holders(conn: connection) -> str:
    """Sessions that hold locks on the platform's tables, asked after a lock timeout: most likely still the same."""
    row = None
    with suppress(psycopg2.Error), conn, conn.cursor() as cursor:
        cursor.execute(_LOCK_HOLDERS)
        row = cursor.fetchone()
    return (row and row[0]) or "a session that has since ended"
