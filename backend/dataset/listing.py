"""A resource that is listed by `(updated_at, key)`, described by its fields alone: what the API needs to serve it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from backend.dataset import checksum, rendering

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

    from backend.dataset.rendering import Pieces

_JSON = {
    "number": rendering.number,
    "text": rendering.text,
    "word": rendering.word,
    "money": rendering.money,
    "flag": rendering.flag,
    "moment": rendering.moment,
}
_CHECKSUM = {
    "number": checksum.text,
    "text": checksum.text,
    "word": checksum.text,
    "money": checksum.money,
    "flag": checksum.flag,
    "moment": checksum.moment,
}


@dataclass(frozen=True)
class Listing:
    """`fields` maps each field, in the contract's order, to `number`, `text`, `word`, `money`, `flag` or `moment`.

    A `word` is a text without a character that JSON escapes.

    `at` gives the records as of a Unix second, ordered by `(updated_at, key)`: money in cents, moments in seconds.
    """

    key: str
    fields: Mapping[str, str]
    at: Callable[[int], pl.DataFrame]

    @property
    def members(self) -> Pieces:
        """The record as JSON."""
        return rendering.json_object({name: _JSON[kind](name) for name, kind in self.fields.items()})

    @property
    def checksum_fields(self) -> Sequence[Pieces]:
        """What the checksum of a record is made of."""
        return [_CHECKSUM[kind](name) for name, kind in self.fields.items()]
