"""Whole columns to JSON text: the API's records as bytes, without an object per record."""

from __future__ import annotations

import json

import polars as pl


def records(frame: pl.DataFrame, members: dict[str, pl.Expr]) -> list[str]:
    """One compact JSON object per row; `members` maps each name to an expression of JSON text."""
    return frame.select(json_object(members).alias("record"))["record"].to_list()


def json_object(members: dict[str, pl.Expr]) -> pl.Expr:
    """An expression that gives the JSON object of a row."""
    parts: list[pl.Expr] = []
    for place, (name, value) in enumerate(members.items()):
        parts += [pl.lit(("{" if place == 0 else ",") + json.dumps(name) + ":"), value]
    return pl.concat_str([*parts, pl.lit("}")])


def number(name: str) -> pl.Expr:
    """A whole number."""
    return pl.col(name).cast(pl.String)


def flag(name: str) -> pl.Expr:
    """`true` or `false`."""
    return pl.when(pl.col(name)).then(pl.lit("true")).otherwise(pl.lit("false"))


def text(name: str) -> pl.Expr:
    """A text of the catalog, in which the only character JSON escapes could be a quote or a backslash."""
    escaped = pl.col(name).str.replace_all("\\", "\\\\", literal=True).str.replace_all('"', '\\"', literal=True)
    return pl.concat_str([pl.lit('"'), escaped, pl.lit('"')])


def word(name: str) -> pl.Expr:
    """A text without a character that JSON escapes."""
    return pl.concat_str([pl.lit('"'), pl.col(name), pl.lit('"')])


def money(name: str) -> pl.Expr:
    """Cents as a decimal string with two decimals."""
    cents = pl.col(name).abs()
    sign = pl.when(pl.col(name) < 0).then(pl.lit('"-')).otherwise(pl.lit('"'))
    return pl.concat_str(
        [
            sign,
            (cents // 100).cast(pl.String),
            pl.lit("."),
            (cents % 100).cast(pl.String).str.zfill(2),
            pl.lit('"'),
        ]
    )


def moment(name: str) -> pl.Expr:
    """Unix seconds as RFC 3339 in UTC."""
    return pl.from_epoch(pl.col(name), time_unit="s").dt.strftime('"%Y-%m-%dT%H:%M:%SZ"')
