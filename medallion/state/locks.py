"""Locks of a step: held by its session, released with it, and not available to readers.

They are in tables of `meta` and not the server's advisory locks, which any login may take (docs/decisions/0015). When
the server drops a session, for whatever reason, its locks are free.

Every name of a lock that Python takes is made here, and a statement that asks for a holder is passed the name
(`tests/architecture/test_lock_names.py`). The spaces are the layers; what is locked is an entity, a table of Silver, a
range of a backfill, or one of the two below.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import psycopg2

from medallion.database import transaction
from medallion.errors import DatabaseError, EntityLocked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

# The work is in sql/lock_functions.sql.
_TAKE = "select token, holder from meta.take_lock(%(space)s, %(name)s, %(shared)s)"
_GIVE_BACK = "select meta.give_lock_back(%(token)s)"


class Lock(NamedTuple):
    """The name of a lock, in one of the layers bronze, silver and gold."""

    space: str
    name: str


RETENTION = Lock("bronze", "retention")  # of a step that removes Bronze files, or that needs all of them
GOLD_BUILD = Lock("gold", "build")  # of a dbt command


def entity_lock(entity: str) -> Lock:
    """The lock of a pull of the entity."""
    return Lock("bronze", entity)


def range_lock(entity: str, first: int) -> Lock:
    """The lock of the range of a backfill that begins at `first`."""
    return Lock("bronze", f"{entity} from {first}")


def table_lock(dataset: str) -> Lock:
    """The lock of a load into the Silver table of the dataset."""
    return Lock("silver", dataset)


@contextmanager
def locked(conn: connection, lock: Lock, *, shared: bool = False) -> Iterator[None]:
    """Hold a lock for the session. Raises EntityLocked, naming a holder, when it is taken.

    `shared`: together with other sessions that share it, but not with one that wants it exclusively.
    """
    token = _take(conn, lock, shared=shared)
    try:
        yield
    finally:
        _give_back(conn, token)


def _take(conn: connection, lock: Lock, *, shared: bool) -> int:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_TAKE, lock._asdict() | {"shared": shared})
        token, holder = cursor.fetchone() or (None, None)
    if token is None:
        raise EntityLocked(
            f"{lock.space} {lock.name} is being worked on by another run: {holder}",
            remedy="wait for it to end, or end it, and run again; nothing was changed",
        )
    return int(token)


def _give_back(conn: connection, token: int) -> None:
    """Release the lock; a connection that is gone has released it already."""
    try:
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute(_GIVE_BACK, {"token": token})
    except (DatabaseError, psycopg2.Error):
        return
