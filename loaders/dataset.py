"""A dataset: the columns of a Silver table, its key, and what makes one version of a row newer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loaders.columns import Kind


@dataclass(frozen=True)
class Dataset:
    """`name` is that of the Bronze dataset and of the table in `silver`.

    `version` is the column that orders versions of a row; without one, and between equal ones, the content
    decides, so that the order in which files are loaded cannot matter. `forbidden` are members that must not
    be there: their presence means that the record is not what it seems.
    """

    name: str
    columns: Mapping[str, Kind]
    key: tuple[str, ...]
    version: str | None = None
    forbidden: tuple[str, ...] = ()
    record: type[msgspec.Struct] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "record", self._record())

    @property
    def ordering(self) -> tuple[str, ...]:
        """Columns that decide, in this order, which of two versions of a row is the newer."""
        rest = tuple(name for name in self.columns if name not in (*self.key, self.version))
        return rest if self.version is None else (self.version, *rest)

    def _record(self) -> type[msgspec.Struct]:
        members: list[Any] = [(name, kind.json) for name, kind in self.columns.items()]
        members += [(name, msgspec.UnsetType, msgspec.UNSET) for name in self.forbidden]
        return msgspec.defstruct(self.name, members, gc=False)
