"""pgAdmin as a service: one person's, who knows the key in its address, and who reads the warehouse as its reader.

The login of the warehouse is in a file that only this account reads. No password is typed, stored by pgAdmin, or in an
argument or variable of its process.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import make_url

from medallion.private_files import make_private
from stack.environments.start_pgadmin import FOLDER, SERVER
from stack.host.environments import LOCKS
from stack.host.home import write_private
from stack.services.ports import HOST
from stack.services.postgres.roles import READER
from stack.services.processes import Service

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.home import Home

NAME = "pgadmin"
_POSTGRES_PORT = 5432  # of an address that names none
# pgAdmin needs no setting of ours, and none of our secrets.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ")
# Options of an address that pgAdmin has a field for.
_OPTIONS = ("sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "hostaddr", "channel_binding", "gssencmode")
_FIRST_START_SECONDS = 240  # pgAdmin makes its database, and Python compiles what it imports
_CONNECT_SECONDS = 10


def pgadmin_service(home: Home, programs: Path, port: int, server: dict[str, Any]) -> Service:
    """The service that is pgAdmin on `port`, from the environment of `programs`, with `server` in its list."""
    key, folder = _key(home), _folder(home)
    make_private(folder)
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        FOLDER: str(folder),
        SERVER: json.dumps(server),
        "PGADMIN_INT_PORT": str(port),
        "PGADMIN_INT_KEY": key,
        "PYTHONUNBUFFERED": "1",
    }
    command = (str(programs / "python"), str(LOCKS / "start_pgadmin.py"))
    ready = f"http://{HOST}:{port}/misc/ping?key={key}"
    return Service(NAME, command, environment, ready_url=ready, ready_seconds=_FIRST_START_SECONDS)


def pgadmin_address(home: Home, port: int) -> str:
    """The address for the browser of the one user. Its key opens pgAdmin, so it is a secret."""
    return f"http://{HOST}:{port}/?key={_key(home)}"


def server_of(home: Home, reader_url: str) -> dict[str, Any]:
    """The warehouse as its reader, for pgAdmin's list of servers; the login goes into a file that only we read."""
    url = make_url(reader_url)
    file = _folder(home) / "passfile"
    make_private(file.parent)
    password = str(url.password or "").replace("\\", "\\\\").replace(":", "\\:")
    write_private(file, f"{url.host}:{url.port or _POSTGRES_PORT}:*:{url.username}:{password}\n")
    return _server(reader_url, str(url.username), {"passfile": str(file)})


def server_without_password(owner_url: str) -> dict[str, Any]:
    """A warehouse of the user's own, as its reader, whose password is not known here: pgAdmin asks for it."""
    return _server(owner_url, READER, {})


def _server(address: str, user: str, parameters: dict[str, Any]) -> dict[str, Any]:
    url = make_url(address)
    options = {name: str(url.query[name]) for name in _OPTIONS if name in url.query}
    return {
        "name": "Retail warehouse (read-only)",
        "host": url.host or str(url.query.get("host", "localhost")),
        "port": url.port or _POSTGRES_PORT,
        "maintenance_db": url.database or url.username,
        "db_res": url.database,
        "username": user,
        "comment": f"Reads meta, Silver and Gold as {user}, and changes nothing.",
        "connection_params": {"sslmode": "prefer", "connect_timeout": _CONNECT_SECONDS} | options | parameters,
    }


def _folder(home: Home) -> Path:
    """What pgAdmin keeps: its own database, sessions, preferences."""
    return home.path / NAME


def _key(home: Home) -> str:
    return home.secret("pgadmin_key")
