"""Silver → Gold for the membership: its tables, as a whole, from all the files that were delivered.

Not by increments, as the hourly Gold is: a file that comes late, or comes again, may change what any earlier row says,
and all of history is small. Nor in the nightly build: that is as of a business date and waits for the sales, of which
the membership reads none.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from gold.build import build_whole
from medallion.database import transaction
from medallion.entities.registry import DELIVERED
from medallion.errors import EntityLocked, NothingToDo
from medallion.state.locks import locked, table_lock
from medallion.state.receipts import unloaded_files
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from gold.dbt_runner import BuildResult
    from medallion.settings import Settings

_SQL = Statements(__file__)
_TABLES = tuple(table.name for one in DELIVERED.values() for table in one.tables)


def build_membership(conn: connection, settings: Settings, *, run_id: str) -> BuildResult:
    """Build the tables of the membership from Silver, and run their tests on all rows.

    No table of Silver that they read changes meanwhile. Raises NothingToDo while no delivery was ever loaded,
    EntityLocked, which is worth another try, while one waits for its load or is being loaded, or while another command
    of dbt runs, GoldBuildFailed or DataQualityError.
    """
    with transaction(conn):
        is_loaded = _SQL.one(conn, "is_any_loaded", {"tables": [f"silver.{name}" for name in _TABLES]})[0]
    if not is_loaded:
        raise NothingToDo("no delivery was loaded yet", remedy="nothing to do until the first file is in Silver")
    with ExitStack() as locks:
        for name in _TABLES:
            locks.enter_context(locked(conn, table_lock(name), shared=True))
        _require_loaded(conn)
        return build_whole(conn, settings, ["tag:membership"], run_id=run_id, task="dbt_run_membership")


def _require_loaded(conn: connection) -> None:
    """Raise while files of Bronze wait for Silver, as after a rebuild, which empties it: readers keep all rows."""
    with transaction(conn):
        waiting = {name: len(unloaded_files(conn, name)) for name in _TABLES}
    if any(waiting.values()):
        said = ", ".join(f"{counted(count, 'file')} of {name}" for name, count in waiting.items() if count)
        raise EntityLocked(
            f"Silver is behind Bronze: {said} wait for their load",
            remedy="load them, then build again; nothing was changed",
        )
