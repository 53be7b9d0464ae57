"""The declaration of a source entity: its order at the source, its tables in Silver, their columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medallion.entities.column_types import ColumnType
    from medallion.entities.layout import Layout


@dataclass(frozen=True)
class ByUpdatedAt:
    """The source lists records by `(updated_at, key)`, so a changed record comes again after the watermark.

    `lookback` is the setting that says how many minutes before the watermark a pull reads again.
    """

    lookback: str = "source_lookback_minutes"


@dataclass(frozen=True)
class ById:
    """The source lists records by key, and a record never changes. Keys that a pull passes over are gaps."""


@dataclass(frozen=True)
class ByDelivery:
    """The source hands over files. A file replaces what came for the same period before it; its name has the period."""

    layout: Layout


# Columns of a delivered table that say where a row stood: they come with the file and not from its cells.
PROVENANCE = ("delivery_id", "period", "sheet", "row_no")


@dataclass(frozen=True)
class Column:
    """A member of the source's record and the column it becomes. `is_personal`: it identifies a person."""

    name: str
    type: ColumnType
    description: str
    is_personal: bool = False


@dataclass(frozen=True)
class Table:
    """A Silver table, and the Bronze dataset of the same name that it is loaded from.

    `row` is the name of one row; `records` the name of many, where it is not the table's name. `version` is
    the column that orders versions of a row. `nested_in` is the member of the entity's record that lists the rows;
    None: the record itself is the row. `load` is the function that loads it, as `module:function`.
    """

    name: str
    row: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    version: str | None = None
    records: str = ""
    nested_in: str | None = None
    load: str = "loaders.load_table:load_table"

    @property
    def versions(self) -> str | None:
        """Name of the table that keeps every version of a row; None for a table whose rows never change."""
        return None if self.version is None else f"{self.name}_version"

    @property
    def personal_columns(self) -> tuple[str, ...]:
        """Names of the columns that identify a person."""
        return tuple(one.name for one in self.columns if one.is_personal)


@dataclass(frozen=True)
class Entity:
    """A resource of the source and the tables that its records become. A record has `key` in a member of that name.

    An entity that is delivered may have a key of several columns: that of its table counts, and `key` is empty.
    `lasting` are members that a record keeps for life: one in which any of them differs is another record.
    `collect` is the function that pulls it, as `module:function`. `is_optional`: a source may have no such resource.
    `contract` is the version of its contract (`contracts.py`): `python -m medallion.entities` releases a new one.
    """

    name: str
    key: str
    order: ByUpdatedAt | ById | ByDelivery
    tables: tuple[Table, ...]
    lasting: tuple[str, ...] = ()
    collect: str = "ingestion.listing:collect_listing"
    is_optional: bool = False
    contract: str = "1.0.0"

    def __post_init__(self) -> None:
        """Raise ValueError for a declaration that the shared pull or comparison cannot handle."""
        if self.collect == Entity.collect and len(self.tables) != 1:
            raise ValueError(f"{self.name}: records that become more than one table need a pull of their own (collect)")
        if isinstance(self.order, ByDelivery):
            self._check_delivered()
        elif isinstance(self.order, ById):
            if self.collect == Entity.collect:
                raise ValueError(f"{self.name}: a listing by id needs a pull of its own (collect)")
        elif [table.name for table in self.tables] != [self.name]:
            raise ValueError(f"{self.name}: reconciliation compares one table of that name, and it has none")

    def _check_delivered(self) -> None:
        names = [[column.name for column in table.columns] for table in self.tables]
        if len(names) != 1 or not {*PROVENANCE} <= {*names[0]}:
            raise ValueError(f"{self.name}: files become one table, with the columns {', '.join(PROVENANCE)}")

    @property
    def layout(self) -> Layout | None:
        """How its files are written; None for an entity that is listed."""
        return self.order.layout if isinstance(self.order, ByDelivery) else None

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of its tables."""
        return tuple(one.name for one in self.tables)

    @property
    def ordered_by(self) -> str:
        """`id`, `updated_at` or `delivery`, as `meta.entity` has it."""
        if isinstance(self.order, ByDelivery):
            return "delivery"
        return "id" if isinstance(self.order, ById) else "updated_at"

    @property
    def cursor_name(self) -> str:
        """The name of its watermark in `meta.ingestion_state`."""
        return f"last_{self.name}_id" if isinstance(self.order, ById) else self.ordered_by
