"""What the catalog says of meta and silver, object by object: two warehouses of one version must say the same."""

from __future__ import annotations

from pathlib import Path

from psycopg2.extensions import connection

from tests.queries import rows, statements

_QUERIES = statements(Path(__file__).with_suffix(".sql"))


def catalog(conn: connection) -> set[str]:
    """One line per schema, table, column, constraint, index, view, function and comment, with owner and rights."""
    found = {kind: [line for (line,) in rows(conn, query)] for kind, query in _QUERIES.items()}
    assert all(found.values()), f"nothing found of {[kind for kind, lines in found.items() if not lines]}"
    return {line for lines in found.values() for line in lines}
