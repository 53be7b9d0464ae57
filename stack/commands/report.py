"""`./retail report`: the sales report as a file, and as a page that `./retail up` serves."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.errors import RetailError
from medallion.schema import prepare_to_read
from report.write import write_report
from stack.services.ports import HOST
from stack.services.processes import Service
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

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


def write_page(home: Home, database_url: str, talk: Talk) -> Path | None:
    """Write the page of a run to RETAIL_HOME; None, with a warning, when that fails: the run is what it was."""
    try:
        return write_report(database_url, home.path / NAME, datetime.now(timezone.utc))
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the page, the run is what it was
        talk.warn(f"the report could not be written: {error}")
        return None


def make_report(home: Home, settings: StackSettings, talk: Talk, folder: Path | None = None) -> Path:
    """Write the page from the warehouse, which is started if need be. Returns its file.

    Raises DatabaseError, and RetailError when the folder cannot be written to.
    """
    with warehouse(home, settings, talk) as database_url:
        with connect(database_url) as conn:
            prepare_to_read(conn)
        try:
            return write_report(database_url, folder or home.path / NAME, datetime.now(timezone.utc))
        except OSError as error:
            raise RetailError(
                f"{folder or home.path / NAME} cannot be written to: {error.strerror}",
                remedy="free some space, or name another folder: ./retail report --output FOLDER",
            ) from error


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
