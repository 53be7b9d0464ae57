"""Asking the warehouse, from a test."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg2.extensions import connection

from medallion.statements import _STATEMENT

# Without the columns that say which load wrote a row: they differ between two builds of the same rows.
CONTENT = """
    select count(*), coalesce(sum(hashtextextended((to_jsonb(one) - '_load_id' - '_loaded_at')::text, 0)), 0)
    from {} as one
"""


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


def execute(conn: connection, statement: str) -> None:
    """Carry a statement out, in a transaction of its own."""
    with conn, conn.cursor() as cursor:
        cursor.execute(statement)


def content_of(conn: connection, table: str) -> tuple[Any, ...]:
    """The number of rows of a table, named `gold.sales_item`, and a hash over what they hold, in any order."""
    return rows(conn, CONTENT.format(table))[0]
