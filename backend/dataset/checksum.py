"""Checksums of records, a column at a time: what the totals of the contract are made of.

Of each record the fields in the contract's order, U+001F between them; the first 60 bits of the MD5 of that text. The
checksum of many records is the sum of theirs, modulo 2^60, so that their order does not matter.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.rendering import moment as json_moment
from backend.dataset.rendering import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from backend.dataset.rendering import Pieces

MODULUS = 2**60
_BETWEEN = "\x1f"


def checksum(rows: pl.DataFrame, fields: Sequence[Pieces]) -> int:
    """The checksum of the rows, whose fields are given as pieces of text."""
    pieces = [piece for field in fields for piece in (_BETWEEN, *field)][1:]
    texts = rows.select(text_of(pieces).alias("text"))["text"].to_list()
    return sum(map(_of_text, texts)) % MODULUS


def _of_text(text: str) -> int:
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:8], "big") >> 4


def text(name: str) -> Pieces:
    """A text or a whole number as it is."""
    return [pl.col(name).cast(pl.String)]


def flag(name: str) -> Pieces:
    """`true` or `false`."""
    return [pl.when(pl.col(name)).then(pl.lit("true")).otherwise(pl.lit("false"))]


def money(name: str) -> Pieces:
    """Cents as an amount with two decimals."""
    cents = pl.col(name).abs()
    sign = pl.when(pl.col(name) < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return [sign, (cents // 100).cast(pl.String), ".", (cents % 100).cast(pl.String).str.zfill(2)]


def moment(name: str) -> Pieces:
    """Unix seconds in UTC, with six decimals."""
    return [*json_moment(name)[1:-1], ".000000Z"]


# What checksums of sales are made of: every field, in the contract's order. Listings have theirs in `listing.py`.
FIELDS: dict[str, Sequence[Pieces]] = {
    "headers": [
        *map(text, ("sale_id", "customer_id", "store_id")),
        moment("sold_at"),
        *map(text, ("channel", "payment_method", "currency")),
    ],
    "lines": [
        *map(text, ("sale_id", "line_no", "product_id", "quantity")),
        money("unit_price"),
        money("discount"),
    ],
}
