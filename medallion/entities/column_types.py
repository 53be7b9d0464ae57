"""Types of columns: the type in Postgres, and what a value of the source has to be.

Both the check of a load (`loaders/columns.py`) and the contract of an entity (`contracts.py`) are made from these
limits, so that neither can say what the other does not. A value that meets them is kept unchanged; nothing is rounded,
trimmed or repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ColumnType:
    """`sql` is the type in Postgres, `json` that of the value in JSON, `rule` in words what a value must be.

    `minimum` and `maximum` bound an integer, and `excluded` is a number between them that it may not be. `pattern` is
    what a string must match. `is_moment`: the string is a time; `is_date`: a day.
    """

    sql: str
    json: Literal["integer", "string", "boolean"]
    rule: str
    minimum: int | None = None
    maximum: int | None = None
    excluded: int | None = None
    pattern: str | None = None
    is_moment: bool = False
    is_date: bool = False


_INTEGER, _BIGINT = 2**31 - 1, 2**63 - 1

ID = ColumnType("bigint", "integer", "a whole number from 1 to 2^63 - 1", 1, _BIGINT)
SMALL_ID = ColumnType("integer", "integer", "a whole number from 1 to 2^31 - 1", 1, _INTEGER)
QUANTITY = ColumnType("integer", "integer", "a quantity is not zero", -_INTEGER - 1, _INTEGER, excluded=0)
COUNT = ColumnType("integer", "integer", "a whole number from 0 to 2^31 - 1", 0, _INTEGER)
FLAG = ColumnType("boolean", "boolean", "true or false")
TEXT = ColumnType("text", "string", "text without NUL characters")
CURRENCY = ColumnType("text", "string", "three capital letters (ISO 4217)", pattern="^[A-Z]{3}$")
COUNTRY = ColumnType("text", "string", "two capital letters (ISO 3166)", pattern="^[A-Z]{2}$")
# numeric(12, 2): ten digits before the point, at most two after it, no exponent.
PRICE = ColumnType(
    "numeric(12, 2)",
    "string",
    "a decimal string, not negative, up to 10 digits and 2 decimals",
    pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$",
)
AMOUNT = ColumnType(
    "numeric(12, 2)",
    "string",
    "a decimal string of up to 10 digits and 2 decimals",
    pattern=r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$",
)
WORD = ColumnType(
    "text",
    "string",
    "1 to 200 characters on one line, none of them a control character",
    pattern=r"^[^\x00-\x1f\x7f]{1,200}$",
)
DATE = ColumnType("date", "string", "a day of the calendar, such as 2026-11-01", is_date=True)
MOMENT = ColumnType("timestamptz", "string", "an RFC 3339 time with offset and at most 6 decimals", is_moment=True)
