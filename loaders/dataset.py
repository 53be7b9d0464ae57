"""A dataset: a declared Silver table, with the types that parse its records and the order of a row's versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from loaders.columns import KINDS
from medallion.entities.registry import ENTITIES, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.columns import Kind
    from medallion.entities.entity import Table


@dataclass(frozen=True)
class Dataset:
    """`name` is that of the Bronze dataset and of the table in `silver`.

    `version` is the column that orders versions of a row; without one, and between equal versions, the content decides,
    so that the order in which files are loaded cannot matter. `versions` is the table that keeps all of them.
    `forbidden` are members that a record must not have: they mean that it is another kind of record.
    """

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    version: str | None = None
    forbidden: tuple[str, ...] = ()
    versions: str | None = None
    record: type[msgspec.Struct] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", self._record())

    @classmethod
    def of(cls, table: Table, forbidden: tuple[str, ...] = ()) -> Dataset:
        """The dataset of a declared table."""
        columns = {one.name: KINDS[one.type] for one in table.columns}
        return cls(table.name, columns, table.key, table.version, forbidden, table.versions)

    @property
    def ordering(self) -> tuple[str, ...]:
        """Columns that decide, in this order, which of two versions of a row is newer."""
        rest = tuple(name for name in self.columns if name not in (*self.key, self.version))
        return rest if self.version is None else (self.version, *rest)

    def _record(self) -> type[msgspec.Struct]:
        members: list[Any] = [(name, kind.json) for name, kind in self.columns.items()]
        members += [(name, msgspec.UnsetType, msgspec.UNSET) for name in self.forbidden]
        return msgspec.defstruct(self.name, members, gc=False)


def _nested_members(table: Table) -> tuple[str, ...]:
    """Members that the split moves to other tables: a record that still has them could not be split."""
    if table.nested_in is not None:
        return ()
    tables = next(one.tables for one in ENTITIES.values() if table in one.tables)
    return tuple(one.nested_in for one in tables if one.nested_in is not None)


DATASETS = {name: Dataset.of(table, _nested_members(table)) for name, table in TABLES.items()}
