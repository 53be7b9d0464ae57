"""Two sets of rows, cell by cell."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboards.checking.reading import Key, Rows, Value

# Why a chart has no cells, in its note.
NO_ROWS, NO_REFERENCE = "no rows", "no reference"
Status = Literal["match", "mismatch", "missing_in_ref", "missing_in_superset", "stale"]


@dataclass(frozen=True)
class Cell:
    """One figure of one row, in Superset and in what it is compared with."""

    key: Key
    figure: str
    superset: Value
    reference: Value
    status: Status

    @property
    def delta(self) -> Decimal | None:
        """Superset less the reference, where both are numbers."""
        both = (self.superset, self.reference)
        return both[0] - both[1] if isinstance(both[0], Decimal) and isinstance(both[1], Decimal) else None


def compare(shown: Rows, reference: Rows, figures: Sequence[str], limit: int | None) -> list[Cell]:
    """Every cell of both. `limit`: the most rows that are shown, the largest of the first figure.

    Rows of the reference that a limit may leave out aren't cells: those that are not larger than the smallest shown.
    """
    cells = []
    for key in sorted({*shown} | {*_expected(shown, reference, figures[:1], limit)}):
        here, there = shown.get(key), reference.get(key)
        for figure in figures or ("",):
            one, other = (rows.get(figure) if rows else None for rows in (here, there))
            cells.append(Cell(key, figure, one, other, _status(here is None, there is None, one, other)))
    return cells


def _expected(shown: Rows, reference: Rows, first: Sequence[str], limit: int | None) -> list[Key]:
    """The keys of the reference that have to be shown."""
    if limit is None or len(reference) <= limit or len(shown) < limit:
        return list(reference)
    values = [value for row in shown.values() for name in first if isinstance(value := row[name], Decimal)]
    least = min(values, default=None)

    def is_larger(value: Value) -> bool:
        return least is not None and isinstance(value, Decimal) and value > least

    return [key for key, row in reference.items() if key in shown or any(is_larger(row[name]) for name in first)]


def _status(is_new: bool, is_gone: bool, one: Value, other: Value) -> Status:  # noqa: FBT001
    if is_new:
        return "missing_in_superset"
    if is_gone:
        return "missing_in_ref"
    return "match" if one == other else "mismatch"
