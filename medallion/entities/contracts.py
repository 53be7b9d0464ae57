"""The contract of each entity, generated from its declaration: what the source has to send, in the form of ODCS.

ODCS is the Open Data Contract Standard of Bitol; datacontract-cli and other tools read it. A contract describes the
records as the source lists them: sales with their lines. What it says of a value is what a load checks, as both are
made from the limits in `column_types.py`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from medallion.entities.entity import PROVENANCE, ByDelivery, ById

if TYPE_CHECKING:
    from collections.abc import Iterator

    from medallion.entities.column_types import ColumnType
    from medallion.entities.entity import Column, Entity, Table
    from medallion.entities.layout import Layout

    Properties = dict[str, Any]


class Freshness(NamedTuple):
    """How many units old the newest record may be before a check warns, and before it fails."""

    warn: int
    fail: int
    unit: str


HOURLY, DAILY, RARELY = Freshness(3, 12, "hour"), Freshness(2, 7, "day"), Freshness(7, 30, "day")
FOLDER = "contracts"
_STANDARD = "v3.1.0"
_HEAD = "# Written by `python -m medallion.entities` from medallion/entities: change it there.\n"
_EACH_DAY = {
    "property": "frequency",
    "value": 1,
    "unit": "d",
    "description": "A daily run takes the files that are new.",
}
_EACH_HOUR = {
    "property": "frequency",
    "value": 1,
    "unit": "h",
    "description": "An hourly run takes what is new.",
}


def freshness(entity: Entity) -> Freshness:
    """How fresh an entity has to be: a listing by `updated_at` changes when it changes, not every hour."""
    if isinstance(entity.order, ByDelivery):
        return DAILY
    return HOURLY if isinstance(entity.order, ById) else RARELY


def contract_of(entity: Entity) -> Properties:
    """The contract of an entity, as data."""
    own, *nested = sorted(entity.tables, key=lambda one: one.nested_in or "")
    return {
        "apiVersion": _STANDARD,
        "kind": "DataContract",
        "id": f"retail.{entity.name}",
        "name": entity.name,
        "version": entity.contract,
        "status": "active",
        "domain": "retail",
        "description": _description(entity, own),
        "schema": [
            {
                "name": entity.name,
                "logicalType": "object",
                "physicalType": "object",
                "description": own.description,
                "properties": [_property(one, own) for one in _entered(entity, own)]
                + [_lines(one, own) for one in nested],
            }
        ],
        "slaProperties": [_EACH_DAY if entity.layout else _EACH_HOUR, _sla(entity, own)],
        "customProperties": [
            {"property": "orderedBy", "value": entity.ordered_by},
            *({"property": "neverChanges", "value": name} for name in entity.lasting),
            {"property": "isOptional", "value": entity.is_optional},
            *_written_as(entity.layout),
        ],
    }


def as_yaml(contract: Properties) -> str:
    """A contract as its file has it."""
    return _HEAD + "\n".join(_written(contract)) + "\n"


def contract_file(entity: Entity) -> str:
    """The path of the contract that is generated from the declaration as it is."""
    return f"{FOLDER}/{entity.name}.odcs.yaml"


def released_file(name: str, version: str) -> str:
    """The path of a version of the contract of that entity, which stays as it was released."""
    return f"{FOLDER}/released/{name}/{version}.odcs.yaml"


def _entered(entity: Entity, own: Table) -> list[Column]:
    """The columns that the source fills in; those of a delivered row that say where it stood are not."""
    return [one for one in own.columns if entity.layout is None or one.name not in PROVENANCE]


def _written_as(layout: Layout | None) -> list[Properties]:
    """What a layout says, for those who fill in a sheet."""
    if layout is None:
        return []
    headers = [{"property": f"headersOf.{name}", "value": " | ".join(words)} for name, words in layout.headers.items()]
    widths = [{"property": f"digitsOf.{name}", "value": digits} for name, digits in layout.digits.items()]
    return [
        *headers,
        *widths,
        {"property": "periodInName", "value": layout.period},
        {"property": "decimalSign", "value": layout.decimal},
        {"property": "timeZone", "value": layout.zone},
        {"property": "textDates", "value": " | ".join(("%Y-%m-%d", *layout.dates))},
        {"property": "addedUp", "value": " | ".join(layout.totaled)},
    ]


def _description(entity: Entity, own: Table) -> Properties:
    if entity.layout is not None:
        return {
            "purpose": own.description,
            "usage": "A sheet per file, its header in the first rows, its period in its name (docs/sources.md). A file "
            "replaces what came for the same period before it.",
            "limitations": "A row with a cell that breaks this contract is quarantined whole, with the address of the "
            "cell. A column that this contract does not name is kept in Bronze and reported.",
        }
    missing = " A source may have no such resource." if entity.is_optional else ""
    return {
        "purpose": own.description,
        "usage": f"The source lists them at GET /{entity.name} (docs/architecture.md, the source contract).{missing}",
        "limitations": "A record that breaks this contract is quarantined with the reason, and stays in Bronze. "
        "A field that this contract does not name is kept in Bronze and reported once.",
    }


def _sla(entity: Entity, own: Table) -> Properties:
    warn, fail, unit = freshness(entity)
    moments = [one.name for one in own.columns if one.type.is_moment or one.type.is_date]
    changes = own.version if entity.layout is None else None
    element = changes or next(iter(moments), entity.key)
    return {
        "property": "freshness",
        "value": warn,
        "unit": unit[0],
        "element": f"{entity.name}.{element}",
        "description": f"dbt's check of freshness warns then, and fails after {fail} {unit}s.",
    }


def _property(column: Column, table: Table) -> Properties:
    return {
        "name": column.name,
        "logicalType": _logical_type(column.type),
        "physicalType": column.type.json,
        "required": True,
        **_key(column, table),
        **({"classification": "personal"} if column.is_personal else {}),
        **_options(column.type),
        "description": column.description,
        "quality": [{"type": "text", "description": f"Rule: {column.type.rule}."}],
    }


def _logical_type(declared: ColumnType) -> str:
    if declared.is_date:
        return "date"
    return "timestamp" if declared.is_moment else declared.json


def _key(column: Column, table: Table) -> Properties:
    """What a key of the record says; a key of a line is unique within its record only."""
    if table.nested_in is not None or column.name not in table.key:
        return {}
    return {"unique": True, "primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}


def _options(declared: ColumnType) -> Properties:
    """The limits of the type that ODCS can express; the rule in words says the others."""
    if declared.is_moment:
        return {"logicalTypeOptions": {"timezone": True}}
    if declared.pattern is not None:
        return {"logicalTypeOptions": {"pattern": declared.pattern}}
    if declared.json != "integer":
        return {}
    width = "i64" if declared.sql == "bigint" else "i32"
    return {"logicalTypeOptions": {"format": width, "minimum": declared.minimum, "maximum": declared.maximum}}


def _lines(table: Table, own: Table) -> Properties:
    """The member of a record that lists rows of another table. Their parent's key is not repeated in them."""
    inherited = {*own.key}
    key = ", ".join(name for name in table.key if name not in inherited)
    return {
        "name": table.nested_in,
        "logicalType": "array",
        "physicalType": "array",
        "required": True,
        "description": table.description,
        "quality": [{"type": "text", "description": f"{key} is unique within its record."}],
        "items": {
            "logicalType": "object",
            "physicalType": "object",
            "properties": [_property(one, table) for one in table.columns if one.name not in inherited],
        },
    }


def _written(value: Properties) -> Iterator[str]:
    """The lines of a mapping in YAML. Texts are quoted as in JSON, which is YAML, too."""
    for name, content in value.items():
        if isinstance(content, dict):
            yield f"{name}:"
            yield from (f"  {line}" for line in _written(content))
        elif isinstance(content, list):
            yield f"{name}:"
            for one in content:
                first, *rest = _written(one)
                yield f"  - {first}"
                yield from (f"    {line}" for line in rest)
        else:
            yield f"{name}: {json.dumps(content, ensure_ascii=False)}"
