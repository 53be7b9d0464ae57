"""What the nightly tables about customers must say, in plain Python from the sales themselves."""

from __future__ import annotations

import calendar
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from itertools import combinations
from math import ceil
from typing import Any

from tests.purchases import COSTS, Line, Sale

LAPSE = timedelta(days=90)
FIRST_DAY = date(2000, 1, 1)
YEAR = timedelta(days=365)
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Event:
    """The bought or the returned lines of a sale."""

    customer_id: int
    sold_at: datetime
    sale_id: int
    is_return: bool
    currency: str
    amount: Decimal
    margin: Decimal

    @property
    def day(self) -> date:
        """Day of the sale in UTC."""
        return self.sold_at.date()

    @property
    def month(self) -> int:
        """Month of the sale, counted from the year 0."""
        return month_of(max(self.day, FIRST_DAY))


def month_of(day: date) -> int:
    """A month as a number."""
    return day.year * 12 + day.month - 1


def first_day(month: int) -> date:
    """First day of a month that is a number."""
    return date(month // 12, month % 12 + 1, 1)


def is_over(month: int, as_of: date) -> bool:
    """Whether the last day of a month is not after this date."""
    first = first_day(month)
    return date(first.year, first.month, calendar.monthrange(first.year, first.month)[1]) <= as_of


def margin_of(sale: Sale, line: Line) -> Decimal:
    """Margin of a line; 0 if its cost is not known, or not in the currency of the sale."""
    cost = COSTS.get(line.product_id) if sale.currency == "EUR" else None
    return Decimal() if cost is None else line.net_amount - line.quantity * cost


def events_of(sales: Iterable[Sale], as_of: date) -> list[Event]:
    """Purchases and returns up to a date, in the order of each customer's life."""
    found = []
    for sale in sales:
        for is_return in (False, True):
            lines = [line for line in sale.lines if (line.quantity < 0) is is_return]
            if lines and sale.day <= as_of:
                amount = sum((line.net_amount for line in lines), Decimal())
                margin = sum((margin_of(sale, line) for line in lines), Decimal())
                where = (sale.customer_id, sale.sold_at, sale.sale_id, is_return, sale.currency)
                found.append(Event(*where, amount, margin))
    return sorted(found, key=lambda one: (one.customer_id, one.sold_at, one.sale_id, one.is_return))


def behavior(sales: Iterable[Sale], as_of: date) -> set[Row]:
    """Rows of `fct_customer_behavior` but changes: customer, type, day, sale, number, days since, currency, amounts."""
    rows: set[Row] = set()
    number, last = defaultdict[int, int](int), dict[int, date]()
    for one in events_of(sales, as_of):
        who, before = one.customer_id, last.get(one.customer_id)
        since = (one.day - before).days if before else None
        money = (one.currency, one.amount, one.margin)
        if one.is_return:
            rows.add((who, "return", one.day, one.sale_id, None, since, *money))
            continue
        number[who] += 1
        has_lapsed = before is not None and one.day > before + LAPSE
        if before and has_lapsed:
            rows.add((who, "lapse", before + LAPSE, None, None, LAPSE.days, None, None, None))
        kind = "first_purchase" if before is None else "win_back" if has_lapsed else "repeat_purchase"
        rows.add((who, kind, one.day, one.sale_id, number[who], since, *money))
        last[who] = one.day
    for who, day in last.items():
        if day + LAPSE <= as_of:
            rows.add((who, "lapse", day + LAPSE, None, None, LAPSE.days, None, None, None))
    return rows


@dataclass(frozen=True)
class Worth:
    """The figures of RFM of one customer in one currency."""

    recency: date
    frequency: int
    monetary: Decimal


def worths(sales: Iterable[Sale], as_of: date) -> dict[tuple[int, str], Worth]:
    """Figures of RFM of every customer and currency with a purchase."""
    groups = defaultdict[tuple[int, str], list[Event]](list)
    for one in events_of(sales, as_of):
        groups[one.customer_id, one.currency].append(one)
    found = {}
    for key, events in groups.items():
        year = [one for one in events if one.day > as_of - YEAR]
        bought = [one.day for one in events if not one.is_return]
        if bought:
            frequency = sum(not one.is_return for one in year)
            found[key] = Worth(max(bought), frequency, sum((one.amount for one in year), Decimal()))
    return found


def cut_points(sales: Iterable[Sale], night: date) -> dict[str, list[list[Any]]]:
    """Per currency the cut points of recency, frequency and monetary value as of a night."""
    found = {}
    all_worths = worths(sales, night)
    for currency in {currency for _, currency in all_worths}:
        active = [one for (_, of), one in all_worths.items() if of == currency and one.frequency]
        if active:
            columns = [sorted(getattr(one, name) for one in active) for name in ("recency", "frequency", "monetary")]
            found[currency] = [[values[ceil(len(values) * p / 5) - 1] for p in (1, 2, 3, 4)] for values in columns]
    return found


def score(value: Any, cuts: Sequence[Any]) -> int:
    """The middle of the scores that a value could have, rounded down."""
    could_have = [
        1 + place
        for place in range(5)
        if all(cut <= value for cut in cuts[:place]) and all(cut >= value for cut in cuts[place:])
    ]
    return (could_have[0] + could_have[-1]) // 2


def cohorts(sales: Iterable[Sale], as_of: date) -> set[Row]:
    """Rows of `mart_customer_cohorts`: cohort, month number, whether the month is over, customers, active customers."""
    months = defaultdict[int, set[int]](set)
    for one in events_of(sales, as_of):
        if not one.is_return:
            months[one.customer_id].add(one.month)
    members = defaultdict[int, list[set[int]]](list)
    for active in months.values():
        members[min(active)].append(active)
    return {
        (first_day(cohort), month - cohort, is_over(month, as_of), len(lives), sum(month in life for life in lives))
        for cohort, lives in members.items()
        for month in range(cohort, month_of(as_of) + 1)
    }


@dataclass(frozen=True)
class Life:
    """A customer's life in one currency: the month of the first purchase, and what each month brought."""

    cohort: int
    amounts: dict[int, Decimal]
    margins: dict[int, Decimal]
    purchases: dict[int, int]
    returns: dict[int, int]

    def brought(self, first: int, last: int) -> Decimal:
        """Margin of the months from the first to the last, both included."""
        return sum((margin for month, margin in self.margins.items() if first <= month <= last), Decimal())


def lives(sales: Iterable[Sale], as_of: date) -> dict[tuple[int, str], Life]:
    """The lives of all customers, per currency in which they bought."""
    groups = defaultdict[tuple[int, str], list[Event]](list)
    for one in events_of(sales, as_of):
        groups[one.customer_id, one.currency].append(one)
    found = {}
    for key, events in groups.items():
        if bought := [one.month for one in events if not one.is_return]:
            life = Life(min(bought), defaultdict(Decimal), defaultdict(Decimal), defaultdict(int), defaultdict(int))
            for one in events:
                month = max(one.month, life.cohort)
                life.amounts[month] += one.amount
                life.margins[month] += one.margin
                (life.returns if one.is_return else life.purchases)[month] += 1
            found[key] = life
    return found


def cohort_sales(sales: Iterable[Sale], as_of: date) -> set[Row]:
    """Rows of `mart_customer_cohort_sales`: cohort, month number, currency, customers, active, counts and amount."""
    groups = defaultdict[tuple[int, str], list[Life]](list)
    for (_, currency), life in lives(sales, as_of).items():
        groups[life.cohort, currency].append(life)
    return {
        (
            first_day(cohort),
            month - cohort,
            currency,
            len(members),
            sum(month in life.purchases for life in members),
            sum(life.purchases.get(month, 0) for life in members),
            sum(life.returns.get(month, 0) for life in members),
            sum((life.amounts.get(month, Decimal()) for life in members), Decimal()),
            sum((life.margins.get(month, Decimal()) for life in members), Decimal()),
        )
        for (cohort, currency), members in groups.items()
        for month in range(cohort, month_of(as_of) + 1)
    }


@dataclass(frozen=True)
class Method:
    """The settings of the forecast."""

    curve_customers: int = 30
    prior_customers: int = 50
    history_months: int = 6
    most_level: int = 3


def forecast(members: Sequence[Life], as_of: date, horizon: int, method: Method) -> dict[int, Fraction]:
    """Margin expected per customer of each cohort in the months after that of the date; empty: history too short."""
    now = month_of(as_of)
    complete = now if is_over(now, as_of) else now - 1
    curve = dict[int, tuple[int, Fraction]]()
    for number in range(complete + 1):
        old = [life for life in members if life.cohort + number <= complete]
        if not old:
            break
        brought = sum((life.brought(life.cohort + number, life.cohort + number) for life in old), Decimal())
        curve[number] = (len(old), Fraction(brought))
    months = {month for life in members for month in life.purchases if month <= complete}
    if len(months) < method.history_months:
        return {}
    end = max([n for n, (count, _) in curve.items() if count >= method.curve_customers and n > 2] or [max(curve)])
    last = [curve[n] for n in range(max(1, end - 2), end + 1)]
    tail = sum(amount for _, amount in last) / sum(count for count, _ in last)
    usual = [curve[n][1] / curve[n][0] if n <= end else tail for n in range(now + horizon + 1)]
    expected = {}
    for cohort in {life.cohort for life in members}:
        own = [life for life in members if life.cohort == cohort]
        so_far = sum(usual[: max(0, complete - cohort + 1)])
        known = Fraction(sum((life.brought(cohort, complete) for life in own), Decimal()))
        prior = method.prior_customers
        level = max(Fraction(), (known + prior * so_far) / (len(own) + prior) / so_far) if so_far > 0 else Fraction(1)
        level = min(Fraction(method.most_level), level)
        expected[cohort] = level * sum(usual[now - cohort + 1 : now - cohort + horizon + 1])
    return expected


def rounded(value: Fraction, places: str = "0.01") -> Decimal:
    """To the cent, halves away from zero."""
    return (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(places), ROUND_HALF_UP)


def basket_pairs(sales: Iterable[Sale], as_of: date, *, limit: int = 30, minimum: int = 5) -> set[Row]:
    """Rows of `mart_basket_pairs`: currency, both products, baskets with both, with each, all, and those left out."""
    baskets = defaultdict[str, list[set[int]]](list)
    for sale in sales:
        bought = {line.product_id for line in sale.lines if line.quantity >= 0}
        if bought and as_of - YEAR < sale.day <= as_of:
            baskets[sale.currency].append(bought)
    rows = set()
    for currency, found in baskets.items():
        small = [one for one in found if len(one) <= limit]
        for a, b in combinations(sorted(set().union(*small)), 2):
            both = sum(a in one and b in one for one in small)
            if both >= minimum:
                each = (sum(a in one for one in small), sum(b in one for one in small))
                rows.add((currency, a, b, both, *each, len(small), len(found) - len(small)))
    return rows
