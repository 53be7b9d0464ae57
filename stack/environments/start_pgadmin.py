"""Starts pgAdmin with our settings, and with the warehouse in its list of servers.

This program runs in pgAdmin's environment, so it imports nothing of ours, and pgAdmin only once that can be found. It
writes nothing into the environment: pgAdmin imports a module `config_local`, which is made here in memory. pgAdmin
itself reads the key of its addresses and its port, `PGADMIN_INT_KEY` and `PGADMIN_INT_PORT`.

The server is written by pgAdmin's own model in the process that then serves: its command `setup.py load-servers` takes
as long as another start.
"""

from __future__ import annotations

import builtins
import json
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

HOST = "127.0.0.1"
FOLDER = "RETAIL_PGADMIN_FOLDER"  # what pgAdmin keeps: its own database, sessions, its log
SERVER = "RETAIL_PGADMIN_SERVER"  # the warehouse, as a JSON object: columns of pgAdmin's table of servers
# Columns that pgAdmin wants filled: no password, no tunnel. Nor may a server that was edited by hand keep a command.
_PLAIN = {
    "save_password": 0,
    "password": None,
    "passexec_cmd": None,
    "service": None,
    "use_ssh_tunnel": 0,
    "tunnel_authentication": 0,
    "tunnel_prompt_password": 0,
    "shared": False,
}


def settings(folder: str) -> dict[str, Any]:
    """What differs from pgAdmin's defaults."""
    return {
        "DATA_DIR": folder,
        "DEFAULT_SERVER": HOST,
        "ALLOWED_HOSTS": [HOST, "localhost"],  # else a page could reach it under a name of its own
        # Nothing is asked of the network.
        "UPGRADE_CHECK_ENABLED": False,
        "SHOW_GRAVATAR_IMAGE": False,
        "LLM_ENABLED": False,
        # No password is stored, so none has to be encrypted by another that a person types.
        "ALLOW_SAVE_PASSWORD": False,
        "MASTER_PASSWORD_REQUIRED": False,
        "USE_OS_SECRET_STORAGE": False,
        "AUTO_DISCOVER_SERVERS": False,
        "LOG_ROTATION_MAX_LOG_FILES": 2,
    }


def main() -> None:
    """Serve until a signal ends the process."""
    found = find_spec("pgadmin4")
    if found is None or not found.submodule_search_locations:
        sys.exit("pgadmin4 is not installed here")
    sys.path.insert(0, next(iter(found.submodule_search_locations)))
    program, port = _load(os.environ[FOLDER]), int(os.environ["PGADMIN_INT_PORT"])
    _accept_own_pages(port)
    with program.app.app_context():
        _list_server(json.loads(os.environ[SERVER]), import_module("config").DESKTOP_USER)
    program.main()


def _load(folder: str) -> Any:
    """The program of pgAdmin, with its own database made or brought up to date."""
    # Not a server of several persons: who knows the key of the address is the one user. pgAdmin reads this from here.
    os.environ["PGADMIN_SERVER_MODE"] = "OFF"
    builtins.SERVER_MODE = False  # type: ignore[attr-defined]
    ours = ModuleType("config_local")
    vars(ours).update(settings(folder))
    sys.modules["config_local"] = ours
    config: Any = import_module("config")
    config.ENABLE_PSQL = False  # a shell in a page. pgAdmin sets it without SERVER_MODE, after it has read ours
    return import_module("pgAdmin4")


def _accept_own_pages(port: int) -> None:
    """Let no other site's page open a web socket; pgAdmin lets any."""
    own = [f"http://{name}:{port}" for name in (HOST, "localhost")]
    import_module("pgadmin").socketio.server.eio.cors_allowed_origins = own


def _list_server(columns: dict[str, Any], user: str) -> None:
    """Put the warehouse into the list of servers, or correct its address. Other servers of that list stay."""
    model = import_module("pgadmin.model")
    of_user = {"user_id": model.User.query.filter_by(username=user).one().id}
    group = model.ServerGroup.query.filter_by(**of_user).order_by("id").first()  # pgAdmin keeps each user's first one
    name = {"name": columns["name"], **of_user}
    server = model.Server.query.filter_by(**name).first() or model.Server(**name, servergroup_id=group.id)
    for column, value in {**_PLAIN, **columns}.items():
        setattr(server, column, value)
    model.db.session.add(server)
    model.db.session.commit()


if __name__ == "__main__":
    main()
