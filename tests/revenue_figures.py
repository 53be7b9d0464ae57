"""The forecast of revenue in plain Python, with exact fractions: what dbt/macros/revenue_forecast.sql has to give."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

Series = tuple[int, str]  # a store and a currency


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def black_friday(year: int) -> date:
    """The day after the fourth Thursday of November."""
    thursdays = [date(year, 11, day) for day in range(1, 31) if date(year, 11, day).isoweekday() == 4]
    return thursdays[3] + timedelta(days=1)


@dataclass(frozen=True)
class Shop:
    """What is known of the stores: country, and whether one is closed on a day."""

    country: Callable[[int], str]
    is_closed: Callable[[int, date], bool]
    holidays: Mapping[tuple[str, date], str] = field(default_factory=dict)

    def special(self, store: int, day: date) -> str | None:
        """The name of a day that is unlike others."""
        if name := self.holidays.get((self.country(store), day)):
            return name
        if (day.month, day.day) in ((12, 24), (12, 31)):
            return "Christmas Eve" if day.day == 24 else "New Year's Eve"
        return "Black Friday" if day == black_friday(day.year) else None


class Method:
    """The forecast as of a day. `sold`: amounts by store, currency and day, up to the business date."""

    def __init__(self, sold: Mapping[tuple[int, str, date], Fraction], shop: Shop, as_of: date) -> None:
        self.sold, self.shop, self.as_of = sold, shop, as_of
        first: dict[Series, date] = {}
        for store, currency, day in sold:
            if as_of - timedelta(days=83) <= day <= as_of:
                first[store, currency] = min(day, first.get((store, currency), day))
        self.first = first
        self.weights = self._weights()

    def of(self, series: Series, ahead: int) -> Fraction | None:
        """What is expected of a store on the day so many days ahead; None: the history is too short."""
        store, currency = series
        day = self.as_of + timedelta(days=ahead)
        if self.shop.is_closed(store, self.as_of):
            return Fraction(0)
        if (self.as_of - self.first[series]).days + 1 < 28:
            return None
        name = self.shop.special(store, day)
        effect = self._effect(self.shop.country(store), currency, name) if name else Fraction(1)
        weight = self.weights[series][day.isoweekday()]
        return self._level(series) * weight * self._movement(currency, ahead) * effect

    def _amount(self, series: Series, day: date) -> Fraction:
        return self.sold.get((*series, day), Fraction(0))

    def _known(self, series: Series) -> list[date]:
        span = (self.as_of - self.first[series]).days
        days = [self.as_of - timedelta(days=back) for back in range(span + 1)]
        return [day for day in days if self.shop.special(series[0], day) is None]

    def _weights(self) -> dict[Series, dict[int, Fraction]]:
        pooled: dict[tuple[str, int], list[Fraction]] = defaultdict(list)
        for series in self.first:
            for day in self._known(series):
                pooled[series[1], day.isoweekday()].append(self._amount(series, day))
        return {series: self._weights_of(series, pooled) for series in self.first}

    def _weights_of(self, series: Series, pooled: Mapping[tuple[str, int], list[Fraction]]) -> dict[int, Fraction]:
        usual = {n: _mean(pooled[series[1], n]) for n in range(1, 8) if (series[1], n) in pooled}
        whole = sum(usual.values(), Fraction(0))
        shape = {n: max(Fraction(0), 7 * one / whole) if whole > 0 else Fraction(1) for n, one in usual.items()}
        own: dict[int, list[date]] = defaultdict(list)
        for day in self._known(series):
            own[day.isoweekday()].append(day)
        average = _mean([_mean([self._amount(series, one) for one in days]) for days in own.values()])
        drawn = {}
        for n in range(1, 8):
            days, usual_weight = own.get(n, []), shape.get(n, Fraction(1))
            if len(days) >= 4 and not any((*series, one) in self.sold for one in days):
                drawn[n] = Fraction(0)
            elif days and average > 0:
                brought = sum((self._amount(series, one) for one in days), Fraction(0))
                drawn[n] = max(Fraction(0), brought + 4 * average * usual_weight) / (len(days) + 4) / average
            else:
                drawn[n] = usual_weight
        total = sum(drawn.values(), Fraction(0))
        return {n: 7 * one / total if total else Fraction(1) for n, one in drawn.items()}

    def _level(self, series: Series) -> Fraction:
        weeks: dict[int, list[date]] = defaultdict(list)
        for day in self._known(series):
            weeks[(self.as_of - day).days // 7].append(day)
        levels = []
        for number, days in weeks.items():
            weight = sum((self.weights[series][day.isoweekday()] for day in days), Fraction(0))
            if number < 4 and weight:
                levels.append(sum((self._amount(series, day) for day in days), Fraction(0)) / weight)
        if len(levels) > 2:
            return max(Fraction(0), (sum(levels) - max(levels) - min(levels)) / (len(levels) - 2))
        return max(Fraction(0), _mean(levels)) if levels else Fraction(0)

    def _movement(self, currency: str, ahead: int) -> Fraction:
        begun: dict[Series, date] = {}
        for store, of, day in self.sold:
            begun[store, of] = min(day, begun.get((store, of), day))
        old = [
            one
            for one in self.first
            if one[1] == currency
            and begun[one] <= self.as_of - timedelta(days=391)
            and not self.shop.is_closed(one[0], self.as_of)
        ]

        def rate(offsets: range) -> Fraction | None:
            amount = weight = Fraction(0)
            for series in old:
                for offset in offsets:
                    day = self.as_of + timedelta(days=offset - 364)
                    if self.shop.special(series[0], day) is None:
                        amount += self._amount(series, day)
                        weight += self.weights[series][day.isoweekday()]
            return amount / weight if weight else None

        before, around = rate(range(-27, 1)), rate(range(ahead - 3, ahead + 4))
        if not before or before <= 0 or around is None:
            return Fraction(1)
        ratio = min(Fraction(4), max(Fraction(1, 4), around / before))
        return 1 + (ratio - 1) * len(old) / (len(old) + 2)

    def _effect(self, country: str, currency: str, name: str) -> Fraction:
        by_day: dict[date, list[Fraction]] = defaultdict(list)
        for (store, of, day), amount in self.sold.items():
            if of == currency and self.shop.country(store) == country:
                by_day[day].append(amount)
        came = usual = stores = Fraction(0)
        day = min(by_day) - timedelta(days=14)
        while day <= self.as_of - timedelta(days=14):
            if self._is_named(country, day, name):
                near = [day + timedelta(days=n) for n in (-14, -7, 7, 14)]
                near = [one for one in near if one in by_day and not self._is_named(country, one)]
                if near and (mean := _mean([sum(by_day[one], Fraction(0)) for one in near])) > 0:
                    usual += mean
                    came += sum(by_day.get(day, []), Fraction(0))
                    stores += _mean([Fraction(len(by_day[one])) for one in near])
            day += timedelta(days=1)
        if not usual:
            return Fraction(1)
        return (1 + stores * min(Fraction(5), max(Fraction(0), came / usual))) / (1 + stores)

    def _is_named(self, country: str, day: date, name: str | None = None) -> bool:
        found = Shop(lambda _: country, lambda _, __: False, self.shop.holidays).special(0, day)
        return found is not None and name in (None, found)
