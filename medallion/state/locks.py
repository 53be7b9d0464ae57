"""Locks of a step: held by its session, gone with it, and out of a reader's reach.

They live in tables of ours and not in the server's advisory locks, which any login may take
(docs/decisions/0015). A session that dies, however it dies, has given its locks back when the server drops it.

Every name of a lock that Python takes is made here, and a statement that asks who holds one is given the name
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
    """What is locked, in one of the layers bronze, silver and gold."""

    space: str
    name: str


RETENTION = Lock("bronze", "retention")  # of a step that removes Bronze files, or needs them all
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
    """Hold a lock for the session; EntityLocked, naming a holder, when it is taken.

    `shared`: with others that share it, against any session that wants it alone.
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
    """Give the lock back; a connection that is gone has given it back already."""
    try:
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute(_GIVE_BACK, {"token": token})
    except (DatabaseError, psycopg2.Error):
        return
