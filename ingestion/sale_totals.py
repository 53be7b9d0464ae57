"""A sale's share of the source's control totals: lines, net amount and checksum, by its declared columns.

`quality.checksum` computes the same checksum of many records with polars, which a pull does not import.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from medallion.entities.column_types import AMOUNT, MOMENT, PRICE
from medallion.entities.registry import ENTITIES
from medallion.moments import utc_moment
from medallion.state.reconciliation import MODULUS

if TYPE_CHECKING:
    from medallion.entities.entity import Column

_HEADER, _LINE = (table.columns for table in ENTITIES["sales"].tables)
_LARGEST_AMOUNT = Decimal(10) ** 24


def totals_of_sale(members: dict[str, Any]) -> tuple[int, Decimal, int]:
    """Lines, net amount and checksum of a sale, as the source's totals count it (docs/architecture.md, "Totals").

    What cannot be added up counts as 0, and so does a record that is not a sale: it is compared by its listing.
    """
    lines = members.get("lines")
    if not isinstance(lines, list):
        return 0, Decimal(0), 0
    try:
        net_amount = sum((_net(line) for line in lines), Decimal(0))
        checksum = _checksum(members, _HEADER) + sum(_checksum(members | line, _LINE) for line in lines)
    except (ArithmeticError, LookupError, TypeError):
        return len(lines), Decimal(0), 0
    return len(lines), net_amount if abs(net_amount) < _LARGEST_AMOUNT else Decimal(0), checksum % MODULUS


def _net(line: dict[str, Any]) -> Decimal:
    return Decimal(str(line["quantity"])) * Decimal(str(line["unit_price"])) - Decimal(str(line["discount"]))


def _checksum(members: dict[str, Any], columns: tuple[Column, ...]) -> int:
    """The contract's checksum of one header or line."""
    text = "\x1f".join(_canonical(one, members[one.name]) for one in columns)
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:8], "big") >> 4


def _canonical(column: Column, value: Any) -> str:
    if column.type in (PRICE, AMOUNT):
        return f"{Decimal(str(value)) + 0:.2f}"
    moment = utc_moment(value) if column.type is MOMENT and isinstance(value, str) else None
    return f"{datetime.fromisoformat(moment):%Y-%m-%dT%H:%M:%S.%fZ}" if moment else str(value)
