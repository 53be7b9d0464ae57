"""Types of columns: the type in Postgres, and the rule in words that a value of the source has to meet.

`loaders/columns.py` has the code that checks each rule. A value that meets the rule is kept unchanged; nothing is
rounded, trimmed or repaired.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ColumnType:
    """`sql` is the type in Postgres, `rule` what a value must be."""

    sql: str
    rule: str


ID = ColumnType("bigint", "a whole number from 1 to 2^63 - 1")
SMALL_ID = ColumnType("integer", "a whole number from 1 to 2^31 - 1")
QUANTITY = ColumnType("integer", "a quantity is not zero")
FLAG = ColumnType("boolean", "true or false")
TEXT = ColumnType("text", "text without NUL characters")
CURRENCY = ColumnType("text", "three capital letters (ISO 4217)")
COUNTRY = ColumnType("text", "two capital letters (ISO 3166)")
PRICE = ColumnType("numeric(12, 2)", "a decimal string, not negative, up to 10 digits and 2 decimals")
AMOUNT = ColumnType("numeric(12, 2)", "a decimal string of up to 10 digits and 2 decimals")
MOMENT = ColumnType("timestamptz", "an RFC 3339 time with offset and at most 6 decimals")
