"""Superset as a service of one machine: its environment, its own database, its server."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from dashboards.declared import FOLDER
from dashboards.roles import Roles, read_roles
from medallion.errors import ServiceFailed
from medallion.private_files import PRIVATE_FILE, make_private
from medallion.settings import PROJECT_ROOT
from stack.host.environments import LOCKS
from stack.host.logs import run_into, tail
from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.home import Home

NAME = "superset"
_PREPARED = "superset_prepared"
# What Superset inherits: none of the platform's secrets.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "PGSSLROOTCERT",
    "PGSSLMODE",
    "PGSSLCERT",
    "PGSSLKEY",
)
# Its users share one process; a thread is busy for as long as Postgres answers one chart.
_THREADS = 8


def superset_environment(home: Home, reader_url: str) -> dict[str, str]:
    """What superset/superset_config.py reads."""
    inherited = {name: value for name, value in os.environ.items() if name in _INHERITED or name[:8] == "FAKETIME"}
    return inherited | {
        "SUPERSET_CONFIG_PATH": str(FOLDER / "superset_config.py"),
        "SUPERSET_HOME": str(superset_folder(home)),
        "SUPERSET_METADATA_URL": f"sqlite:///{_database(home)}",
        "SUPERSET_SECRET_KEY": home.secret("superset_secret_key"),
        "SUPERSET_WAREHOUSE_URL": reader_url,
        "PYTHONUNBUFFERED": "1",
        "TZ": "UTC",  # the day of a period
    }


def prepare_superset(home: Home, programs: Path, environment: dict[str, str]) -> bool:
    """Make Superset's database, roles and users, and say whether that was due: for a lock and roles it is done once.

    A copy of the database is prepared, and takes its place when it is ready: SQLite has no transaction for a migration,
    and one that is killed would leave half of it. Raises ServiceFailed, DashboardInvalid.
    """
    roles, database = read_roles(), _database(home)
    stamp = _stamp(roles)
    if home.recall(_PREPARED) == stamp and database.exists():
        return False
    draft = database.with_suffix(".new")
    draft.unlink(missing_ok=True)
    if database.exists():
        copy_database(database, draft)
    _run_prepare(home, programs, environment | {"SUPERSET_METADATA_URL": f"sqlite:///{draft}"}, roles)
    draft.chmod(PRIVATE_FILE)
    draft.replace(database)
    home.remember(_PREPARED, stamp)
    return True


def copy_database(database: Path, draft: Path) -> None:
    """Copy a database by SQLite's own means: what a killed process has left half written is rolled back first."""
    with closing(sqlite3.connect(database)) as old, closing(sqlite3.connect(draft)) as new:
        old.backup(new)


def _run_prepare(home: Home, programs: Path, environment: dict[str, str], roles: Roles) -> None:
    passwords = json.dumps({user: password_of(home, user) for user in roles.users})
    log = home.logs / f"{NAME}-prepare.log"
    command = (str(programs / "python"), str(FOLDER / "prepare.py"))
    if not run_into(log, command, environment, superset_folder(home), given=passwords):
        raise ServiceFailed(
            f"Superset's database cannot be prepared; the end of the log:\n{tail(log, 8)}",
            remedy=f"fix what the log names, then start again (whole log: {log})",
        )


def superset_service(programs: Path, environment: dict[str, str], port: int) -> Service:
    """Superset's server on `port`, for this machine alone."""
    command = (
        *(str(programs / "gunicorn"), "--workers", "1", "--worker-class", "gthread", "--threads", str(_THREADS)),
        *("--bind", f"{HOST}:{port}", "--timeout", "120", "superset.app:create_app()"),
    )
    return Service(NAME, command, environment, ready_url=f"http://{HOST}:{port}/health", ready_seconds=180)


def password_of(home: Home, user: str) -> str:
    """The password of a user of Superset, made on first use."""
    return home.secret(f"superset_password_{user}")


def superset_folder(home: Home) -> Path:
    """What Superset keeps, and what we keep of it: its database, dbt's manifest, references and reports."""
    folder = home.path / NAME
    make_private(folder)
    return folder


def _database(home: Home) -> Path:
    return superset_folder(home) / "superset.db"


def _stamp(roles: Roles) -> str:
    parts = (LOCKS / f"{NAME}.txt", FOLDER / "prepare.py", FOLDER / "roles.yaml")
    text = b"".join(one.read_bytes() for one in parts) + str(roles.roles).encode() + str(PROJECT_ROOT).encode()
    return hashlib.sha256(text).hexdigest()
