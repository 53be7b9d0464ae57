"""Who the customers are: their RFM segments, and the margin they have generated and are expected to generate."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from medallion.metrics import metrics
from medallion.statements import Statements
from medallion.wording import counted
from report import words
from report.charts import bar_of
from report.nightly import NOT_THERE, as_of, built_for

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg2.extensions import connection

    from report.sales import Sales

_SQL = Statements(__file__)
# From the best to the worst, each with what its scores say (decision 0030).
_SEGMENTS = {
    "champions": ("Champions", "lately, often or for much"),
    "loyal": ("Loyal", "not long ago, a fair amount"),
    "promising": ("Promising", "lately, little so far"),
    "needs_attention": ("Needs attention", "some time ago, little"),
    "at_risk": ("At risk", "long ago, a fair amount"),
    "hibernating": ("Hibernating", "long ago, little"),
    "lost": ("Lost", "longest ago, little"),
}


@dataclass(frozen=True)
class Segment:
    """The customers of an RFM segment in one currency; `net_amount` is that of 365 days."""

    currency: str
    name: str
    customer_count: int
    deleted_count: int
    net_amount: Decimal


@dataclass(frozen=True)
class Worth:
    """The margin that the customers of a currency have generated, and that is expected of them; None: not known yet."""

    currency: str
    customer_count: int
    margin_amount: Decimal
    expected_amount: Decimal | None
    expected_from: date
    expected_until: date


@dataclass(frozen=True)
class Backtest:
    """What the method of `Worth` expected at an earlier date, and what came in the months after."""

    currency: str
    as_of_date: date
    month_count: int
    expected_amount: Decimal
    actual_amount: Decimal
    error_share: Decimal | None


@dataclass(frozen=True)
class Customers:
    """The figures about customers, each with the last day that it counts; None where its tables do not exist."""

    segments_as_of: date | None = None
    worths_as_of: date | None = None
    segments: tuple[Segment, ...] = ()
    worths: tuple[Worth, ...] = ()
    backtests: tuple[Backtest, ...] = ()


def read_customers(conn: connection, sales: Sales) -> Customers:
    """The figures about customers in the currencies of the page."""
    values = {"currencies": list(sales.currencies)}
    segments_as_of = built_for(conn, "rfm_segments")
    worths_as_of = built_for(conn, "lifetime_value_totals", "lifetime_value_backtest")
    return Customers(
        segments_as_of,
        worths_as_of,
        tuple(Segment(*row) for row in _SQL.rows(conn, "segments", values)) if segments_as_of else (),
        tuple(Worth(*row) for row in _SQL.rows(conn, "worths", values)) if worths_as_of else (),
        tuple(Backtest(*row) for row in _SQL.rows(conn, "backtests", values)) if worths_as_of else (),
    )


def show_customers(customers: Customers, sales: Sales, now: datetime) -> dict[str, Any]:
    """What the blocks about customers show."""
    return {"segments": _segments(customers, sales, now), "worth": _worth(customers, sales, now)}


def _segments(customers: Customers, sales: Sales, now: datetime) -> dict[str, Any]:
    if customers.segments_as_of is None:
        return {"empty": NOT_THERE, "as_of": ""}
    if not customers.segments:
        return {"empty": "No customer has bought yet.", "as_of": as_of(customers.segments_as_of, now)}
    deleted = sum(one.deleted_count for one in customers.segments)
    return {
        "empty": "",
        "as_of": as_of(customers.segments_as_of, now),
        "label": metrics()["net_revenue"].label,
        "deleted": f"Deleted at the source: {words.number(deleted)}." if deleted else "",
        "tables": _by_currency([_rows_of(of, customers.segments) for of in sales.currencies], sales),
    }


def _by_currency(found: list[Any], sales: Sales) -> list[dict[str, Any]]:
    """What there is for each currency, in the order of the page."""
    return [{"currency": of, "rows": one} for of, one in zip(sales.currencies, found, strict=True) if one]


def _rows_of(currency: str, segments: tuple[Segment, ...]) -> list[dict[str, Any]]:
    """The segments of a currency from the best to the worst, each with its share of all customers."""
    own = {one.name: one for one in segments if one.currency == currency}
    total = sum(one.customer_count for one in own.values())
    most = max((one.customer_count for one in own.values()), default=0)
    return [
        {
            "name": _SEGMENTS[name][0],
            "meaning": _SEGMENTS[name][1],
            "bar": bar_of(one.customer_count, most),
            "customers": words.number(one.customer_count),
            "share": words.share(Decimal(one.customer_count) / total),
            "amount": words.money(one.net_amount, currency),
        }
        for name in _SEGMENTS
        if (one := own.get(name))
    ]


def _worth(customers: Customers, sales: Sales, now: datetime) -> dict[str, Any]:
    if customers.worths_as_of is None:
        return {"empty": NOT_THERE, "as_of": ""}
    if not customers.worths:
        return {"empty": "No customer has bought yet.", "as_of": as_of(customers.worths_as_of, now)}
    tests = {one.currency: one for one in customers.backtests}
    worths = {one.currency: one for one in customers.worths}
    shown = [worths[of] for of in sales.currencies if of in worths]
    return {
        "empty": "",
        "as_of": as_of(customers.worths_as_of, now),
        "answers": [_said_of_worth(one, tests.get(one.currency)) for one in shown],
    }


def _said_of_worth(worth: Worth, test: Backtest | None) -> dict[str, str]:
    """Two sentences on the margin so far and the margin expected, and one on how wrong the method was."""
    label = metrics()["margin"].label.lower()
    so_far = f"{counted(worth.customer_count, 'customer')} generated a {label} of "
    so_far += f"{words.money(worth.margin_amount, worth.currency)} so far."
    if worth.expected_amount is None:
        return {"answer": so_far, "test": "Nothing is expected of them yet: the history is too short."}
    months = f"{words.month(worth.expected_from)} to {words.month(worth.expected_until)}"
    return {
        "answer": f"{so_far} {words.money(worth.expected_amount, worth.currency)} more is expected from {months}.",
        "test": _said_of_test(test) if test else "No backtest yet: the history is too short to look back.",
    }


def _said_of_test(test: Backtest) -> str:
    expected, actual = (words.money(one, test.currency) for one in (test.expected_amount, test.actual_amount))
    text = f"Backtest: from what was known on {words.full_day(test.as_of_date)}, the same method expected {expected} "
    text += f"of the {counted(test.month_count, 'month')} after; {actual} came"
    if test.error_share is None:
        return f"{text}."
    side = "too much" if test.error_share > 0 else "too little"
    return f"{text}: {words.share(abs(test.error_share))} {side}." if test.error_share else f"{text}, as expected."
