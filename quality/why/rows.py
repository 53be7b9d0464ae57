"""Rows of Gold and Silver that a record has become, with the loads that wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql

from medallion.entities.registry import TABLES
from medallion.statements import Statements
from quality.why.answer import TableRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.entities.entity import Entity

_SQL = Statements(__file__)
_PERSONAL = {name for table in TABLES.values() for name in table.personal_columns}


@dataclass(frozen=True)
class SilverRow:
    """A row of Silver with its natural key and the contract's checksum of its content."""

    row: TableRow
    key: tuple[int, ...]
    checksum: int


def silver_rows(conn: connection, dataset: Dataset, record_id: int) -> list[SilverRow]:
    """The rows of a dataset's table whose key begins with this id, in the order of their keys."""
    names = {"table": table_of(dataset), "column": sql.Identifier(dataset.key[0]), "checksum": checksum_of(dataset)}
    found = _SQL.rows(conn, "silver_rows", {"id": record_id}, names)
    rows = [
        SilverRow(
            table_row(f"silver.{dataset.name}", *row[:4]), tuple(int(row[0][name]) for name in dataset.key), row[4]
        )
        for row in found
    ]
    return sorted(rows, key=lambda one: one.key)


def version_rows(conn: connection, dataset: Dataset, record_id: int) -> list[TableRow]:
    """Every version of the record that Silver keeps, newest first."""
    if dataset.versions is None or dataset.version is None:
        return []
    found = table_rows(conn, "silver", dataset.versions, dataset.key[0], record_id)
    return sorted(found, key=lambda one: str(one.values[str(dataset.version)]), reverse=True)


def gold_rows(
    conn: connection, entity: Entity, record_id: int, silver: Sequence[TableRow]
) -> tuple[list[TableRow], list[str]]:
    """Rows of Gold that are made of this record, and a note for each table that has not taken it yet.

    `silver` are its rows and versions in Silver.
    """
    tables = [f"silver.{name}" for table in entity.tables for name in (table.name, table.versions) if name]
    readers = _SQL.rows(conn, "readers", {"tables": tables, "column": entity.key})
    models = dict.fromkeys(model for model, _, _ in readers)
    rows = [row for model in models for row in _sorted(entity, table_rows(conn, "gold", model, entity.key, record_id))]
    newest = {row.table: max(one.load_id for one in silver if one.table == row.table) for row in silver}
    notes = [
        f"gold.{model} has not taken load {newest[table]} of {table} yet: ./retail run has it do so"
        for model, table, taken in readers
        if newest.get(table, 0) > taken
    ]
    return rows, notes


def table_rows(conn: connection, schema: str, name: str, column: str | sql.Composable, value: object) -> list[TableRow]:
    """Rows of a table with this value in a column, or in an expression of the columns of `one`."""
    names = {
        "table": sql.Identifier(schema, name),
        "column": sql.Identifier("one", column) if isinstance(column, str) else column,
    }
    return [table_row(f"{schema}.{name}", *row) for row in _SQL.rows(conn, "rows_of", {"id": value}, names)]


def table_of(dataset: Dataset) -> sql.Identifier:
    """The dataset's table in Silver."""
    return sql.Identifier("silver", dataset.name)


def checksum_of(dataset: Dataset) -> sql.Identifier:
    """The function that computes the contract's checksum of a row of the dataset's table."""
    return sql.Identifier("meta", f"{dataset.name}_checksum")


def table_row(table: str, row: Mapping[str, str | None], load_id: int, run_id: str | None, loaded_at: Any) -> TableRow:
    """A row, as the statements return it, without what identifies a person."""
    shown = {name: text for name, text in row.items() if name not in _PERSONAL and not name.startswith("_")}
    return TableRow(table, shown, load_id, run_id, loaded_at)


def _sorted(entity: Entity, rows: list[TableRow]) -> list[TableRow]:
    """In the order of the natural key, the newest period of each first."""
    keys = dict.fromkeys(name for table in entity.tables for name in table.key)
    newest_first = sorted(rows, key=lambda one: one.values.get("valid_from") or "", reverse=True)
    return sorted(newest_first, key=lambda one: [int(one.values[name] or 0) for name in keys if name in one.values])
