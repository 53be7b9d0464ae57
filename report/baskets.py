"""What is bought together: of the pairs found in most baskets, those that are no coincidence."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from medallion.statements import Statements
from report import words
from report.nightly import NOT_THERE, as_of, built_for

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg2.extensions import connection

    from report.sales import Sales

_SQL = Statements(__file__)
_FREQUENT, _TOP = 100, 10
_NO_RELATION = Decimal(1)


@dataclass(frozen=True)
class Pair:
    """Two products in the same baskets, with the measures of `mart_basket_pairs`."""

    currency: str
    product_a: str
    product_b: str
    count: int
    basket_count: int
    support: Decimal
    a_to_b: Decimal
    b_to_a: Decimal
    lift: Decimal

    @property
    def rule(self) -> tuple[str, str, Decimal]:
        """The stronger direction: who buys the first also buys the second, in this share of baskets."""
        if self.b_to_a > self.a_to_b:
            return self.product_b, self.product_a, self.b_to_a
        return self.product_a, self.product_b, self.a_to_b


@dataclass(frozen=True)
class Baskets:
    """The most frequent pairs, with the last day that is counted; None where the table does not exist."""

    as_of: date | None = None
    pairs: tuple[Pair, ...] = ()


def read_baskets(conn: connection, sales: Sales) -> Baskets:
    """The most frequent pairs in each currency of the page."""
    last = built_for(conn, "mart_basket_pairs")
    if last is None:
        return Baskets()
    values = {"currencies": list(sales.currencies), "limit": _FREQUENT}
    return Baskets(last, tuple(Pair(*row) for row in _SQL.rows(conn, "pairs", values)))


def show_baskets(baskets: Baskets, sales: Sales, now: datetime) -> dict[str, Any]:
    """What the block about baskets shows: an answer, and a table for each currency with its pairs by lift."""
    if baskets.as_of is None:
        return {"empty": NOT_THERE, "as_of": ""}
    moment = as_of(baskets.as_of, now)
    if not baskets.pairs:
        return {"empty": "No two products were bought together often enough to say more.", "as_of": moment}
    tables = {of: _strongest(of, baskets) for of in sales.currencies}
    if not any(tables.values()):
        return {"empty": "No two products are bought together more often than by chance.", "as_of": moment}
    return {
        "empty": "",
        "as_of": moment,
        "answer": _answer(next(pairs[0] for pairs in tables.values() if pairs)),
        "frequent": _FREQUENT,
        "tables": [{"currency": of, "rows": [_row(one) for one in pairs]} for of, pairs in tables.items() if pairs],
    }


def _strongest(currency: str, baskets: Baskets) -> list[Pair]:
    """The pairs of a currency that are found together more often than by chance, the most so first."""
    own = [one for one in baskets.pairs if one.currency == currency and one.lift > _NO_RELATION]
    return sorted(own, key=lambda one: (-one.lift, -one.count, one.product_a, one.product_b))[:_TOP]


def _answer(pair: Pair) -> str:
    first, second, confidence = pair.rule
    text = f"{words.share(confidence)} of the baskets with {first} also hold {second}"
    return f"{text}: {_times(pair)} times the usual share."


def _row(pair: Pair) -> dict[str, str]:
    first, second, confidence = pair.rule
    return {
        "first": first,
        "second": second,
        "count": words.number(pair.count),
        "support": words.small_share(pair.support),
        "confidence": words.share(confidence),
        "lift": _times(pair),
    }


def _times(pair: Pair) -> str:
    return f"{pair.lift:,.1f}"
