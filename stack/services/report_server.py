"""The server of the sales report, as a service of the platform."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from stack.services.ports import HOST
from stack.services.processes import Service

if TYPE_CHECKING:
    from stack.host.home import Home

NAME = "report"
# The server of the page needs its own two variables: none of the platform's secrets.
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


def report_service(home: Home, database_url: str, port: int) -> Service:
    """The server of the page, on `port`."""
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {
        "REPORT_DATABASE_URL": database_url,
        "REPORT_FOLDER": str(home.path / NAME),
        "PYTHONUNBUFFERED": "1",
    }
    command = (
        *(sys.executable, "-m", "uvicorn", "--factory", "report.serve:make_app"),
        *("--host", HOST, "--port", str(port), "--no-access-log", "--no-server-header"),
    )
    return Service(NAME, command, environment, ready_url=f"http://{HOST}:{port}/livez", ready_seconds=60)
