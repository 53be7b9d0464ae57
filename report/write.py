"""Writes the page to a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from medallion.database import connect, transaction
from medallion.private_files import make_private
from report.details import read_details
from report.page import render_page
from report.pipeline import read_pipeline
from report.sales import read_sales, why_no_sales

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from psycopg2.extensions import connection

FILE = "index.html"


def write_report(database_url: str, folder: Path, now: datetime) -> Path:
    """Write the page to `folder`, in one step, and return its file. It reads one state of the warehouse.

    Raises DatabaseError, and OSError when the folder cannot be written to.
    """
    return save_page(make_page(database_url, now), folder)


def make_page(database_url: str, now: datetime) -> str:
    """The page of a warehouse. Raises DatabaseError."""
    with connect(database_url, application_name="retail report") as conn:
        return read_page(conn, now)


def save_page(page: str, folder: Path) -> Path:
    """Write the page to `folder`, in one step, and return its file. Raises OSError."""
    make_private(folder)
    file, draft = folder / FILE, folder / f".{FILE}.{os.getpid()}"
    try:
        draft.write_text(page, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
    return file


def read_page(conn: connection, now: datetime) -> str:
    """The page of the warehouse as it is, in one transaction that only reads."""
    with transaction(conn):
        with conn.cursor() as cursor:
            cursor.execute("set transaction isolation level repeatable read, read only")
        sales = read_sales(conn, now)
        details = read_details(conn, sales, now) if sales else None
        return render_page(sales, details, read_pipeline(conn, now), now, "" if sales else why_no_sales(conn, now))
