"""Alerts against planted events: what was found, what was missed, and what was false."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from quality.anomalies.panel import Slice

_ECHO = timedelta(hours=48)
_EARLY = timedelta(hours=2)


@dataclass(frozen=True)
class Alert:
    """What a detector reports. `found_at` is when it could first be seen."""

    of: Slice
    since: datetime
    until: datetime
    found_at: datetime


@dataclass(frozen=True)
class Event:
    """A planted anomaly. `sales` is what a point of it expects, `is_promised` whether it has to be found."""

    kind: str
    level: str
    member: str
    since: datetime
    until: datetime
    sales: float
    is_promised: bool


@dataclass(frozen=True)
class Score:
    """What a detector has found of the events of a seed."""

    promised: int
    found: int
    others: int
    others_found: int
    alerts: int
    true_alerts: int
    delays: tuple[float, ...]

    def __add__(self, other: Score) -> Score:
        return Score(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    def line(self, name: str, weeks: int) -> str:
        """One line of the table."""
        recall, power = self.found / max(self.promised, 1), self.others_found / max(self.others, 1)
        precision = self.true_alerts / max(self.alerts, 1)
        delay = f"{median(self.delays):.0f} h" if self.delays else "-"
        false = (self.alerts - self.true_alerts) / weeks
        return (
            f"{name:<18} precision {precision:5.2f} ({self.true_alerts}/{self.alerts})  recall {recall:5.2f} "
            f"({self.found}/{self.promised})  delay {delay:>5}  false a week {false:6.2f}  "
            f"others {power:.2f} ({self.others_found}/{self.others})"
        )


def scored(events: Sequence[Event], alerts: Sequence[Alert], since: datetime) -> Score:
    """Match alerts and events: see the module's first lines."""
    counted = [one for one in events if one.since >= since and one.sales > 0]
    hits = {n: [alert for alert in alerts if matches(alert, one)] for n, one in enumerate(counted)}
    promised = [n for n, one in enumerate(counted) if one.is_promised]
    others = [n for n, one in enumerate(counted) if not one.is_promised]
    true = [alert for alert in alerts if any(matches(alert, one) for one in events)]
    delays = [
        (min(alert.found_at for alert in hits[n]) - counted[n].since) / timedelta(hours=1) for n in promised if hits[n]
    ]
    return Score(
        len(promised),
        sum(bool(hits[n]) for n in promised),
        len(others),
        sum(bool(hits[n]) for n in others),
        len(alerts),
        len(true),
        tuple(max(delay, 0.0) for delay in delays),
    )


def matches(alert: Alert, event: Event) -> bool:
    """Whether an alert is about an event: some of the same sales, at the same time or as they come back."""
    is_same = (alert.of.level, alert.of.member) == (event.level, event.member)
    if not (is_same or "total" in (event.level, alert.of.level)):
        return False
    until = event.until + (_ECHO if is_same else _EARLY)
    return alert.since < until and alert.until > event.since - _EARLY
