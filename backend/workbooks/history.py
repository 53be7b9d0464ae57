"""What the cards have paid for, day by day: balances and levels carry over, so each day follows from the one before.

The days from the start are walked once in a process and kept; a day asked for later continues the walk.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache

from backend.workbooks.choices import affordable, top_up, wishes
from backend.workbooks.local_time import top_up_time
from backend.workbooks.members import CHANNELS, Members
from backend.workbooks.settings import WorkbookSettings

LEVELS = ("basic", "silver", "gold")
_LEVEL_DAYS = 56  # what was topped up within them decides the level
_SILVER, _GOLD = 150_00, 400_00
_WORTH_A_VISIT = 5_00  # cents: with less on it a card that is loaded once is forgotten


@dataclass(frozen=True)
class TopUp:
    """Money loaded on a card, in cents. `number` counts the member's top-ups, `level` is the one after it."""

    member: int
    number: int
    channel: str
    at: datetime
    cents: int
    level: str


@dataclass(frozen=True)
class Activity:
    """What a member did on a day, cents spent included; `level` is that of the evening."""

    member: int
    level: str
    visits: int
    purchases: int
    cents: int


@dataclass(frozen=True)
class BusinessDay:
    """Everything of one day. `spends`: number of purchases and cents by channel."""

    top_ups: tuple[TopUp, ...]
    activities: tuple[Activity, ...]
    spends: dict[str, tuple[int, int]]


@dataclass
class _Card:
    """What a member's card carries over from day to day."""

    cents: int = 0
    count: int = 0
    recent: deque[tuple[int, int]] = field(default_factory=deque)  # days and cents of the top-ups that count

    def level(self, number: int) -> str:
        while self.recent and self.recent[0][0] <= number - _LEVEL_DAYS:
            self.recent.popleft()
        cents = sum(cents for _, cents in self.recent)
        return LEVELS[(cents >= _SILVER) + (cents >= _GOLD)]


class History:
    """The business days from the start of a data set."""

    def __init__(self, settings: WorkbookSettings) -> None:
        self._settings = settings
        self._members = Members(settings)
        self._cards: defaultdict[int, _Card] = defaultdict(_Card)
        self._days: list[BusinessDay] = []

    def on(self, day: date) -> BusinessDay:
        """The business of a day. Raises ValueError for a day before the start."""
        number = self._settings.day_number(day)
        while len(self._days) <= number:
            self._days.append(self._next(self._settings.start + timedelta(days=len(self._days)), len(self._days)))
        return self._days[number]

    def _next(self, day: date, number: int) -> BusinessDay:
        top_ups: list[TopUp] = []
        activities: list[Activity] = []
        spends = dict.fromkeys(CHANNELS, (0, 0))
        for member, home, is_once, is_new, intent, spending, loading in self._members.coming_on(day, number).rows():
            card = self._cards[member]
            is_spent_gift = is_once and card.count and card.cents < _WORTH_A_VISIT
            if is_spent_gift:
                continue
            visits, baskets = wishes(intent, spending, home)
            short = sum(cents for _, cents in baskets) - card.cents
            if (short > 0 or is_new) and not (is_once and card.count):
                top_ups.append(_load(card, member, day, number, top_up(loading, home, short)))
            for channel, cents in (paid := affordable(baskets, card.cents)):
                card.cents -= cents
                spends[channel] = (spends[channel][0] + 1, spends[channel][1] + cents)
            total = sum(cents for _, cents in paid)
            activities.append(Activity(member, card.level(number), visits, len(paid), total))
        return BusinessDay(tuple(sorted(top_ups, key=lambda one: (one.at, one.member))), tuple(activities), spends)


@lru_cache(maxsize=4)
def _history(seed: int, members: int, start: date) -> History:
    return History(WorkbookSettings(seed=seed, members=members, start=start))


def business_day(settings: WorkbookSettings, day: date) -> BusinessDay:
    """The business of a day, whatever faults its files have. Raises ValueError for a day before the start."""
    return _history(settings.seed, settings.members, settings.start).on(day)


def _load(card: _Card, member: int, day: date, number: int, chosen: tuple[str, int, int]) -> TopUp:
    channel, cents, bits = chosen
    card.cents += cents
    card.count += 1
    card.recent.append((number, cents))
    return TopUp(member, card.count, channel, top_up_time(day, channel, bits), cents, card.level(number))
