"""The state in `meta`, under its former name. It lives in `medallion.state`, one module per noun."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medallion.state import locks
from medallion.state.gaps import open_gaps  # noqa: F401 - an alias
from medallion.state.gold_progress import *  # noqa: F403 - an alias of the whole module, as those below
from medallion.state.id_range import *  # noqa: F403
from medallion.state.loads import *  # noqa: F403
from medallion.state.locks import *  # noqa: F403
from medallion.state.quarantine import *  # noqa: F403
from medallion.state.receipts import *  # noqa: F403
from medallion.state.watermarks import *  # noqa: F403

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from psycopg2.extensions import connection


def locked(  # type: ignore[no-redef]  # instead of the one above
    conn: connection, lock: locks.Lock | str, name: str = "", *, shared: bool = False
) -> AbstractContextManager[None]:
    """As `medallion.state.locks.locked`, which also takes a lock's former two-word name: `"silver", "customers"`."""
    return locks.locked(conn, locks.Lock(lock, name) if isinstance(lock, str) else lock, shared=shared)
