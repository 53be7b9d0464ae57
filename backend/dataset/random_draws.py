"""Chance without a generator: every draw is a hash of (seed, purpose, id).

A pseudo-random generator has a state, so the thousandth record would depend on the nine hundred before it.
A counter-based hash gives any record at once, whole columns at a time, and the same everywhere. The mixing
function is splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
"""

from __future__ import annotations

from typing import TypeVar, overload

import polars as pl

Column = TypeVar("Column", pl.Series, pl.Expr)  # at hand, or named in an expression

_MASK = 2**64 - 1
_GOLDEN = 0x9E3779B97F4A7C15
_FIRST = 0xBF58476D1CE4E5B9
_SECOND = 0x94D049BB133111EB


def draw(ids: Column, seed: int, purpose: str) -> Column:
    """64 random bits for each id (not negative): independent between purposes, always the same for one.

    Of a column at hand where a page is made: an expression has its cost before its first row.
    """
    start = _mix_number(seed ^ int.from_bytes(purpose.encode().ljust(8, b"\0")[:8], "little"))
    if isinstance(ids, pl.Series):
        return _mix(ids, start)
    # A column at a time: as one expression the state would be computed again wherever it is named.
    return ids.map_batches(lambda values: _mix(values, start), return_dtype=pl.UInt64)


def _mix(ids: pl.Series, start: int) -> pl.Series:
    state = ids.cast(pl.UInt64) * _GOLDEN + start
    state = (state ^ (state // 2**30)) * _FIRST
    state = (state ^ (state // 2**27)) * _SECOND
    return state ^ (state // 2**31)


@overload
def below(bits: pl.Series, bound: int) -> pl.Series: ...
@overload
def below(bits: pl.Expr, bound: int | pl.Expr) -> pl.Expr: ...
def below(bits: pl.Series | pl.Expr, bound: int | pl.Expr) -> pl.Series | pl.Expr:
    """An integer from 0 up to, not including, `bound`."""
    limit = bound if isinstance(bound, int) else bound.cast(pl.UInt64)
    return (bits % limit).cast(pl.Int64)


def happens(bits: pl.Expr, share: float) -> pl.Expr:
    """True for `share` of all draws: 0 is never, 1 is always."""
    return bits // 2**11 < int(share * 2**53)


def one_of(bits: pl.Expr, choices: list[str]) -> pl.Expr:
    """One of the choices; list one several times to weigh it."""
    return pl.lit(pl.Series(choices)).gather(below(bits, len(choices)))


def _mix_number(number: int) -> int:
    number = (number + _GOLDEN) & _MASK
    number = ((number ^ (number >> 30)) * _FIRST) & _MASK
    number = ((number ^ (number >> 27)) * _SECOND) & _MASK
    return number ^ (number >> 31)
