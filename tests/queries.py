"""Asking the warehouse, from a test."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import connection


def rows(conn: connection, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query; leaves no transaction open."""
    with conn.cursor() as cursor:
        cursor.execute(query)
        found = cursor.fetchall()
    conn.rollback()
    return found
