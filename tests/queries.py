"""Asking the warehouse, from a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

from medallion.statements import _STATEMENT


def statements(file: Path) -> dict[str, str]:
    """The statements of a file, each under its line `-- name: …`."""
    return dict(_STATEMENT.findall(file.read_text(encoding="utf-8")))


def rows(conn: connection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query; leaves no transaction open."""
    with conn.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchall()
    conn.rollback()
    return found
