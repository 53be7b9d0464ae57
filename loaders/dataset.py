"""A dataset: a declared Silver table, with the types that parse its records and the order of a row's versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from loaders.columns import KINDS
from loaders.shaping import RowDecoder
from medallion.entities.registry import EVERY, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.columns import Kind
    from medallion.entities.entity import Entity, Table
    from medallion.entities.layout import Layout

    Decoder = msgspec.json.Decoder[Any] | RowDecoder


@dataclass(frozen=True)
class Dataset:
    """`name` is that of the Bronze dataset and of the table in `silver`.

    `version` is the column that orders versions of a row; without one, and between equal versions, the content decides,
    so that the order in which files are loaded cannot matter. `versions` is the table that keeps all of them.
    `forbidden` are members that a record must not have: they mean that it is another kind of record. `decoder` makes
    records of Bronze lines: of those of a delivered entity by its layout.
    """

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    version: str | None = None
    forbidden: tuple[str, ...] = ()
    versions: str | None = None
    layout: Layout | None = None
    record: type[msgspec.Struct] = field(init=False, repr=False)
    decoder: Decoder = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", self._record())
        object.__setattr__(self, "decoder", self._decoder())

    @classmethod
    def of(cls, table: Table, forbidden: tuple[str, ...] = (), layout: Layout | None = None) -> Dataset:
        """The dataset of a declared table."""
        columns = {one.name: KINDS[one.type] for one in table.columns}
        return cls(table.name, columns, table.key, table.version, forbidden, table.versions, layout)

    @property
    def is_delivered(self) -> bool:
        """Whether its rows come in files."""
        return self.layout is not None

    @property
    def ordering(self) -> tuple[str, ...]:
        """Columns that decide, in this order, which of two versions of a row is newer."""
        rest = tuple(name for name in self.columns if name not in (*self.key, self.version))
        if self.is_delivered:  # of two rows of a file, the lower one counts
            rest = ("row_no", *(name for name in rest if name != "row_no"))
        return rest if self.version is None else (self.version, *rest)

    def _decoder(self) -> Decoder:
        if self.layout is None:
            return msgspec.json.Decoder(self.record)
        return RowDecoder(self.record, {one.name: one.type for one in TABLES[self.name].columns}, self.layout)

    def _record(self) -> type[msgspec.Struct]:
        members: list[Any] = [(name, kind.json) for name, kind in self.columns.items()]
        members += [(name, msgspec.UnsetType, msgspec.UNSET) for name in self.forbidden]
        return msgspec.defstruct(self.name, members, gc=False)


def _nested_members(table: Table) -> tuple[str, ...]:
    """Members that the split moves to other tables: a record that still has them could not be split."""
    if table.nested_in is not None:
        return ()
    tables = _entity_of(table).tables
    return tuple(one.nested_in for one in tables if one.nested_in is not None)


def _entity_of(table: Table) -> Entity:
    return next(one for one in EVERY.values() if table in one.tables)


DATASETS = {name: Dataset.of(table, _nested_members(table), _entity_of(table).layout) for name, table in TABLES.items()}
