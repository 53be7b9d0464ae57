"""Kinds of Silver columns: what a value may be in JSON, and what makes it fit for Postgres.

A kind has two halves. Its JSON type, which msgspec enforces while it parses, record by record and without
coercion: `"1"` is no id, `1.0` is no id, a missing or null value is none. And an optional rule, checked for a
whole column at once with polars: exact decimals, real moments in time, text that Postgres can store. What
passes both is copied as it stands; nothing is rounded, trimmed or repaired on the way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 3339, section 5.6, with at most the six decimals a timestamptz keeps. Upper case T and Z only.
# No leap second: a timestamptz has none, and rolling it over would not be the same moment.
_UTC_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?Z$"
_MOMENT = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9])(?P<fraction>\.[0-9]{1,6})?"
    r"(?P<offset>Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)
# numeric(12,2): ten digits before the point, at most two behind it, no exponent.
_AMOUNT = r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$"
_MONEY_NOT_NEGATIVE = r"^[0-9]{1,10}(\.[0-9]{1,2})?$"
_CURRENCY = r"^[A-Z]{3}$"
_COUNTRY = r"^[A-Z]{2}$"


@dataclass(frozen=True)
class Kind:
    """`json` is the type msgspec decodes; `dtype` the polars type of the column.

    `normalise` turns the column into what is copied, with null where a value breaks the rule; `rule` says
    that rule to a person.
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
    """Postgres text holds any character but NUL."""
    return values.set(values.str.contains("\x00", literal=True), None)


def _moments(values: pl.Series) -> pl.Series:
    """UTC moments as they stand, when they exist; others through the calendar, one by one."""
    parsed = values.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False)
    plain = values.str.contains(_UTC_MOMENT) & parsed.is_not_null() & (parsed.dt.year() >= 1)
    if plain.all():
        return values
    return pl.Series(
        values.name,
        [text if ok else utc_moment(text) for text, ok in zip(values, plain, strict=True)],
        dtype=pl.String,
    )


def utc_moment(text: str) -> str | None:
    """The moment of an RFC 3339 text in UTC; None when it is none, or none that can be stored exactly."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    fraction = (match["fraction"] or ".0").ljust(7, "0")
    offset = match["offset"].replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(match["local"] + fraction + offset)
        return moment.astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        return None


ID = Kind(Annotated[int, Meta(ge=1, le=2**63 - 1)], pl.Int64)
LINE_NO = Kind(Annotated[int, Meta(ge=1, le=2**31 - 1)], pl.Int64)
QUANTITY = Kind(
    Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)],
    pl.Int64,
    "a quantity is not zero",
    lambda values: values.set(values == 0, None),
)
STORE_ID = Kind(Annotated[int, Meta(ge=1, le=2**31 - 1)], pl.Int64)
FLAG = Kind(bool, pl.Boolean)
TEXT = Kind(str, pl.String, "text without NUL characters", _storable)
CURRENCY = Kind(str, pl.String, "three capital letters (ISO 4217)", _matching(_CURRENCY))
COUNTRY = Kind(str, pl.String, "two capital letters (ISO 3166)", _matching(_COUNTRY))
PRICE = Kind(
    str,
    pl.String,
    "a decimal string, not negative, up to 10 digits and 2 decimals",
    _matching(_MONEY_NOT_NEGATIVE),
)
AMOUNT = Kind(str, pl.String, "a decimal string of up to 10 digits and 2 decimals", _matching(_AMOUNT))
MOMENT = Kind(str, pl.String, "an RFC 3339 time with offset and at most 6 decimals", _moments)
