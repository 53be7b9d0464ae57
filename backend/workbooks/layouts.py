"""How each department lays a day out: its language, its headers, its way to write dates and amounts, its total."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from backend.workbooks.truth import Row, Value

Cell = str | int | Decimal | date | datetime | None


@dataclass(frozen=True)
class Layout:
    """A department's form.

    `headers`: by the platform's name of the column, in the order of the file. `amounts`: the columns of money, the
    decisive one last. `total`: the word of the last row, which sums `amounts`. `is_german`: dates and amounts are text.
    `renamed`: a column, and another header under which the department has sent it. `extra`: the header of a column that
    no reader knows.
    """

    sheet: str
    headers: dict[str, str]
    amounts: tuple[str, ...]
    moment: str
    renamed: tuple[str, str]
    extra: str
    word: str
    title: str | None = None
    total: str | None = None
    is_german: bool = False


@dataclass(frozen=True)
class Sheet:
    """The cells of a sheet, by what they are for. No list of it is changed: a fault makes another sheet."""

    name: str
    above: list[list[Cell]]
    headers: list[str]
    body: list[list[Cell]]
    total: list[Cell] | None = field(default=None)

    def lines(self) -> list[list[Cell]]:
        """All rows, from the first of the sheet."""
        return [*self.above, list(self.headers), *self.body, *([self.total] if self.total else [])]

    def row_number(self, index: int) -> int:
        """The number that Excel shows next to row `index` of the body."""
        return len(self.above) + 1 + index + 1

    def with_cell(self, index: int, column: int, value: Cell) -> Sheet:
        """The sheet with another value in a cell of the body."""
        body = [list(row) for row in self.body]
        body[index][column] = value
        return replace(self, body=body)


LAYOUTS = {
    "top_up": Layout(
        sheet="Recharges",
        headers={
            "top_up_id": "N° recharge",
            "member_id": "N° carte",
            "channel": "Canal",
            "topped_up_at": "Date et heure",
            "amount": "Montant",
            "currency": "Devise",
            "level": "Niveau",
        },
        amounts=("amount",),
        moment="topped_up_at",
        renamed=("member_id", "Numéro de carte"),
        extra="Commentaire",
        word="à vérifier",
    ),
    "pre_deduction": Layout(
        sheet="Spend",
        title="Stored value spent, before deductions",
        headers={
            "business_date": "Date",
            "channel": "Channel",
            "spend_count": "Transactions",
            "gross_amount": "Gross amount (EUR)",
        },
        amounts=("gross_amount",),
        moment="business_date",
        total="Total",
        renamed=("gross_amount", "Gross (EUR)"),
        extra="Comment",
        word="tbc",
    ),
    "post_deduction": Layout(
        sheet="Abzüge",
        headers={
            "business_date": "Datum",
            "channel": "Kanal",
            "refund_amount": "Erstattungen",
            "fee_amount": "Gebühren",
            "chargeback_amount": "Rückbuchungen",
            "net_amount": "Netto",
        },
        amounts=("refund_amount", "fee_amount", "chargeback_amount", "net_amount"),
        moment="business_date",
        total="Summe",
        is_german=True,
        renamed=("net_amount", "Nettobetrag"),
        extra="Bemerkung",
        word="folgt",
    ),
    "op_stats": Layout(
        sheet="Members",
        headers={
            "business_date": "Day",
            "member_id": "Member",
            "level": "Tier",
            "visits": "Visits",
            "purchases": "Purchases",
            "spent_amount": "Spent",
        },
        amounts=("spent_amount",),
        moment="business_date",
        renamed=("spent_amount", "Amount spent"),
        extra="Remark",
        word="see note",
    ),
}


def lay_out(layout: Layout, rows: list[Row]) -> Sheet:
    """The sheet of a day's rows as the department writes them."""
    return Sheet(
        name=layout.sheet,
        above=[[layout.title], []] if layout.title else [],
        headers=list(layout.headers.values()),
        body=[[cell(layout, row[column]) for column in layout.headers] for row in rows],
        total=_total(layout, rows),
    )


def cell(layout: Layout, value: Value) -> Cell:
    """What the department writes into the cell of a value."""
    if layout.is_german and isinstance(value, Decimal):
        return f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
    if layout.is_german and isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    return value


def summed(rows: list[Row], column: str) -> Decimal:
    """The sum of a column of money."""
    return sum((value for row in rows if isinstance(value := row[column], Decimal)), Decimal("0.00"))


def _total(layout: Layout, rows: list[Row]) -> list[Cell] | None:
    if layout.total is None:
        return None
    sums = [cell(layout, summed(rows, column)) if column in layout.amounts else None for column in layout.headers]
    return [layout.total, *sums[1:]]
