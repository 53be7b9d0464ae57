"""What the departments report agrees with itself over days and domains, and looks like people."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from backend.workbooks import history
from backend.workbooks.fault_kinds import DOMAINS
from backend.workbooks.local_time import PARIS, existing
from backend.workbooks.members import Members
from backend.workbooks.settings import WorkbookSettings
from backend.workbooks.truth import rows

START = date(2026, 1, 5)
SETTINGS = WorkbookSettings(seed=7, members=300, start=START)
DAYS = [START + timedelta(days=number) for number in range(120)]
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def all_rows(domain: str) -> list[dict[str, Any]]:
    return [row for day in DAYS for row in rows(SETTINGS, domain, day)]


def total(found: list[dict[str, Any]], column: str) -> Decimal:
    return sum((row[column] for row in found), Decimal(0))


def test_gross_of_a_day_is_what_its_members_spent() -> None:
    for day in DAYS:
        gross, members = rows(SETTINGS, "pre_deduction", day), rows(SETTINGS, "op_stats", day)
        assert total(gross, "gross_amount") == total(members, "spent_amount")
        assert total(gross, "spend_count") == total(members, "purchases")
    assert total(all_rows("pre_deduction"), "gross_amount") > 10_000


def test_net_is_gross_less_the_deductions_of_each_channel() -> None:
    gross, net = all_rows("pre_deduction"), all_rows("post_deduction")
    keys = ("business_date", "channel")
    assert [[row[key] for key in keys] for row in gross] == [[row[key] for key in keys] for row in net]
    for before, after in zip(gross, net, strict=True):
        deducted = after["refund_amount"] + after["fee_amount"] + after["chargeback_amount"]
        assert after["net_amount"] == before["gross_amount"] - deducted
        assert after["net_amount"] >= 0
    assert all(total(net, f"{kind}_amount") > 0 for kind in ("refund", "fee", "chargeback"))


def test_no_card_pays_with_more_than_was_loaded_on_it() -> None:
    balance: defaultdict[str, Decimal] = defaultdict(Decimal)
    for day in DAYS:
        for row in rows(SETTINGS, "top_up", day):
            balance[str(row["member_id"])] += Decimal(str(row["amount"]))
        for row in rows(SETTINGS, "op_stats", day):
            balance[str(row["member_id"])] -= Decimal(str(row["spent_amount"]))
        assert min(balance.values()) >= 0


def test_a_day_has_a_row_per_channel_and_per_active_member() -> None:
    for day in DAYS:
        assert [row["channel"] for row in rows(SETTINGS, "pre_deduction", day)] == ["app", "store", "web", "partner"]
        members = [row["member_id"] for row in rows(SETTINGS, "op_stats", day)]
        assert len(members) == len(set(members)) > 0
        assert {row["member_id"] for row in rows(SETTINGS, "top_up", day)} <= set(members)


def test_top_ups_are_known_by_card_and_number() -> None:
    found = all_rows("top_up")
    numbers: defaultdict[str, list[str]] = defaultdict(list)
    for row in found:
        member, number = row["top_up_id"].split("-")
        assert member == row["member_id"]
        assert len(member) == 7
        numbers[member].append(number)
    assert all(seen == [str(one) for one in range(1, len(seen) + 1)] for seen in numbers.values())
    assert all(row["amount"] > 0 and row["amount"].as_tuple().exponent == -2 for row in found)
    assert all(row["topped_up_at"].date() in DAYS for row in found)
    assert {row["currency"] for row in found} == {"EUR"}


def test_the_level_follows_what_was_topped_up_in_eight_weeks() -> None:
    loaded: defaultdict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for day in DAYS:
        for row in rows(SETTINGS, "top_up", day):
            loaded[str(row["member_id"])].append((day, Decimal(str(row["amount"]))))
        for row in rows(SETTINGS, "op_stats", day):
            since = day - timedelta(days=55)
            recent = sum(amount for at, amount in loaded[str(row["member_id"])] if at >= since)
            assert row["level"] == ("gold" if recent >= 400 else "silver" if recent >= 150 else "basic")


def test_levels_rise_and_fall() -> None:
    seen: defaultdict[str, list[int]] = defaultdict(list)
    for row in all_rows("op_stats"):
        seen[row["member_id"]].append(history.LEVELS.index(row["level"]))
    moves = Counter(after - before for levels in seen.values() for before, after in itertools.pairwise(levels))
    assert sum(count for move, count in moves.items() if move > 0) > 50
    assert sum(count for move, count in moves.items() if move < 0) > 20


def test_members_join_and_drop_off() -> None:
    first, last = (
        {row["member_id"] for day in days for row in rows(SETTINGS, "op_stats", day)}
        for days in (DAYS[:28], DAYS[-28:])
    )
    assert len(last - first) > 10
    assert len(first - last) > 10


def test_a_member_comes_from_joining_until_leaving_only() -> None:
    members = Members(SETTINGS)
    dates = members._all.select("member", "joined", "left")
    coming = [members.coming_on(day, number).with_columns(on=number) for number, day in enumerate(DAYS)]
    seen = pl.concat(coming).with_columns(pl.col("on").cast(pl.Int64)).join(dates, on="member")
    assert seen.filter((pl.col("on") < pl.col("joined")) | (pl.col("on") >= pl.col("left"))).is_empty()
    assert (
        seen.filter("is_new")
        .select("member", "on")
        .equals(
            dates.filter(pl.col("joined").is_between(0, len(DAYS) - 1))
            .select("member", on="joined")
            .sort("on", "member")
        )
    )


def test_some_top_up_once_and_some_again_and_again() -> None:
    counts = Counter(Counter(row["member_id"] for row in all_rows("top_up")).values())
    assert counts[1] > 20
    assert sum(members for number, members in counts.items() if number >= 5) > 20


def test_channels_differ_in_amounts() -> None:
    amounts: defaultdict[str, list[Decimal]] = defaultdict(list)
    for row in all_rows("top_up"):
        amounts[row["channel"]].append(row["amount"])
    assert statistics.mean(amounts["app"]) < statistics.mean(amounts["store"]) < statistics.mean(amounts["web"])
    assert amounts["partner"]


def test_the_phone_is_used_at_night_and_the_store_is_closed() -> None:
    hours: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in all_rows("top_up"):
        hours[row["channel"]][row["topped_up_at"].hour] += 1
    assert sum(hours["app"][hour] for hour in range(6)) > 0
    assert set(hours["store"]) <= set(range(8, 20))
    assert sum(hours["app"][hour] for hour in (18, 19, 20)) > sum(hours["app"][hour] for hour in (2, 3, 4))


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_day_is_the_same_whatever_was_asked_before(domain: str) -> None:
    late, early = DAYS[40], DAYS[3]
    history._history.cache_clear()
    asked_first = rows(SETTINGS, domain, late), rows(SETTINGS, domain, early)
    history._history.cache_clear()
    assert (rows(SETTINGS, domain, early), rows(SETTINGS, domain, late)) == (asked_first[1], asked_first[0])


def test_another_seed_gives_other_rows() -> None:
    other = WorkbookSettings(seed=8, members=300, start=START)
    assert all(rows(SETTINGS, domain, DAYS[9]) != rows(other, domain, DAYS[9]) for domain in DOMAINS)


local = datetime.fromisoformat


def is_shown(moment: datetime) -> bool:
    """Whether a clock in Paris shows this time at some moment."""
    there = moment.replace(tzinfo=PARIS)
    return there.astimezone(ZoneInfo("UTC")).astimezone(PARIS).replace(tzinfo=None) == moment


@pytest.mark.parametrize("day", [SPRING, AUTUMN, START])
def test_every_time_of_a_day_is_one_that_clocks_show(day: date) -> None:
    times = [existing(day, seconds) for seconds in range(0, 86_400, 60)]
    assert all(is_shown(time) and time.date() == day and time.tzinfo is None for time in times)
    assert len(set(times)) == (1_440 if day != SPRING else 1_380)


def test_the_hour_that_is_skipped_is_not_shown() -> None:
    assert not is_shown(local("2026-03-29T02:30"))
    assert existing(SPRING, 9_000) == local("2026-03-29T03:30")
    assert existing(AUTUMN, 9_000) == local("2026-10-25T02:30")
    assert existing(AUTUMN, 18_000) == local("2026-10-25T05:00")


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_no_top_up_happens_in_an_hour_that_is_skipped(day: date) -> None:
    many = WorkbookSettings(seed=3, members=20_000, start=day - timedelta(days=1))
    found = [row["topped_up_at"] for row in rows(many, "top_up", day)]
    assert all(isinstance(at, datetime) and is_shown(at) for at in found)
    at_two = [at for at in found if isinstance(at, datetime) and at.hour == 2]
    assert bool(at_two) == (day == AUTUMN)


def test_a_day_before_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match="before the first business date, 2026-01-05"):
        rows(SETTINGS, "top_up", date(2026, 1, 4))


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(ValueError, match="'sales' is no domain; there are top_up"):
        rows(SETTINGS, "sales", START)
