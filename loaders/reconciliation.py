"""What Bronze, Silver and Gold hold of a span of sales, and the record of what the source said to it.

The flow, which asks the source, is `ingestion.reconciliation`; here are its numbers and their place in `meta`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.statements import read_statements

if TYPE_CHECKING:
    from decimal import Decimal

    from psycopg2.extensions import connection

_SQL = read_statements("reconciliation")


@dataclass(frozen=True)
class Span:
    """Sales with ids above `after`, up to and including `up_to`."""

    after: int
    up_to: int

    @property
    def is_empty(self) -> bool:
        """Whether no id lies in it."""
        return self.up_to <= self.after


@dataclass(frozen=True)
class Totals:
    """Sales, their lines, and the net amount of those."""

    sales: int
    lines: int
    net_amount: Decimal


@dataclass(frozen=True)
class GoldTotals:
    """Lines and net amount in the fact, and those of Silver that the fact has taken."""

    lines: int
    net_amount: Decimal
    expected_lines: int
    expected_net_amount: Decimal

    @property
    def balances(self) -> bool:
        """Whether the fact holds what it has taken."""
        return (self.lines, self.net_amount) == (self.expected_lines, self.expected_net_amount)


@dataclass(frozen=True)
class SetAside:
    """Records in quarantine, as their lines stand in Bronze."""

    headers: tuple[bytes, ...]
    lines: tuple[bytes, ...]


@dataclass(frozen=True)
class Checked:
    """One check: the numbers of each layer, and the verdict."""

    span: Span
    source: Totals
    bronze: tuple[int, int]
    silver: Totals
    rejected: tuple[int, int]
    gold: GoldTotals
    status: str
    difference: str | None

    @property
    def may_stay(self) -> bool:
        """Whether it differs from the source alone, which somebody may accept. Our own layers must agree."""
        of_bronze = self.bronze[0] >= self.silver.sales and self.bronze[1] >= self.silver.lines
        return self.status == "DIFFERENT" and self.gold.balances and of_bronze


def span_to_check(conn: connection, *, whole: bool) -> Span:
    """What no check has found balanced yet; with `whole`, everything that is in Silver."""
    return Span(*_row(conn, "span_to_check", {"whole": whole}))


def silver_totals(conn: connection, span: Span) -> Totals:
    """What Silver holds of the span."""
    return Totals(*_row(conn, "silver_totals", vars(span)))


def bronze_counts(conn: connection, span: Span) -> tuple[int, int]:
    """Headers and lines in the files that cover the span."""
    sales, lines = _row(conn, "bronze_counts", vars(span))
    return sales, lines


def gold_totals(conn: connection, span: Span) -> GoldTotals:
    """What the fact holds of the span, and what it should."""
    return GoldTotals(*_row(conn, "gold_totals", vars(span)))


def sales_of_silver(conn: connection, span: Span) -> dict[int, tuple[int, Decimal]]:
    """Lines and net amount of each sale of the span."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["sales_of_silver"], vars(span))
        return {sale_id: (lines, net_amount) for sale_id, lines, net_amount in cursor.fetchall()}


def sales_that_differ_in_gold(conn: connection, span: Span) -> list[int]:
    """Sales of which the fact holds other lines or amounts than it has taken from Silver."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["sales_that_differ_in_gold"], vars(span))
        return [sale_id for (sale_id,) in cursor.fetchall()]


def set_aside(conn: connection) -> SetAside:
    """Sale records in quarantine."""
    with conn.cursor() as cursor:
        cursor.execute(_SQL["set_aside"])
        found = [(dataset, bytes(raw)) for dataset, raw in cursor.fetchall()]
    headers = dict.fromkeys(raw for dataset, raw in found if dataset == "sales_customer")
    lines = dict.fromkeys(raw for dataset, raw in found if dataset == "sales_product")
    return SetAside(tuple(headers), tuple(lines))


def add_reconciliation(conn: connection, run_id: str, checked: Checked) -> None:
    """Record a check: one row for the headers, one for the lines."""
    both = {
        "run_id": run_id,
        "after_id": checked.span.after,
        "up_to_id": checked.span.up_to,
        "status": checked.status,
        "difference": checked.difference,
    }
    headers = {
        "dataset": "sales_customer",
        "source_count": checked.source.sales,
        "silver_count": checked.silver.sales,
        **dict.fromkeys(("gold_count", "source_net_amount", "silver_net_amount", "gold_net_amount")),
    }
    lines = {
        "dataset": "sales_product",
        "source_count": checked.source.lines,
        "silver_count": checked.silver.lines,
        "gold_count": checked.gold.lines,
        "source_net_amount": checked.source.net_amount,
        "silver_net_amount": checked.silver.net_amount,
        "gold_net_amount": checked.gold.net_amount,
    }
    with conn.cursor() as cursor:
        for part, row in enumerate((headers, lines)):
            counts = {"bronze_count": checked.bronze[part], "rejected_count": checked.rejected[part]}
            cursor.execute(_SQL["add_reconciliation"], both | row | counts)


def is_unbalanced(conn: connection) -> bool:
    """Whether a difference was found that no later check has found gone, so that another check is due."""
    return bool(_row(conn, "has_open_difference", {})[0])


def is_unchecked(conn: connection) -> bool:
    """Whether Silver holds sales that no check has looked at: the one after their load did not get to its end."""
    (through,) = _row(conn, "looked_at_through", {})
    return span_to_check(conn, whole=False).up_to > int(through)


def was_accepted(conn: connection, difference: str) -> bool:
    """Whether somebody has said before that this very difference stays."""
    return bool(_row(conn, "was_accepted", {"difference": difference})[0])


def _row(conn: connection, statement: str, values: dict[str, Any]) -> tuple[Any, ...]:
    with conn.cursor() as cursor:
        cursor.execute(_SQL[statement], values)
        return cursor.fetchone() or ()
