"""What comes next: the revenue that is expected of the next 28 days, and how wrong such an expectation was before."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from medallion.statements import Statements
from medallion.wording import counted
from report import words
from report.charts import Ahead, ahead_chart, bar_of
from report.nightly import NOT_THERE, as_of, built_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal

    from psycopg2.extensions import connection

    from report.sales import Sales

_SQL = Statements(__file__)
_MODELS = ("mart_revenue_forecast", "revenue_forecast_backtest", "revenue_forecast_days", "revenue_forecast_totals")
_TOP = 20
_WIDE, _NARROW = 1040, 342
_NARROW_DAYS = 42


@dataclass(frozen=True)
class Outlook:
    """The next 28 days of a store, or of all stores, in one currency, with the errors of the tests.

    `name` is None for all stores. Amounts are None where the history is too short, errors where nothing was tested.
    """

    currency: str
    name: str | None
    verdict: str
    unknown_stores: int
    expected: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    last_days: Decimal
    year_before: Decimal | None
    tests: int | None
    error: Decimal | None
    error_of_week: Decimal | None
    error_of_year: Decimal | None


@dataclass(frozen=True)
class ForecastDay:
    """A day of all stores in the page's currency: what it brought, or what it is expected to bring."""

    day: date
    actual: Decimal | None
    year_before: Decimal | None
    expected: Decimal | None
    lower: Decimal | None
    upper: Decimal | None


@dataclass(frozen=True)
class Forecast:
    """What the block shows, with the last day that is counted; None where a table does not exist."""

    as_of: date | None = None
    outlooks: tuple[Outlook, ...] = ()
    days: tuple[ForecastDay, ...] = ()


def read_forecast(conn: connection, sales: Sales) -> Forecast:
    """The forecast in the currencies of the page."""
    last = built_for(conn, *_MODELS)
    if last is None:
        return Forecast()
    outlooks = _SQL.rows(conn, "outlooks", {"currencies": list(sales.currencies)})
    days = _SQL.rows(conn, "days", {"currency": sales.currency})
    return Forecast(last, tuple(Outlook(*row) for row in outlooks), tuple(ForecastDay(*row) for row in days))


def show_forecast(forecast: Forecast, sales: Sales, now: datetime) -> dict[str, Any]:
    """What the block about the next 28 days shows: an answer, a chart, and a table for each currency."""
    if forecast.as_of is None:
        return {"empty": NOT_THERE, "as_of": ""}
    moment = as_of(forecast.as_of, now)
    total = next((one for one in forecast.outlooks if one.currency == sales.currency and one.name is None), None)
    if total is None or total.expected is None:
        return {"empty": "The history is too short: no store has sold for 28 days yet.", "as_of": moment}
    by_currency = {of: [one for one in forecast.outlooks if one.currency == of and one.name] for of in sales.currencies}
    axis = partial(words.axis_money, currency=sales.currency)
    ahead = [_ahead(one, sales.currency) for one in forecast.days]
    return {
        "empty": "",
        "as_of": moment,
        "answer": f"{_expected(total, total.expected)} {_errors(total)}",
        "wide": ahead_chart(ahead, _WIDE, 240, axis),
        "narrow": ahead_chart(ahead[-_NARROW_DAYS:], _NARROW, 200, axis),
        "has_band": any(one.lower is not None for one in forecast.days),
        "has_year": any(one.year_before is not None for one in forecast.days),
        "left_out": _left_out(total),
        "tables": [_table(of, ranked) for of, ranked in by_currency.items() if ranked],
    }


def _expected(total: Outlook, amount: Decimal) -> str:
    """What is expected, within which bounds, and what came a year before."""
    money = partial(words.money, currency=total.currency)
    text = f"The next 28 days are expected to bring {money(amount)}"
    if bounds := _between(total, " and "):
        text += f", between {bounds}"
    return f"{text}." if total.year_before is None else f"{text}; a year before: {money(total.year_before)}."


def _errors(total: Outlook) -> str:
    """How far off the method was, next to ways that anybody can repeat, whichever was better."""
    if total.tests is None or total.error is None:
        return "It could not be tested yet: the history is too short."
    text = f"In {f'the last {total.tests} tests' if total.tests > 1 else 'the one test so far'}"
    text += f" this method was off by {words.share(total.error)}"
    if total.error_of_week is not None:
        text += f", repeating last week's days by {words.share(total.error_of_week)}"
    if total.error_of_year is not None:
        text += f", repeating those of a year before by {words.share(total.error_of_year)}"
    return f"{text}."


def _left_out(total: Outlook) -> str:
    """Which stores are in no expectation."""
    if not total.unknown_stores:
        return ""
    stores = counted(total.unknown_stores, "store")
    return f"Not in it: {stores} that began to sell less than 28 days ago."


def _ahead(one: ForecastDay, currency: str) -> Ahead:
    money = partial(words.money, currency=currency)
    title = words.day(one.day)
    if one.actual is not None:
        title += f": {money(one.actual)}"
    elif one.expected is not None:
        title += f": {money(one.expected)} expected"
        if one.lower is not None and one.upper is not None:
            title += f", {money(one.lower)} to {money(one.upper)}"
    values = (one.actual, one.expected, one.lower, one.upper, one.year_before)
    return Ahead(words.day(one.day), title, *(None if value is None else float(value) for value in values))


def _table(currency: str, stores: Sequence[Outlook]) -> dict[str, Any]:
    most = max((one.expected or 0 for one in stores), default=0)
    rest = stores[_TOP:]
    return {
        "currency": currency,
        "rows": [_row(one, most) for one in stores[:_TOP]],
        "rest": f"{counted(len(rest), 'more store')} with less." if rest else "",
    }


def _row(store: Outlook, most: Decimal | int) -> dict[str, Any]:
    return {
        "name": store.name,
        "mark": "" if store.verdict == "expected" else store.verdict,
        "bar": bar_of(store.expected or 0, most),
        "amount": "–" if store.expected is None else words.money(store.expected, store.currency),
        "between": _between(store, " – ") if store.verdict == "expected" else "",
        "change": words.change(store.expected, store.last_days),
        "year": words.change(store.expected, store.year_before),
        "error": words.share(store.error),
        "naive": words.share(store.error_of_week),
    }


def _between(one: Outlook, joined_by: str) -> str:
    """The bounds of the 28 days; empty without an interval."""
    if one.lower is None or one.upper is None:
        return ""
    return joined_by.join(words.money(bound, one.currency) for bound in (one.lower, one.upper))
