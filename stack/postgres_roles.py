"""Databases and roles of the embedded Postgres, made by its superuser and used by nobody else.

One role and one database for each of warehouse and Airflow. Neither may connect to the other's: a task that goes
astray in the warehouse cannot touch the scheduler's state, and the other way round. A third role reads the warehouse
and can do nothing else: it is for people, pgAdmin and dashboards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from loaders.database import first_line
from loaders.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from psycopg2.extensions import connection, cursor


@dataclass(frozen=True)
class Tenant:
    """A role and the database it owns, both of that name."""

    name: str
    password: str

    def url(self, port: int) -> str:
        """The address its services use."""
        return f"postgresql://{self.name}:{self.password}@127.0.0.1:{port}/{self.name}"


READER = "retail_reader"
_READER_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}


def prepare_roles(admin_url: str, tenants: Iterable[Tenant], reader_password: str) -> None:
    """Create what is missing and set the passwords. Running it twice changes nothing. Raises DatabaseError.

    The reader may connect to the warehouse; what it sees there, `sql/grants.sql` says.
    """
    try:
        conn = psycopg2.connect(admin_url, connect_timeout=10, application_name="retail setup")
        try:
            conn.autocommit = True  # create database refuses a transaction
            with conn.cursor() as cursor:
                cursor.execute("revoke connect, temporary on database postgres, template1 from public")
                for tenant in tenants:
                    _prepare(conn, cursor, tenant)
                _prepare_reader(conn, cursor, reader_password)
        finally:
            conn.close()
    except psycopg2.Error as error:
        raise DatabaseError(
            f"the embedded Postgres refused its own administrator: {first_line(error)}",
            remedy="secrets.json and the data may not belong together: restore the one or move the other away",
        ) from error


def _prepare(conn: connection, cursor: cursor, tenant: Tenant) -> None:
    name = sql.Identifier(tenant.name)
    _login(conn, cursor, tenant.name, tenant.password)
    if not _exists(cursor, "select from pg_database where datname = %s", tenant.name):
        cursor.execute(sql.SQL("create database {} owner {}").format(name, name))
    cursor.execute(sql.SQL("revoke connect, temporary on database {} from public").format(name))


def _prepare_reader(conn: connection, cursor: cursor, password: str) -> None:
    _login(conn, cursor, READER, password)
    for name, value in _READER_SETTINGS.items():
        statement = sql.SQL("alter role {} set {} = {}")
        cursor.execute(statement.format(sql.Identifier(READER), sql.Identifier(name), sql.Literal(value)))
    cursor.execute(sql.SQL("grant connect on database retail to {}").format(sql.Identifier(READER)))


def _login(conn: connection, cursor: cursor, name: str, password: str) -> None:
    role = sql.Identifier(name)
    if not _exists(cursor, "select from pg_roles where rolname = %s", name):
        cursor.execute(sql.SQL("create role {} login").format(role))
    # Hashed here: a password in a statement may end up in the server's log.
    hashed = encrypt_password(password, name, scope=conn, algorithm="scram-sha-256")
    cursor.execute(sql.SQL("alter role {} password {}").format(role, sql.Literal(hashed)))


def _exists(cursor: cursor, question: str, name: str) -> bool:
    cursor.execute(question, (name,))
    return cursor.fetchone() is not None
