"""The checks of the column types: what a value may be in JSON, and how it is made ready for Postgres.

The types are those of `medallion.entities.column_types`. A kind has two halves. Its JSON type is enforced by msgspec
while it parses, record by record and without coercion: `"1"`, `1.0`, null and a missing value are not ids. An optional
rule is checked by polars for an entire column at once: exact decimals, real moments in time, text that Postgres can
store. A value that passes both is copied unchanged; nothing is rounded, trimmed or repaired on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from msgspec import Meta

from medallion.entities import column_types as types
from medallion.moments import utc_moment as utc_moment  # noqa: PLC0414 - re-exported: it was defined here

if TYPE_CHECKING:
    from collections.abc import Callable

    from medallion.entities.column_types import ColumnType

# RFC 3339, section 5.6, with at most the six decimals a timestamptz keeps. Upper case T and Z only.
# No leap second: a timestamptz has none, and rolling it over would not be the same moment.
_UTC_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?Z$"
# numeric(12,2): ten digits before the point, at most two after it, no exponent.
_AMOUNT = r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$"
_MONEY_NOT_NEGATIVE = r"^[0-9]{1,10}(\.[0-9]{1,2})?$"
_CURRENCY = r"^[A-Z]{3}$"
_COUNTRY = r"^[A-Z]{2}$"


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


_RULES: dict[ColumnType, tuple[Any, type[pl.DataType], Callable[[pl.Series], pl.Series] | None]] = {
    types.ID: (Annotated[int, Meta(ge=1, le=2**63 - 1)], pl.Int64, None),
    types.SMALL_ID: (Annotated[int, Meta(ge=1, le=2**31 - 1)], pl.Int64, None),
    types.QUANTITY: (
        Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
        pl.Int64,
        lambda values: values.set(values == 0, None),
    ),
    types.FLAG: (bool, pl.Boolean, None),
    types.TEXT: (str, pl.String, _storable),
    types.CURRENCY: (str, pl.String, _matching(_CURRENCY)),
    types.COUNTRY: (str, pl.String, _matching(_COUNTRY)),
    types.PRICE: (str, pl.String, _matching(_MONEY_NOT_NEGATIVE)),
    types.AMOUNT: (str, pl.String, _matching(_AMOUNT)),
    types.MOMENT: (str, pl.String, _moments),
}
KINDS = {declared: Kind(json, dtype, declared.rule, check) for declared, (json, dtype, check) in _RULES.items()}
