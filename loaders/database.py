"""Connections to the warehouse, and the one place where driver errors become ours.

psycopg2 rather than an ORM: the platform's work is COPY, MERGE and short transactions, all of them SQL.
"""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg2

from loaders.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

CONNECT_TIMEOUT_SECONDS = 10
UTC = "-c timezone=UTC"


@contextmanager
def connect(database_url: str, *, application_name: str = "retail") -> Iterator[connection]:
    """A connection in UTC, closed at the end; whatever is not committed by then is rolled back.

    Raises DatabaseError when the server cannot be reached or refuses the login.
    """
    try:
        opened = psycopg2.connect(
            database_url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            application_name=application_name,
            options=UTC,
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
    """Commit at the end or roll back on any error; driver errors become DatabaseError.

    An error in the middle may have closed the connection, so the rollback itself must not hide it.
    """
    try:
        with conn:
            yield
    except psycopg2.Error as error:
        raise DatabaseError(
            f"the warehouse refused a statement: {first_line(error)}",
            remedy="nothing of this step was kept; run it again once the cause is mended",
        ) from error


def first_line(error: Exception) -> str:
    """The first line of a driver's message: the rest repeats the statement."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
