"""What an episode comes to: figures over its whole time, money, and a sentence with what is below and next to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from medallion.metrics import metrics
from quality.anomalies.baseline import METHODS, cleaned, expected
from quality.anomalies.panel import STEP
from quality.anomalies.residuals import residuals
from quality.anomalies.store import Anomaly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.anomalies.episodes import Episode
    from quality.anomalies.findings import Past
    from quality.anomalies.kpis import Kpi
    from quality.anomalies.panel import Floats, Panel, Slice

_MOST_NAMED = 3  # slices of each level in a sentence
_DIGITS = Decimal("0.000001")


@dataclass(frozen=True)
class Described:
    """The figures of an episode. Sums over its points; for a ratio, the ratio of sums.

    `amount` is money, and `sales` how many orders that is worth: both negative where too little was sold.
    """

    seen: float
    hoped: float
    amount: float
    sales: float
    effect: float


@dataclass(frozen=True)
class Describer:
    """A panel with expectations for the time that is described, and the words for stores."""

    panel: Panel
    kpis: Mapping[str, Kpi]
    by_past: Mapping[str, Floats]
    names: Mapping[str, str]

    @classmethod
    def of(cls, panel: Panel, kpis: Sequence[Kpi], past: Past, since: int, names: Mapping[str, str]) -> Describer:
        """Expect every part from point `since` on."""
        method = METHODS[panel.grain]
        clean = panel.with_parts({name: cleaned(one, past.is_outlier, method) for name, one in panel.parts.items()})
        by_past = {name: expected(one, method, since) for name, one in clean.by_slice.items()}
        return cls(panel, {one.name: one for one in kpis}, by_past, names)

    def figures(self, episode: Episode) -> Described | None:
        """The figures of an episode; None where nothing was expected of it."""
        kpi, at = self.kpis[episode.metric], self._points(episode)
        row = self.panel.slices.index(episode.of)
        found = residuals(self.panel, self.by_past, kpi, 1)
        is_known = np.isfinite(found.hoped[row, at])
        seen, hoped = (float(one[row, at][is_known].sum()) for one in (found.seen, found.hoped))
        if hoped <= 0:
            return None
        price = self._price(row, at)
        amount = (seen - hoped) * (price if kpi.part == "orders" else 1.0)
        if kpi.whole:
            whole = float(self.panel.by_slice[kpi.whole][row, at][is_known].sum())
            seen, hoped = (seen / whole, hoped / whole) if whole else (0.0, hoped)
        return Described(seen, hoped, amount, amount / price if price else 0.0, seen / hoped - 1)

    def anomaly(self, episode: Episode, figures: Described, status: str, because: str | None, run_id: str) -> Anomaly:
        """The row of an episode."""
        return Anomaly(
            currency=episode.of.currency,
            level=episode.of.level,
            member=episode.of.member,
            direction="above" if episode.direction > 0 else "below",
            started_at=episode.since,
            ended_at=episode.until,
            status=status,
            grain=episode.grain,
            metric=episode.metric,
            other_metrics=", ".join(sorted(episode.metrics - {episode.metric})),
            observed=_decimal(figures.seen),
            expected=_decimal(figures.hoped),
            lower_bound=_decimal(figures.hoped / episode.reach),
            upper_bound=_decimal(figures.hoped * episode.reach),
            effect=_decimal(figures.effect),
            amount=_decimal(figures.amount).quantize(Decimal("0.01")),
            score=_decimal(episode.score),
            explanation=self.sentence(episode, figures),
            suppressed_because=because,
            run_id=run_id,
        )

    def sentence(self, episode: Episode, figures: Described) -> str:
        """What happened, to what, when, by how much, and what it is not."""
        kpi, unit = self.kpis[episode.metric], metrics()[episode.metric].unit
        way = "above" if episode.direction > 0 else "below"
        money = f"{episode.of.currency} {abs(figures.amount):,.0f} {'more' if figures.amount > 0 else 'less'}"
        band = f"{_said(figures.hoped / episode.reach, unit)} to {_said(figures.hoped * episode.reach, unit)}"
        return (
            f"{kpi.label} of {self.name(episode.of)}: {abs(figures.effect):.0%} {way} what was expected, "
            f"{_said(figures.seen, unit)} instead of {_said(figures.hoped, unit)} ({band} would be usual), "
            f"{_time(episode)}. About {money}. {self._around(episode, abs(figures.effect))}"
        )

    def name(self, of: Slice) -> str:
        """A slice in words."""
        if of.level == "store":
            known = self.names.get(of.member)
            return f"store {of.member} ({known})" if known else f"store {of.member}"
        return f"all sales in {of.currency}" if of.level == "total" else f"{of.level} {of.member} ({of.currency})"

    def _around(self, episode: Episode, effect: float) -> str:
        """Of a total, what is below it; of a slice, how many of its neighbors are half as far off or more."""
        off = {of: one * episode.direction for of, one in self._effects(episode).items()}
        if episode.of.level == "total":
            parts = (self._largest(off, level, episode.direction) for level in ("channel", "store"))
            return f"Most of all: {'; '.join(filter(None, parts))}."
        others = [one for of, one in off.items() if of.level == episode.of.level and of != episode.of]
        if not others:
            return "It has no neighbor."
        count = sum(one >= effect / 2 for one in others)
        return f"Of the {len(others)} others of its kind, {count or 'none'} {'are' if count > 1 else 'is'} off with it."

    def _largest(self, off: Mapping[Slice, float], level: str, direction: int) -> str:
        """The slices of a level that are farthest off in the direction, each with its effect."""
        ranked = sorted(((effect, of) for of, effect in off.items() if of.level == level), reverse=True)
        return ", ".join(f"{self.name(of)} {effect * direction:+.0%}" for effect, of in ranked[:_MOST_NAMED])

    def _effects(self, episode: Episode) -> dict[Slice, float]:
        """How far each slice of the currency is off its own past in that time."""
        kpi, at = self.kpis[episode.metric], self._points(episode)

        def share(part: str) -> Floats:
            with np.errstate(divide="ignore", invalid="ignore"):
                found: Floats = self.panel.by_slice[part][:, at].sum(axis=1) / self.by_past[part][:, at].sum(axis=1)
            return found

        effects = share(kpi.part) / (share(kpi.whole) if kpi.whole else 1.0) - 1
        of_currency = (row for row, of in enumerate(self.panel.slices) if of.currency == episode.of.currency)
        return {self.panel.slices[row]: float(effects[row]) for row in of_currency if np.isfinite(effects[row])}

    def _points(self, episode: Episode) -> slice:
        step = STEP[self.panel.grain]
        last = (episode.until - self.panel.begins - timedelta(microseconds=1)) // step
        return slice(max(0, (episode.since - self.panel.begins) // step), last + 1)

    def _price(self, row: int, at: slice) -> float:
        """What one order, or line, is expected to be worth."""
        counts = self.panel.counts
        orders, revenue = (float(np.nansum(self.by_past[name][row, at])) for name in (counts, "sold_revenue"))
        return revenue / orders if orders > 0 else 0.0


def _decimal(value: float) -> Decimal:
    return Decimal(str(value)).quantize(_DIGITS)


def _said(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "share" else f"{value:,.2f}" if unit == "ratio" else f"{value:,.0f}"


def _time(episode: Episode) -> str:
    since, until = episode.since, episode.until
    if episode.grain == "day" and since.hour == until.hour == 0:
        last = until - timedelta(days=1)
        return f"on {since:%Y-%m-%d}" if since.date() == last.date() else f"from {since:%Y-%m-%d} to {last:%Y-%m-%d}"
    if since.date() == until.date():
        return f"on {since:%Y-%m-%d} from {since:%H:%M} to {until:%H:%M} UTC"
    return f"from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
