"""`./retail report`: the sales report as a file."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.errors import RetailError
from medallion.schema import prepare_to_read
from report.write import write_report
from stack.services.portal import REPORT_FOLDER
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings


def write_page(home: Home, database_url: str, talk: Talk) -> Path | None:
    """Write the page of a run to RETAIL_HOME; None, with a warning, when that fails: the run is what it was."""
    try:
        return write_report(database_url, home.path / REPORT_FOLDER, datetime.now(timezone.utc))
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
            return write_report(database_url, folder or home.path / REPORT_FOLDER, datetime.now(timezone.utc))
        except OSError as error:
            raise RetailError(
                f"{folder or home.path / REPORT_FOLDER} cannot be written to: {error.strerror}",
                remedy="free some space, or name another folder: ./retail report --output FOLDER",
            ) from error
