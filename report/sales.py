"""What the page shows of sales, read from the marts of Gold.

The page covers the last 28 full days, compares them with the 28 before, and each day with the same weekday a week
and a year (52 weeks) before. It reads only these periods. Days and hours are UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from medallion.metrics import value
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from psycopg2.extensions import connection

_SQL = Statements(__file__)
PERIOD = timedelta(days=28)
WEEK = timedelta(days=7)
YEAR = timedelta(days=364)  # the same weekday
_TOP = 10
_CURRENCIES = 4
_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Sold:
    """Sales of an hour, a day or a period. Amounts are in the currency of the page; a return counts negative.

    The fields are named like the measures of `dbt/models/metrics.yml`, from which `figure` works out every metric.
    """

    sale_count: int = 0
    return_count: int = 0
    quantity: int = 0
    net_amount: Decimal = _NOTHING
    returned_amount: Decimal = _NOTHING

    def __add__(self, other: Sold) -> Sold:
        """The sum of both."""
        return Sold(
            self.sale_count + other.sale_count,
            self.return_count + other.return_count,
            self.quantity + other.quantity,
            self.net_amount + other.net_amount,
            self.returned_amount + other.returned_amount,
        )

    def figure(self, metric: str) -> Decimal | None:
        """A metric of these sales; None where it divides by nothing."""
        return value(metric, vars(self))


@dataclass(frozen=True)
class RankedSales:
    """A product, category or channel: what it sold in the period and in the one before."""

    name: str
    note: str
    net_amount: Decimal
    net_before: Decimal
    returned_amount: Decimal


@dataclass(frozen=True)
class Sales:
    """All that the page shows of sales. `hours` holds each hour with sales of the periods it compares.

    `last_hour` is the last hour with sales, which may still be under way, and `last_sale_at` its last sale.
    `other_currencies` are amounts that no other figure contains.
    """

    currency: str
    first_hour: datetime
    last_hour: datetime
    last_sale_at: datetime
    hours: dict[datetime, Sold]
    products: tuple[RankedSales, ...] = ()
    categories: tuple[RankedSales, ...] = ()
    channels: tuple[RankedSales, ...] = ()
    other_currencies: dict[str, Decimal] = field(default_factory=dict)
    future_lines: int = 0

    @property
    def today(self) -> date:
        """The day of the last sale, which is not over yet."""
        return self.last_hour.date()

    @property
    def last_day(self) -> date:
        """The last day that is over; on the first day of a history, that day."""
        return max(self.today - timedelta(days=1), self.first_hour.date())

    @property
    def period(self) -> tuple[date, date]:
        """The first day of the period, and the day after its last."""
        until = self.last_day + timedelta(days=1)
        return until - PERIOD, until

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currency of the page and the largest others, for the blocks that have a table for each."""
        return (self.currency, *self.other_currencies)[:_CURRENCIES]

    def days(self) -> list[date]:
        """The full days of the period, oldest first."""
        first = max(self.today - PERIOD, self.first_hour.date())
        return [first + timedelta(days=n) for n in range((self.last_day - first).days + 1)]

    def of_day(self, day: date, before: time | None = None) -> Sold:
        """What was sold on a day, or on a day before a time of day."""
        hours = self._by_day.get(day, {})
        return sum((sold for hour, sold in hours.items() if before is None or hour.time() < before), Sold())

    def hours_of(self, day: date) -> list[tuple[int, Sold]]:
        """The hours of a day with sales, each with what was sold in it."""
        return [(hour.hour, sold) for hour, sold in self._by_day.get(day, {}).items()]

    def is_known(self, day: date) -> bool:
        """Whether the history goes back to this day."""
        return day >= self.first_hour.date()

    @cached_property
    def _by_day(self) -> dict[date, dict[datetime, Sold]]:
        found: dict[date, dict[datetime, Sold]] = {}
        for hour, sold in self.hours.items():
            found.setdefault(hour.date(), {})[hour] = sold
        return found


def read_sales(conn: connection, now: datetime) -> Sales | None:
    """Read what was sold up to `now`; None before Gold holds a sale. The transaction is the caller's."""
    if not _SQL.one(conn, "is_built")[0]:
        return None
    last_hour, future_lines = _SQL.one(conn, "last_hour", {"now": now})
    if last_hour is None:
        return None
    today = datetime.combine(last_hour.date(), time(), timezone.utc)
    (first_hour,) = _SQL.one(conn, "first_hour")
    # On the first day of a history there is no full day: the period is that day.
    until = today if first_hour < today else today + timedelta(days=1)
    period = {"since": until - PERIOD, "before": until - 2 * PERIOD, "until": until}
    currencies: dict[str, Decimal] = dict(_SQL.rows(conn, "currencies", {**period, "until": today + timedelta(days=1)}))
    currency = next(iter(currencies))
    values = {**period, "currency": currency, "limit": _TOP}
    return Sales(
        currency=currency,
        first_hour=first_hour,
        last_hour=last_hour,
        last_sale_at=_SQL.one(conn, "last_sale", {"hour": last_hour, "now": now})[0] or last_hour,
        hours=_hours(conn, values, today),
        products=_ranked(conn, "products", values),
        categories=_ranked(conn, "categories", values),
        channels=_ranked(conn, "channels", values),
        other_currencies={name: amount for name, amount in currencies.items() if name != currency},
        future_lines=future_lines,
    )


def why_no_sales(conn: connection, now: datetime) -> str:
    """Why `read_sales` has found none, in a sentence. The transaction is the caller's."""
    if not _SQL.one(conn, "is_fact_there")[0] or not _SQL.one(conn, "has_fact_sales")[0]:
        return "Gold holds no sale yet."
    future_lines = _SQL.one(conn, "last_hour", {"now": now})[1] if _SQL.one(conn, "is_built")[0] else 0
    if future_lines:
        return f"All that Gold holds is dated in the future: {counted(future_lines, 'line')}."
    return "Gold holds sales that its marts do not have yet: ./retail run builds them."


def _ranked(conn: connection, statement: str, values: dict[str, object]) -> tuple[RankedSales, ...]:
    """The rows of a ranking."""
    return tuple(RankedSales(*row) for row in _SQL.rows(conn, statement, values))


def _hours(conn: connection, values: dict[str, object], today: datetime) -> dict[datetime, Sold]:
    """Each hour of the period, of the week before it, and of the same days a year before."""
    end = today + timedelta(days=1)
    ranges = [(today - 2 * PERIOD, end), (today - YEAR - PERIOD, end - YEAR)]
    found = (
        row for since, until in ranges for row in _SQL.rows(conn, "hours", {**values, "since": since, "until": until})
    )
    return {hour: Sold(*figures) for hour, *figures in found}
