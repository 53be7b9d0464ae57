"""Checksums of records, independent of order: one number to compare the source, Bronze and Silver by.

The formula is the contract's (docs/architecture.md, "Totals"); `meta.customers_checksum` and its like in
sql/silver_tables.sql is the same in SQL. A record's fields, in the contract's order, are written as text with
U+001F between them: whole numbers as decimals, money with two decimals, moments as `2026-11-20T10:15:04.000000Z`,
flags as `true` or `false`, text as it is. The first 60 bits of the MD5 of that text are the record's checksum; that
of many records is the sum of theirs, modulo 2^60. MD5 finds accidents, not attackers: Postgres has no faster hash
that another system has too.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import polars as pl

from loaders.columns import KINDS
from loaders.dataset import DATASETS
from loaders.records import parse_block
from medallion.entities.column_types import AMOUNT, MOMENT, PRICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from loaders.columns import Kind
    from loaders.dataset import Dataset

MODULUS = 2**60
_BETWEEN = "\x1f"
_WHOLE_SECONDS = len("2026-11-20T10:15:04")
_WITH_DECIMALS = len("2026-11-20T10:15:04.000000")


def record_checksum(dataset: Dataset, record: bytes) -> int | None:
    """The checksum of one record as the source sent it; None for a record that Silver cannot read."""
    return record_checksums(dataset, [record])[0]


def record_checksums(dataset: Dataset, records: Sequence[bytes]) -> list[int | None]:
    """The checksum of each record, in their order; None for a record that Silver cannot read."""
    if not records:
        return []
    block = b"".join(_one_line(record) + b"\n" for record in records)
    parsed = parse_block(dataset, block, 0)
    unreadable = {rejection.line_no for rejection in parsed.rejections}
    known = iter(row_checksums(dataset, parsed.rows))
    return [None if number in unreadable else next(known) for number in range(len(records))]


def checksums_of(name: str, records: Sequence[bytes]) -> list[int | None]:
    """The checksum of each record of the dataset of that name; None for a record that Silver cannot read."""
    return record_checksums(DATASETS[name], records)


def row_checksums(dataset: Dataset, rows: pl.DataFrame) -> list[int]:
    """The checksum of each row that passed validation (`loaders.records.parse_block`)."""
    fields = [_canonical(name, kind) for name, kind in dataset.columns.items()]
    return [text_checksum(text) for text in rows.select(pl.concat_str(fields, separator=_BETWEEN)).to_series()]


def text_checksum(text: str) -> int:
    """The first 60 bits of the MD5 of a record's text."""
    return byte_checksum(text.encode())


def byte_checksum(record: bytes) -> int:
    """The first 60 bits of the MD5 of a record's bytes, for a record that cannot be read."""
    return int.from_bytes(hashlib.md5(record, usedforsecurity=False).digest()[:8], "big") >> 4


def total_of(checksums: Iterable[int]) -> int:
    """The checksum of many records, from the checksum of each."""
    return sum(checksums) % MODULUS


def _one_line(record: bytes) -> bytes:
    """The record as it lands in Bronze: without line breaks, which can only stand between its tokens."""
    return record.replace(b"\r", b" ").replace(b"\n", b" ") or b" "


def _canonical(name: str, kind: Kind) -> pl.Expr:
    value = pl.col(name)
    if kind is KINDS[MOMENT]:
        return _moment(value).alias(name)
    if kind in (KINDS[PRICE], KINDS[AMOUNT]):
        value = value.cast(pl.Decimal(38, 2))
    return value.cast(pl.String)


def _moment(text: pl.Expr) -> pl.Expr:
    """A UTC moment in any of its spellings, with six decimals."""
    plain = text.str.replace(r"(Z|\+00:00)$", "")
    pointed = pl.when(plain.str.len_bytes() == _WHOLE_SECONDS).then(plain + ".").otherwise(plain)
    return pointed.str.pad_end(_WITH_DECIMALS, "0") + "Z"
