"""Named SQL statements, kept in a file next to the module that sends them.

A statement stands under a line `-- name: …`, and the comment under that line says what it is for. A percent sign
that is not part of a parameter is doubled.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from medallion.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from psycopg2.extensions import connection

    Row = tuple[Any, ...]

_STATEMENT = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def read_statements(module: str) -> dict[str, str]:
    """The statements of the SQL file next to a module, by name. A module passes its `__file__`.

    Raises ValueError for a statement without a comment.
    """
    file = Path(module).with_suffix(".sql")
    found = dict(_STATEMENT.findall(file.read_text(encoding="utf-8")))
    bare = [name for name, text in found.items() if not text.startswith("-- ")]
    if bare:
        raise ValueError(f"{file.name}: no comment says what these statements are for: {', '.join(bare)}")
    return found


class Statements:
    """The statements of a module, sent by name. The transaction is the caller's.

    `values` are the statement's parameters. `names` are the tables and columns that it leaves open, as `{table}`.
    """

    def __init__(self, module: str) -> None:
        self._texts = read_statements(module)

    def __getitem__(self, name: str) -> str:
        """The text of a statement, for a driver's function that takes no name."""
        return self._texts[name]

    def execute(self, conn: connection, name: str, values: Mapping[str, Any] | None = None) -> int:
        """Send a statement. Returns how many rows it found or changed."""
        with conn.cursor() as cursor:
            cursor.execute(self._texts[name], values or {})
            return int(cursor.rowcount)

    def rows(
        self,
        conn: connection,
        name: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, sql.Composable] | None = None,
    ) -> list[Row]:
        """The rows of a statement; empty for a statement that returns none."""
        text = self._texts[name]
        with conn.cursor() as cursor:
            cursor.execute(sql.SQL(text).format(**names) if names else text, values or {})
            return cursor.fetchall() if cursor.description else []

    def first(self, conn: connection, name: str, values: Mapping[str, Any] | None = None) -> Row | None:
        """The first row of a statement, or None."""
        return next(iter(self.rows(conn, name, values)), None)

    def one(
        self,
        conn: connection,
        name: str,
        values: Mapping[str, Any] | None = None,
        names: Mapping[str, sql.Composable] | None = None,
    ) -> Row:
        """The first row of a statement. Raises DatabaseError when there is none."""
        found = self.rows(conn, name, values, names)
        if not found:
            raise DatabaseError(
                f"meta has no row for {dict(values or {})} ({name})",
                remedy="apply the schema: ./retail schema",
            )
        return found[0]


def identifiers(names: Iterable[str], alias: str | None = None) -> sql.Composed:
    """Names of columns with commas between, each after `alias` if one is given."""
    columns = (sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names)
    return sql.SQL(", ").join(columns)


def newest_first(ordering: Iterable[str], alias: str | None = None) -> sql.Composed:
    """What `order by` says for the greatest values first, column after column."""
    columns = (sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in ordering)
    return sql.SQL(", ").join(sql.SQL("{} desc").format(column) for column in columns)
