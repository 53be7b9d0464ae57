"""Databases and roles of the embedded Postgres, created by its superuser.

Warehouse and Airflow have a database each, with its own owner. Neither owner may connect to the other database: a
faulty task in the warehouse cannot touch the scheduler's state, and the other way round. The roles and their limits are
in `sql/roles.sql`, their rights in the warehouse in `sql/grants.sql`.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import encrypt_password

from medallion.database import first_line
from medallion.errors import DatabaseError
from medallion.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from psycopg2.extensions import connection, cursor

_ROLES = PROJECT_ROOT / "sql" / "roles.sql"
_HARDENING = PROJECT_ROOT / "sql" / "hardening.sql"
WAREHOUSE, AIRFLOW = "retail", "airflow"  # databases, and their owners
INGESTION, TRANSFORMATION, READER, ANALYST = (
    "retail_ingestion",
    "retail_transformation",
    "retail_reader",
    "retail_analyst",
)
DATABASE_OF = {
    WAREHOUSE: WAREHOUSE,
    INGESTION: WAREHOUSE,
    TRANSFORMATION: WAREHOUSE,
    READER: WAREHOUSE,
    ANALYST: WAREHOUSE,
    AIRFLOW: AIRFLOW,
}
# Statements that grant and revoke on databases. They are not in a file, as they may not run in one transaction with the
# creation of the database.
_LET_IN = (
    "grant connect on database retail to retail_reader",
    "grant connect, temporary on database retail to retail_ingestion, retail_transformation, retail_analyst",
)


@dataclass(frozen=True)
class Login:
    """A role of `sql/roles.sql` with its password."""

    name: str
    password: str

    def url(self, port: int) -> str:
        """The URL with which the role connects."""
        return f"postgresql://{self.name}:{self.password}@127.0.0.1:{port}/{DATABASE_OF[self.name]}"


def prepare_roles(admin_url: str, logins: Iterable[Login]) -> None:
    """Create what is missing and set the passwords. Running it twice changes nothing. Raises DatabaseError."""
    try:
        with _session(admin_url) as conn, conn.cursor() as cursor:
            _prepare(conn, cursor, logins)
        with _session(admin_url, WAREHOUSE) as conn, conn.cursor() as cursor:
            cursor.execute(_HARDENING.read_text(encoding="utf-8"))
    except psycopg2.Error as error:
        raise DatabaseError(
            f"the embedded Postgres refused its own administrator: {first_line(error)}",
            remedy="secrets.json and the data may not belong together: restore the one or move the other away",
        ) from error


@contextmanager
def _session(admin_url: str, database: str | None = None) -> Iterator[connection]:
    opened = psycopg2.connect(admin_url, dbname=database, connect_timeout=10, application_name="retail setup")
    with closing(opened) as conn:
        conn.autocommit = True  # create database refuses a transaction
        yield conn


def _prepare(conn: connection, cursor: cursor, logins: Iterable[Login]) -> None:
    cursor.execute("revoke connect, temporary on database postgres, template1 from public")
    cursor.execute(_ROLES.read_text(encoding="utf-8"))
    for login in logins:
        _set_password(conn, cursor, login)
    for database in (WAREHOUSE, AIRFLOW):
        _create_database(cursor, database)
    for statement in _LET_IN:
        cursor.execute(statement)


def _set_password(conn: connection, cursor: cursor, login: Login) -> None:
    # Hashed here: a password in a statement may end up in the server's log.
    hashed = encrypt_password(login.password, login.name, scope=conn, algorithm="scram-sha-256")
    statement = sql.SQL("alter role {} password {}")
    cursor.execute(statement.format(sql.Identifier(login.name), sql.Literal(hashed)))


def _create_database(cursor: cursor, database: str) -> None:
    name = sql.Identifier(database)
    cursor.execute("select from pg_database where datname = %s", (database,))
    if cursor.fetchone() is None:
        cursor.execute(sql.SQL("create database {} owner {}").format(name, name))
    cursor.execute(sql.SQL("revoke connect, temporary on database {} from public").format(name))
