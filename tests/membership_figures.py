"""What the tables of the membership hold, worked out in plain Python from the rows that the departments know.

Day by day and member by member, by the words of the descriptions: slow, and nothing like the SQL.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from backend.workbooks.settings import WorkbookSettings
from backend.workbooks.truth import Row, rows

PARIS = ZoneInfo("Europe/Paris")
LEVELS = ("basic", "silver", "gold")
CHANNELS = ("app", "store", "web", "partner")
DAYS = timedelta(days=28)  # of being active, and between two steps of the funnel
Values = tuple[Any, ...]


@dataclass(frozen=True)
class Known:
    """The rows of the four reports."""

    top_up: list[Row] = field(default_factory=list)
    pre_deduction: list[Row] = field(default_factory=list)
    post_deduction: list[Row] = field(default_factory=list)
    op_stats: list[Row] = field(default_factory=list)

    def without(self, domain: str, is_left_out: Callable[[Row], bool]) -> Known:
        """The same without some rows of a report."""
        return replace(self, **{domain: [row for row in getattr(self, domain) if not is_left_out(row)]})


@dataclass(frozen=True)
class TopUp:
    """A top-up, with its number in the life of the member."""

    row: Row
    at: datetime
    local: datetime
    number: int

    @property
    def day(self) -> date:
        return self.local.date()


def known(settings: WorkbookSettings, days: Iterable[date]) -> Known:
    """What the departments know of these days."""
    names = Known.__dataclass_fields__
    return Known(**{domain: [row for day in days for row in rows(settings, domain, day)] for domain in names})


def top_ups(known: Known) -> list[TopUp]:
    """All top-ups; those of a member in their order."""
    numbers: defaultdict[Any, int] = defaultdict(int)
    found = []
    for at, _, row in sorted((_utc(row["topped_up_at"]), str(row["top_up_id"]), row) for row in known.top_up):
        numbers[row["member_id"]] += 1
        found.append(TopUp(row, at, at.astimezone(PARIS), numbers[row["member_id"]]))
    return found


def level_days(known: Known) -> dict[str, dict[date, str]]:
    """The days on which each member was active, with the level of the evening."""
    days: defaultdict[str, dict[date, str]] = defaultdict(dict)
    for one in top_ups(known):
        days[str(one.row["member_id"])][one.day] = str(one.row["level"])
    for row in known.op_stats:
        days[str(row["member_id"])][row["business_date"]] = str(row["level"])  # type: ignore[index]
    return days


def newest_day(known: Known) -> date:
    return max(max(days) for days in level_days(known).values())


def fct_topup(known: Known) -> list[Values]:
    segments = ("night", "morning", "afternoon", "evening")
    return [
        (
            *(one.row[name] for name in ("top_up_id", "member_id", "channel")),
            one.at,
            one.day,
            one.local.hour,
            segments[one.local.hour // 6],
            *(one.row[name] for name in ("currency", "amount", "level")),
            one.number,
            one.number > 1,
        )
        for one in top_ups(known)
    ]


def fct_user_activity(known: Known) -> list[Values]:
    found, before = [], dict[Any, Row]()
    for row in sorted(known.op_stats, key=lambda one: str(one["business_date"])):
        last = before.get(row["member_id"])
        found.append((*_moved(row, last), row["visits"], row["purchases"], "EUR", row["spent_amount"]))
        before[row["member_id"]] = row
    return found


def _moved(row: Row, last: Row | None) -> Values:
    day, level = row["business_date"], str(row["level"])
    if last is None:
        return (day, row["member_id"], level, None, "first", None)
    step = LEVELS.index(level) - LEVELS.index(str(last["level"]))
    change = "same" if step == 0 else "upgrade" if step > 0 else "downgrade"
    return (day, row["member_id"], level, last["level"], change, (day - last["business_date"]).days)  # type: ignore[operator, union-attr]


def dim_users(known: Known) -> list[Values]:
    until, first = newest_day(known), {one.row["member_id"]: one.at for one in top_ups(known) if one.number == 1}
    return [
        (member, min(days), first.get(member), max(days), days[max(days)], until, gap.days, gap < DAYS)
        for member, days in level_days(known).items()
        for gap in [until - max(days)]
    ]


def dim_channels(known: Known) -> list[Values]:
    days: defaultdict[Any, list[Any]] = defaultdict(list)
    for one in top_ups(known):
        days[one.row["channel"]].append(one.day)
    for row in (*known.pre_deduction, *known.post_deduction):
        days[row["channel"]].append(row["business_date"])
    return [(channel, min(seen), max(seen)) for channel, seen in days.items()]


def mart_deductions(known: Known) -> list[Values]:
    pre = {(row["business_date"], row["channel"]): row for row in known.pre_deduction}
    post = {(row["business_date"], row["channel"]): row for row in known.post_deduction}
    return [(*key, "EUR", *_compared(pre.get(key), post.get(key))) for key in {*pre, *post}]


def _compared(pre: Row | None, post: Row | None) -> Values:
    before: Values = (pre["spend_count"], pre["gross_amount"]) if pre else (None, None)
    after: Any = [post[f"{name}_amount"] for name in ("refund", "fee", "chargeback", "net")] if post else [None] * 4
    named = sum(after[:3]) if post else None
    if not (pre and post):
        return ("pre_only" if pre else "post_only", *before, *after, None, named, None, None)
    gone = before[1] - after[3]
    return ("both", *before, *after, gone, named, gone - named, gone == named)


def mart_channel_effectiveness(known: Known) -> list[Values]:
    deducted = {row[:2]: row[5:10] for row in mart_deductions(known)}
    loaded: defaultdict[Any, list[TopUp]] = defaultdict(list)
    for one in top_ups(known):
        loaded[one.day, one.row["channel"]].append(one)
    found = []
    for key in {*deducted, *loaded}:
        ours = loaded[key]
        amount = sum((Decimal(str(one.row["amount"])) for one in ours), Decimal(0))
        repeats = sum(one.number > 1 for one in ours)
        figures = (len(ours), len({one.row["member_id"] for one in ours}), repeats, amount)
        money = deducted.get(key, (None,) * 5)
        means = (_ratio(amount, len(ours), 2), _ratio(repeats, len(ours)))
        found.append((*key, "EUR", *figures, *means, *money, _ratio(money[4], money[0])))
    return found


def mart_level_changes(known: Known) -> list[Values]:
    days, moves, found = level_days(known), fct_user_activity(known), []
    every, levels = (
        [day for own in days.values() for day in own],
        {one for own in days.values() for one in own.values()},
    )
    for number in range((max(every) - min(every)).days + 1):
        today = min(every) + timedelta(days=number)
        last = {member: max(seen) for member, own in days.items() if (seen := [day for day in own if day <= today])}
        for level in levels:
            ours = [today - day for member, day in last.items() if days[member][day] == level]
            moved = [row[4] for row in moves if row[0] == today and row[2] == level]
            counts = (len(moved), moved.count("upgrade"), moved.count("downgrade"))
            found.append((today, level, len(ours), sum(gap < DAYS for gap in ours), *counts, ours.count(DAYS)))
    return found


def mart_membership_retention(known: Known) -> list[Values]:
    newest, found = newest_day(known), []
    weeks = {member: {_monday(day) for day in own} for member, own in level_days(known).items()}
    complete = [week for week in sorted(set.union(*weeks.values())) if week + timedelta(days=6) <= newest]
    span = range((max(complete) - min(complete)).days // 7 + 1)
    every = [min(complete) + timedelta(weeks=number) for number in span]
    for cohort in every:
        ours = [own for own in weeks.values() if min(own) == cohort]
        for week in every:
            if ours and week >= cohort:
                active = sum(week in own for own in ours)
                number = (week - cohort).days // 7
                found.append((cohort, number, week, len(ours), active, _ratio(active, len(ours))))
    return found


def mart_topup_funnel(known: Known) -> list[Values]:
    until, days, lives = newest_day(known), level_days(known), defaultdict[Any, list[TopUp]](list)
    for one in top_ups(known):
        lives[one.row["member_id"]].append(one)
    channels = {life[0].row["channel"] for life in lives.values()}
    found = []
    for month in {day.replace(day=1) for own in days.values() for day in own}:
        seen = sum(
            any(day.replace(day=1) == month for day in own) and not (lives[member] and lives[member][0].day < month)
            for member, own in days.items()
        )
        for channel in channels if seen else ():
            ours = [
                life
                for life in lives.values()
                if life and life[0].row["channel"] == channel and life[0].day.replace(day=1) == month
            ]
            found.append((month, channel, seen, len(ours), _ratio(len(ours), seen), *_steps(ours, until)))
    return found


def _steps(lives: list[list[TopUp]], until: date) -> Values:
    """Due, open, made and the share of it, for the second and the third top-up."""
    found: list[Any] = []
    for number in (1, 2):
        due = [life for life in lives if life[number - 1].day + DAYS <= until]
        made = [life for life in due if len(life) > number and life[number].day <= life[number - 1].day + DAYS]
        found += [len(due), len(lives) - len(due), len(made), _ratio(len(made), len(due))]
        lives = made
    return tuple(found)


def _ratio(part: Any, whole: Any, places: int = 6) -> Decimal | None:
    if part is None or not whole:
        return None
    return (Decimal(part) / Decimal(whole)).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _utc(local: Any) -> datetime:
    moment: datetime = local.replace(tzinfo=PARIS).astimezone(timezone.utc)
    return moment
