"""Which stores sell: a ranking for each currency, with the change from the period before and from a year before."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from medallion.metrics import metrics
from medallion.statements import Statements
from medallion.wording import counted
from report import words
from report.charts import bar_of
from report.sales import PERIOD, YEAR

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from psycopg2.extensions import connection

    from report.sales import Sales

_SQL = Statements(__file__)
_TOP = 20
_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Store:
    """A store in one currency: what it sold in the period, in the one before, and in the same one a year before.

    `opened_on` is None where the source has not said it.
    """

    currency: str
    name: str
    city: str
    opened_on: date | None
    is_closed: bool
    net_amount: Decimal
    net_before: Decimal
    net_year_before: Decimal

    def is_newer_than(self, day: date) -> bool:
        """Whether it opened after that day, so that a period which begins there is not a whole one."""
        return self.opened_on is not None and self.opened_on > day


def read_stores(conn: connection, sales: Sales, now: datetime) -> tuple[Store, ...] | None:
    """The stores that sold in the periods of the page, the largest first; None before Gold has the table."""
    if not _SQL.one(conn, "is_built")[0]:
        return None
    since, until = sales.period
    values = {
        "now": now,
        "since": since,
        "before": since - PERIOD,
        "until": until,
        "year_since": since - YEAR,
        "year_until": until - YEAR,
        "currencies": list(sales.currencies),
    }
    return tuple(Store(*row) for row in _SQL.rows(conn, "stores", values))


def show_stores(stores: Sequence[Store] | None, sales: Sales) -> dict[str, Any]:
    """What the block about stores shows: an answer, and a table for each currency."""
    if not stores:
        why = "Not built yet: the next run builds it." if stores is None else "No store sold anything in the period."
        return {"empty": why, "answer": "", "tables": [], "label": ""}
    by_currency = {of: [one for one in stores if one.currency == of] for of in sales.currencies}
    return {
        "empty": "",
        "answer": _answer(by_currency[sales.currency], sales),
        "label": metrics()["net_revenue"].label,
        "has_year": sales.is_known(sales.days()[0] - YEAR),
        "tables": [_table(of, ranked, sales) for of, ranked in by_currency.items() if ranked],
    }


def _answer(stores: Sequence[Store], sales: Sales) -> str:
    """The largest store of the page's currency, and how many sold more than in the period before."""
    total = _total(stores)
    if not stores or total <= 0:
        return ""
    first = stores[0]
    text = f"{first.name} brings most: {words.share(first.net_amount / total)} of the revenue in {sales.currency}."
    old = [one for one in stores if one.net_before > 0 and not one.is_newer_than(sales.period[0] - PERIOD)]
    if not old or not sales.is_known(sales.days()[0] - PERIOD):
        return text
    more = sum(one.net_amount > one.net_before for one in old)
    return f"{text} {more} of {counted(len(old), 'store')} sold more than in the 28 days before."


def _table(currency: str, stores: Sequence[Store], sales: Sales) -> dict[str, Any]:
    total, most = _total(stores), max(one.net_amount for one in stores)
    rest = stores[_TOP:]
    return {
        "currency": currency,
        "rows": [_row(one, most, total, sales) for one in stores[:_TOP]],
        "rest": f"{counted(len(rest), 'more store')}: {words.money(_total(rest), currency)}" if rest else "",
    }


def _row(store: Store, most: Decimal, total: Decimal, sales: Sales) -> dict[str, Any]:
    return {
        "name": store.name,
        "city": "" if store.city in store.name else store.city,
        "mark": _mark(store, sales),
        "bar": bar_of(store.net_amount, most),
        "amount": words.money(store.net_amount, store.currency),
        "share": words.share(store.net_amount / total) if total > 0 else "–",
        "change": _change(store, store.net_before, sales.days()[0] - PERIOD, sales),
        "year": _change(store, store.net_year_before, sales.days()[0] - YEAR, sales),
    }


def _mark(store: Store, sales: Sales) -> str:
    """What a reader has to know of a store before comparing it."""
    if store.is_closed:
        return "closed"
    if store.opened_on and store.is_newer_than(sales.period[0] - PERIOD):
        return f"opened {words.short_day(store.opened_on)}"
    return ""


def _change(store: Store, before: Decimal, first: date, sales: Sales) -> str:
    """The change from a period that begins with `first`; empty where the history does not cover it."""
    if not sales.is_known(first):
        return ""
    return "new" if store.is_newer_than(first) else words.change(store.net_amount, before)


def _total(stores: Sequence[Store]) -> Decimal:
    return sum((one.net_amount for one in stores), _NOTHING)
