"""Validation of records of a Bronze file: parsed, checked against their dataset, and accepted or refused.

msgspec parses lines by the thousand, strictly typed; only when it refuses such a piece are its lines parsed
one by one, to find the bad ones. Rules beyond the type run on entire columns. One parser and one set of rules
decide in both cases, so a bad record cannot slip through a quick path, and it does not slow the others much:
line by line takes less than twice as long (see benchmarks/). polars' own NDJSON reader is about as fast but
turns `12.5` and `{}` into text where a string belongs, and keeps the first of two equal keys.
"""

from __future__ import annotations

import gc
import re
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from loaders.quarantine import key_of
from loaders.shaping import RowRefused
from medallion.foreign_text import shown
from medallion.state.quarantine import Rejection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loaders.dataset import Dataset, Decoder
    from loaders.new_fields import FieldWatch
    from loaders.source_clock import Latest

_PIECE_BYTES = 500_000  # its objects stay in a processor's cache until they are columns: three quarters of the time
_LONGEST_REASON = 300  # characters: it may quote the record
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_PATH = re.compile(r"`\$\.([^`]+)`$")
_MISSING = re.compile(r"required field `([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A validated block of lines: `rows` has the dataset's columns, in its order; `rejections` the refused lines."""

    rows: pl.DataFrame
    rejections: list[Rejection]


@dataclass(frozen=True)
class _Broken:
    """The rule that a row breaks."""

    column: str
    reason: str
    is_ahead: bool = False


def parse_block(
    dataset: Dataset, block: bytes, first_line_no: int, latest: Latest | None = None, watch: FieldWatch | None = None
) -> Block:
    """Validate the lines of `block`, the first of which is line `first_line_no` of its file.

    `latest` bounds the versions of a dataset that has them, unless they are deliveries; without it they may lie in the
    future. `watch` notices members that are not declared.
    """
    rows, numbers, rejections = _parsed(dataset, block, first_line_no, watch)
    rows, refused = _check(dataset, rows)
    if latest is not None and dataset.version is not None and not dataset.is_delivered:
        refused = _refuse_ahead(rows[dataset.version], latest, numbers) | refused
    if refused:
        lines, numbered = _lines(block), list(chain.from_iterable(numbers))
        for index, broken in refused.items():
            number = numbered[index]
            raw = lines[number - first_line_no]
            rejections.append(Rejection(number, broken.reason, broken.column, raw, is_ahead=broken.is_ahead))
        rows = rows.filter(pl.Series([index not in refused for index in range(rows.height)], dtype=pl.Boolean))
    known = [replace(one, key=key_of(dataset, one.raw)) for one in rejections]
    return Block(rows, sorted(known, key=attrgetter("line_no")))


def _parsed(
    dataset: Dataset, block: bytes, line_no: int, watch: FieldWatch | None
) -> tuple[pl.DataFrame, list[Sequence[int]], list[Rejection]]:
    """Rows of the lines that parse, their line numbers piece by piece, and the rejections of the lines that do not."""
    decoder = dataset.decoder
    frames, rejections = [_columns(dataset, [])], list[Rejection]()
    numbers: list[Sequence[int]] = []
    with _no_collection():
        for piece in _pieces(block):
            numbers_here, records, rejections_here = _decode(decoder, piece, line_no, watch)
            line_no += len(records) + len(rejections_here)
            frames.append(_columns(dataset, records))
            numbers.append(numbers_here)
            rejections += rejections_here
    return pl.concat(frames, rechunk=True), numbers, rejections


def _pieces(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.find(b"\n", start + _PIECE_BYTES) + 1 or len(block)
        yield block[start:end]
        start = end


def _decode(
    decoder: Decoder, piece: bytes, first: int, watch: FieldWatch | None
) -> tuple[Sequence[int], list[Any], list[Rejection]]:
    """Line numbers and records of the lines that parse, and the rejections of those that do not."""
    try:
        records = (watch.decoder if watch else decoder).decode_lines(piece)
    except _UNREADABLE:
        return _decode_one_by_one(decoder, _lines(piece), first, watch)
    if len(records) != piece.count(b"\n") + (not piece.endswith(b"\n")):  # an empty line is not a record
        return _decode_one_by_one(decoder, _lines(piece), first, watch)
    return range(first, first + len(records)), records, []


def _lines(text: bytes) -> list[bytes]:
    return text.removesuffix(b"\n").split(b"\n")


def _decode_one_by_one(
    decoder: Decoder, lines: list[bytes], first: int, watch: FieldWatch | None
) -> tuple[list[int], list[Any], list[Rejection]]:
    numbers, records, rejections = [], [], []
    for number, line in enumerate(lines, first):
        try:
            records.append(_decode_watched(decoder, number, line, watch) if watch else decoder.decode(line))
        except _UNREADABLE as error:
            rejections.append(Rejection(number, shown(error, _LONGEST_REASON), _field_of(error), line))
        else:
            numbers.append(number)
    return numbers, records, rejections


def _decode_watched(decoder: Decoder, number: int, line: bytes, watch: FieldWatch) -> Any:
    """The record of a line. One that has new members is a record like any other."""
    with suppress(*_UNREADABLE):
        return watch.decoder.decode(line)
    watch.look(number, line)
    return decoder.decode(line)


def _field_of(error: Exception) -> str | None:
    if isinstance(error, RowRefused):
        return error.field
    match = _PATH.search(str(error)) or _MISSING.search(str(error))
    return match[1] if match else None


def _columns(dataset: Dataset, records: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            name: pl.Series(name, list(map(attrgetter(name), records)), dtype=kind.dtype)
            for name, kind in dataset.columns.items()
        }
    )


def _check(dataset: Dataset, rows: pl.DataFrame) -> tuple[pl.DataFrame, dict[int, _Broken]]:
    """The rows as they are copied, and the first broken rule of each bad row, by index."""
    refused: dict[int, _Broken] = {}
    for name, kind in dataset.columns.items():
        if kind.normalise is None:
            continue
        normal = kind.normalise(rows[name])
        if normal.null_count():
            for index in normal.is_null().arg_true():
                refused.setdefault(index, _Broken(name, f"{name}: {kind.rule}"))
        rows = rows.with_columns(normal)
    return rows, refused


def _refuse_ahead(versions: pl.Series, latest: Latest, numbers: list[Sequence[int]]) -> dict[int, _Broken]:
    """The rows, by index, whose version lies in the future, except those that a retry let in."""
    ahead = latest.ahead(versions)
    if not ahead:
        return {}
    numbered, name = list(chain.from_iterable(numbers)), versions.name
    return {
        index: _Broken(name, f"{name}: {versions[index]} is {latest.rule}", is_ahead=True)
        for index in ahead
        if numbered[index] not in latest.accepted
    }


@contextmanager
def _no_collection() -> Iterator[None]:
    """Suspend the cycle collector: parsing makes many objects but no cycles."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
