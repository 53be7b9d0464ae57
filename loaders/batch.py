"""Rows of a block prepared for Postgres: the text that COPY reads, and the keys that decide between COPY and MERGE.

It needs no connection, so that one block can be prepared while Postgres takes another.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

if TYPE_CHECKING:
    from loaders.dataset import Dataset

    Key = tuple[Any, ...]


@dataclass(frozen=True)
class Batch:
    """`text` is CSV of the dataset's columns and `_load_id`. `least` and `greatest` are keys, None without rows."""

    rows: int
    text: bytes
    least: Key | None
    greatest: Key | None
    repeats_a_key: bool


def batch_of(dataset: Dataset, rows: pl.DataFrame, load_id: int) -> Batch:
    """Prepare rows that passed validation."""
    if rows.is_empty():
        return Batch(0, b"", None, None, repeats_a_key=False)
    keys = rows.select(dataset.key)
    rising = _rise(keys)  # as in sales; then the ends are the bounds, and no key comes twice
    return Batch(
        rows=rows.height,
        text=_csv(rows.with_columns(pl.lit(load_id).alias("_load_id"))),
        least=keys.row(0) if rising else _bound(keys, "min"),
        greatest=keys.row(-1) if rising else _bound(keys, "max"),
        repeats_a_key=not rising and bool(keys.is_duplicated().any()),
    )


def _csv(rows: pl.DataFrame) -> bytes:
    text = io.BytesIO()
    rows.write_csv(text, include_header=False)
    return text.getvalue()


def _rise(keys: pl.DataFrame) -> bool:
    """Whether each key is greater than the one before it, column after column, as Postgres compares rows.

    Keys have no nulls: validation has refused them.
    """
    rises = pl.lit(value=False)
    for name in reversed(keys.columns):
        here, before = pl.col(name), pl.col(name).shift(1)
        rises = (here > before) | ((here == before) & rises)
    return bool(keys.select(rises.all()).item())


def _bound(keys: pl.DataFrame, end: Literal["min", "max"]) -> Key:
    """The least or the greatest key: column after column, as Postgres compares rows."""
    for name in keys.columns:
        keys = keys.filter(keys[name] == getattr(keys[name], end)())
    return keys.row(0)
