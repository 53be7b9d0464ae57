"""What dbt's manifest says of the relations of Gold: their columns, types and descriptions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from medallion.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class RelationColumn:
    """A column of a relation; `type` as Postgres writes it."""

    name: str
    type: str
    description: str

    @property
    def is_moment(self) -> bool:
        """Whether it holds dates or moments."""
        return self.type.startswith(("date", "timestamp"))


@dataclass(frozen=True)
class Relation:
    """A table or view of Gold that dbt builds."""

    name: str
    schema: str
    description: str
    columns: dict[str, RelationColumn]


def read_relations(manifest: Path) -> dict[str, Relation]:
    """The models of dbt's manifest by name. Raises ConfigurationError for a file that is none."""
    try:
        nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
        return {one["name"]: _relation(one) for one in nodes if one["resource_type"] == "model"}
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"{manifest} isn't a manifest of dbt: {error}", remedy="remove it: the next command has dbt write it again"
        ) from error


def _relation(node: dict[str, Any]) -> Relation:
    return Relation(
        name=str(node["alias"]),
        schema=str(node["schema"]),
        description=" ".join(str(node["description"]).split()),
        columns={
            name: RelationColumn(name, (one["data_type"] or "").lower(), " ".join((one["description"] or "").split()))
            for name, one in node["columns"].items()
        },
    )
