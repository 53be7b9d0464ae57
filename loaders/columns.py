"""The checks of the column types: what a value may be in JSON, and how it is made ready for Postgres.

The types, and the limits of their values, are those of `medallion.entities.column_types`. A kind has two halves. Its
JSON type is enforced by msgspec while it parses, record by record and without coercion: `"1"`, `1.0`, null and a
missing value are not ids. An optional rule is checked by polars for an entire column at once: exact decimals, real
moments in time, text that Postgres can store. A value that passes both is copied unchanged; nothing is rounded,
trimmed or repaired on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from msgspec import Meta

from medallion.entities import column_types as types
from medallion.entities.column_types import ColumnType
from medallion.moments import utc_moment as utc_moment  # noqa: PLC0414 - re-exported: it was defined here

if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 3339, section 5.6, with at most the six decimals a timestamptz keeps. Upper case T and Z only.
# No leap second: a timestamptz has none, and rolling it over would not be the same moment.
_UTC_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?Z$"
_DAY = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DTYPES: dict[str, type[pl.DataType]] = {"integer": pl.Int64, "string": pl.String, "boolean": pl.Boolean}


@dataclass(frozen=True)
class Kind:
    """`json` is the type msgspec decodes; `dtype` the polars type of the column.

    `normalise` turns the column into what is copied, with null where a value breaks the rule; `rule` is
    that rule in words.
    """

    json: Any
    dtype: pl.DataType | type[pl.DataType]
    rule: str = ""
    normalise: Callable[[pl.Series], pl.Series] | None = None


def _matching(pattern: str) -> Callable[[pl.Series], pl.Series]:
    def normalise(values: pl.Series) -> pl.Series:
        return values.set(~values.str.contains(pattern), None)

    return normalise


def _storable(values: pl.Series) -> pl.Series:
    """The texts, with null for those that hold NUL, which Postgres cannot store."""
    return values.set(values.str.contains("\x00", literal=True), None)


def _moments(values: pl.Series) -> pl.Series:
    """The moments in UTC: texts in UTC unchanged if they exist, others converted one by one."""
    parsed = values.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    plain = values.str.contains(_UTC_MOMENT) & parsed.is_not_null() & (parsed.dt.year() >= 1)
    if plain.all():
        return values
    return pl.Series(
        values.name,
        [text if ok else utc_moment(text) for text, ok in zip(values, plain, strict=True)],
        dtype=pl.String,
    )


def _dates(values: pl.Series) -> pl.Series:
    """The days as they are, with null for what is none."""
    exist = values.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    return values.set(~(exist & values.str.contains(_DAY)), None)


def _without(excluded: int) -> Callable[[pl.Series], pl.Series]:
    def normalise(values: pl.Series) -> pl.Series:
        return values.set(values == excluded, None)

    return normalise


def _kind(declared: ColumnType) -> Kind:
    return Kind(_json(declared), _DTYPES[declared.json], declared.rule, _check(declared))


def _json(declared: ColumnType) -> Any:
    """The type that msgspec decodes. It enforces the bounds of an integer."""
    if declared.json == "integer":
        return Annotated[int, Meta(ge=declared.minimum, le=declared.maximum)]
    return {"string": str, "boolean": bool}[declared.json]


def _check(declared: ColumnType) -> Callable[[pl.Series], pl.Series] | None:
    """The rule beyond the JSON type; None where there is none."""
    if declared.is_moment:
        return _moments
    if declared.is_date:
        return _dates
    if declared.pattern is not None:
        return _matching(declared.pattern)
    if declared.excluded is not None:
        return _without(declared.excluded)
    return _storable if declared.json == "string" else None


KINDS = {declared: _kind(declared) for declared in vars(types).values() if isinstance(declared, ColumnType)}
