"""The server of the start page, as a service of the platform."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from stack.services import source_api as source
from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.endpoints import Endpoints

NAME = "portal"
REPORT_FOLDER = "report"  # under RETAIL_HOME: the sales report as a file
ADDRESS_VARIABLE = "RETAIL_PORTAL_URL"  # Airflow's processes read it (airflow/plugins/retail_navigation.py)
# The server needs its own variables and the login of the reader: none of the platform's other secrets.
_INHERITED = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "PYTHONPATH",
    "TZ",
    "PGSSLROOTCERT",
    "PGSSLMODE",
    "PGSSLCERT",
    "PGSSLKEY",
)


def portal_service(home: Home, settings: StackSettings, endpoints: Endpoints, port: int) -> Service:
    """The server of the start page, on `port`."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        "PORTAL_DATABASE_URL": _reader(settings, endpoints),
        "PORTAL_FOLDER": str(home.path / REPORT_FOLDER),
        "PORTAL_HOME": str(home.path),
        "PORTAL_ELSEWHERE": source.NAME if settings.source_api_url is not None else "",
        "PYTHONUNBUFFERED": "1",
    }
    command = (
        *(sys.executable, "-m", "uvicorn", "--factory", "portal.app:make_app"),
        *("--host", HOST, "--port", str(port), "--no-access-log", "--no-server-header"),
    )
    return Service(NAME, command, environment, ready_url=f"http://{HOST}:{port}/livez", ready_seconds=60)


def _reader(settings: StackSettings, endpoints: Endpoints) -> str:
    """The address by which the page reads the warehouse: the owner's only where no other is known."""
    given = settings.reader_database_url
    return given.get_secret_value() if given else endpoints.reader_url or endpoints.database_url
