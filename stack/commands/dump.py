"""The warehouse in one file, and back into an empty warehouse, for `./retail backup` and `./retail restore`.

The pg_dump and pg_restore of the platform's Postgres do the work: a client that is older than its server refuses to
dump it.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from medallion.database import connect, transaction
from medallion.errors import ConfigurationError, DatabaseError, RetailError
from medallion.private_files import PRIVATE_FILE
from medallion.schema import prepare_schema
from stack.commands.tools import libpq_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg2.extensions import connection

    from stack.host.home import Home

# Left out of a dump: a restore may die before it has granted the rights, and the next command grants them then.
_APPLIED = "meta.applied_schema"
# Neither: tables of retail_analyst, which the owner may not read. To restore them, the owner would run what is in them.
_ANALYST = "analyst"
# What developers have built for themselves; it may hold personal columns, and is built again by the command that did.
_DEVELOPERS = ("dev", "dev_*")
_EMPTY = "select to_regnamespace('meta') is null and to_regnamespace('silver') is null"


def dump_warehouse(program: str, url: str, file: Path, *, snapshot: str | None = None) -> None:
    """Write the database to `file` with pg_dump, as of a snapshot if given. The file appears once it is complete."""
    draft = file.with_name(f".{file.name}.new")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE))
        of_snapshot = [f"--snapshot={snapshot}"] if snapshot else []
        left_out = [f"--exclude-schema={one}" for one in (_ANALYST, *_DEVELOPERS)]
        how = ("--format=custom", f"--exclude-table-data={_APPLIED}", *left_out)
        _call([program, *how, f"--file={draft}", *of_snapshot], url, "could not be dumped")
        draft.replace(file)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}", remedy="name a file in a folder that you may write to"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def restore_warehouse(program: str, url: str, file: Path) -> None:
    """Read a dump into an empty database with pg_restore, all or nothing, and grant each role its rights again."""
    if not file.is_file():
        raise ConfigurationError(
            f"{file} is not a file", remedy="name a folder that ./retail backup has written, or a file of pg_dump"
        )
    with connect(url, application_name="retail restore") as conn:
        require_empty(conn)
        # Roles that the dump names exist already, and the owner may be another one.
        how = ("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction")
        _call([program, *how, f"--dbname={conn.info.dbname}", str(file)], url, f"did not take {file}")
        prepare_schema(conn, even_if_unchanged=True)


@contextmanager
def no_run(home: Home) -> Iterator[None]:
    """Keep `./retail run` out within the block. Raises RetailError while one is under way."""
    with home.try_locked("run") as mine:
        if not mine:
            raise RetailError(
                f"a ./retail run is under way (process {home.holder('run')})",
                remedy="wait for it to end, or stop it with ./retail down",
                why="it would write to the warehouse while it is restored",
            )
        yield


def require_empty(conn: connection) -> None:
    """Raise ConfigurationError for a warehouse that holds data."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(_EMPTY)
        if cursor.fetchone() == (True,):
            return
    raise ConfigurationError(
        "the warehouse holds data already: a restore goes into an empty one",
        remedy="set RETAIL_HOME to a new folder, or DATABASE_URL to an empty database, and restore there",
    )


def _call(command: list[str], url: str, what: str) -> None:
    """Call one of Postgres' programs, with the password in its environment. Raises DatabaseError."""
    environment = libpq_environment(url, Path(command[0]).name)
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise DatabaseError(
            f"the warehouse {what}: {words[0] if words else f'exit code {done.returncode}'}",
            remedy="fix what the message names, then do it again; nothing was kept",
        )
