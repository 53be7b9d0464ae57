"""The quarantine in `meta.rejected_record`: records that Silver has refused, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import connection

    from medallion.state.receipts import Receipt

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Rejection:
    """A record that Silver refused. `line_no` counts from 1 in its Bronze file; `raw` is that line.

    `key` is its natural key, as far as it can be read (`loaders.quarantine.key_of`). `is_ahead`: it was refused only
    for a version in the future.
    """

    line_no: int
    reason: str
    field: str | None
    raw: bytes
    key: list[int | None] | None = None
    is_ahead: bool = False


def reject_records(conn: connection, receipt: Receipt, rejections: Sequence[Rejection]) -> None:
    """Quarantine records, in the transaction that loads the rest of their file."""
    for rejection in rejections:
        _SQL.execute(conn, "reject_record", vars(rejection) | {"dataset": receipt.dataset, "path": receipt.path})
