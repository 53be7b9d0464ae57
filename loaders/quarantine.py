"""The keys of quarantined records, and their resolution: by a correction in a later file, or by a retry.

A source that corrects a record sends it again. The quarantined record is then RESOLVED by the load that took the
correction, in the same transaction. A sale lands complete in one file, so a sale that is sent again has all its lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.state.receipts import Receipt

_SQL = Statements(__file__)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def key_of(dataset: Dataset, line: bytes) -> list[int | None] | None:
    """Natural key of a refused line, None for each part that cannot be read; None when it is not a JSON object."""
    try:
        members = _members(dataset.key).decode(line)
    except _UNREADABLE:
        return None
    return [_number(dataset.columns[name].json, getattr(members, name)) for name in dataset.key]


@cache
def _members(names: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    fields: list[Any] = [(name, msgspec.Raw, msgspec.Raw(b"null")) for name in names]
    return msgspec.json.Decoder(msgspec.defstruct("Key", fields, gc=False))


def _number(kind: Any, text: msgspec.Raw) -> int | None:
    try:
        found = msgspec.json.decode(text, type=kind)
    except _UNREADABLE:
        return None
    return found if isinstance(found, int) else None


def accepted_lines(conn: connection, path: str) -> frozenset[int]:
    """Numbers of the lines of a file that a retry has let in, although they were dated in the future."""
    return frozenset(number for (number,) in _SQL.rows(conn, "accepted_lines", {"path": path}))


@dataclass
class Corrections:
    """Finds the open records of earlier files that the blocks of one file correct.

    While nothing is open, it costs one lookup in an empty index per block.
    """

    dataset: Dataset
    receipt: Receipt
    exact: list[int] = field(default_factory=list)
    same_sale: list[int] = field(default_factory=list)

    def look(self, conn: connection, keys: pl.DataFrame) -> None:
        """Remember the open records that the rows with these keys correct."""
        if keys.is_empty() or self.dataset.is_delivered:  # a file is corrected as a whole (`loaders.superseding`)
            return
        first = keys.to_series(0)
        values = {"dataset": self.dataset.name, "least": first.min(), "greatest": first.max()}
        values |= {"load_id": self.receipt.load_id, "part": self.receipt.part}
        if waiting := _SQL.rows(conn, "open_between", values):
            self._match(waiting, keys)

    def settle(self, conn: connection, load_id: int) -> None:
        """Mark them RESOLVED by this load, in its transaction, after its last block."""
        if not (self.exact or self.same_sale):
            return
        values = {"exact": self.exact, "same_sale": self.same_sale, "load_id": load_id, "path": self.receipt.path}
        _SQL.execute(conn, "settle_superseded", values)

    def _match(self, waiting: Sequence[tuple[Any, ...]], keys: pl.DataFrame) -> None:
        wanted = {key[0] for _, key in waiting}
        arrived = set(keys.filter(keys.to_series(0).is_in(list(wanted))).iter_rows())
        sales = {key[0] for key in arrived}
        self.exact += [number for number, key in waiting if tuple(key) in arrived]
        self.same_sale += [number for number, key in waiting if tuple(key) not in arrived and key[0] in sales]
