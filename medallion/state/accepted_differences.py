"""Differences that an operator accepted: a record, and the figures of both sides at that moment.

A difference counts as accepted only while its figures are unchanged: with other figures it is another difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Figures:
    """One side's figures of a record: lines and net amount of a sale, and a checksum over all of it."""

    checksum: int
    lines: int = 0
    net_amount: Decimal = Decimal(0)


@dataclass(frozen=True)
class Difference:
    """A record that is not the same at the source and in Silver. A side without it is None."""

    entity: str
    record_id: int
    source: Figures | None
    silver: Figures | None


def accepted_among(conn: connection, differences: Sequence[Difference]) -> set[Difference]:
    """The differences, all of one entity, that were accepted with these figures."""
    if not differences:
        return set()
    values = {"entity": differences[0].entity, "ids": [one.record_id for one in differences]}
    found = _SQL.rows(conn, "accepted_figures", values)
    known = {(row[0], _figures(*row[1:4]), _figures(*row[4:7])) for row in found}
    return {one for one in differences if (one.record_id, one.source, one.silver) in known}


def accept_differences(
    conn: connection, differences: Iterable[Difference], *, run_id: str, note: str | None = None
) -> None:
    """Record differences as accepted."""
    for one in differences:
        values = {"entity": one.entity, "record_id": one.record_id, "run_id": run_id, "note": note}
        figures = _columns("source", one.source) | _columns("silver", one.silver)
        _SQL.execute(conn, "accept_difference", values | figures)


def _figures(lines: int | None, net_amount: Decimal | None, checksum: int | None) -> Figures | None:
    if lines is None or net_amount is None or checksum is None:
        return None
    return Figures(checksum, lines, net_amount)


def _columns(side: str, figures: Figures | None) -> dict[str, object]:
    names = ("lines", "net_amount", "checksum")
    return {f"{side}_{name}": None if figures is None else getattr(figures, name) for name in names}
