"""Fields that a source sends and no declaration names, in `meta.new_field`: each once, and never a value of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING

from medallion.entities.registry import TABLES
from medallion.statements import Statements
from medallion.wording import minute_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from medallion.state.receipts import Receipt

_SQL = Statements(__file__)


@dataclass(frozen=True)
class SeenField:
    """A field of a record that no declaration names. `field` is safe to show, and may be cut.

    `json_type` is the type of its first value, which stands in line `line_no` of the file.
    """

    field: str
    json_type: str
    line_no: int

    def words(self) -> str:
        """The field and its type."""
        return f"{self.field} ({self.json_type})"


@dataclass(frozen=True)
class NewField(SeenField):
    """A field as it was recorded: `first_seen_at` is when the Bronze file `path` landed."""

    dataset: str
    path: str
    first_seen_at: datetime

    def since(self) -> str:
        """One line for a person."""
        return f"{self.dataset}: {self.words()}, first seen {minute_of(self.first_seen_at)}, {self.path}:{self.line_no}"


def known_fields(conn: connection, dataset: str) -> set[str]:
    """The fields of a dataset that have been reported."""
    return {field for (field,) in _SQL.rows(conn, "known_fields", {"dataset": dataset})}


def add_new_fields(conn: connection, receipt: Receipt, fields: Sequence[SeenField]) -> list[SeenField]:
    """Record fields of a file. Returns those that were not known."""
    where = {"dataset": receipt.dataset, "path": receipt.path, "landed_at": receipt.landed_at}
    return [one for one in fields if _SQL.first(conn, "add_new_field", vars(one) | where)]


def undeclared_fields(conn: connection) -> tuple[NewField, ...]:
    """The recorded fields that are still not declared, oldest first. None of a warehouse without the table."""
    if not _SQL.one(conn, "is_there")[0]:
        return ()
    found = _SQL.rows(conn, "new_fields")
    fields = (
        NewField(dataset=dataset, field=field, json_type=json_type, first_seen_at=at, path=path, line_no=line_no)
        for dataset, field, json_type, at, path, line_no in found
    )
    return tuple(one for one in fields if one.dataset in TABLES and one.field not in declared_fields(one.dataset))


def field_path(dataset: str, name: str) -> str:
    """The path of a member in the record that the source lists: `lines[].quantity`."""
    nested_in = TABLES[dataset].nested_in if dataset in TABLES else None
    return f"{nested_in}[].{name}" if nested_in else name


def declared_fields(dataset: str) -> set[str]:
    """The paths of the members that a declaration names."""
    return {field_path(dataset, one.name) for one in TABLES[dataset].columns}
