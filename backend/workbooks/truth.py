"""What each department reports of a day, as plain values: the ledger that files and loaders are checked against."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import polars as pl

from backend.dataset.random_draws import draw
from backend.workbooks.fault_kinds import DOMAINS
from backend.workbooks.history import BusinessDay, business_day
from backend.workbooks.members import CHANNELS

if TYPE_CHECKING:
    from backend.workbooks.settings import WorkbookSettings

Value = str | int | Decimal | date | datetime
Row = dict[str, Value]

_FEES = {"app": 12, "store": 8, "web": 18, "partner": 45}  # per mille of the gross amount
_REFUNDS = 35  # per mille of the gross amount, at most
_CHARGEBACKS = 15  # same, on one day out of _CHARGEBACK_EVERY
_CHARGEBACK_EVERY = 6


def rows(settings: WorkbookSettings, domain: str, day: date) -> list[Row]:
    """The rows that a department reports of a day, by the platform's names of the columns; no fault touches them.

    Amounts are decimals with two places, in euros. `topped_up_at` is local time (Europe/Paris) without an offset.
    Raises ValueError for a domain that there is not, or a day before the start.
    """
    if domain not in DOMAINS:
        raise ValueError(f"{domain!r} is no domain; there are {', '.join(DOMAINS)}")
    business = business_day(settings, day)
    if domain == "top_up":
        return _top_ups(business)
    if domain == "op_stats":
        return _activities(business, day)
    return _gross(business, day) if domain == "pre_deduction" else _net(business, day, settings.seed)


def member_id(number: int) -> str:
    """A member's number as the card shows it."""
    return f"{number:07}"


def _top_ups(business: BusinessDay) -> list[Row]:
    return [
        {
            "top_up_id": f"{member_id(one.member)}-{one.number}",
            "member_id": member_id(one.member),
            "channel": one.channel,
            "topped_up_at": one.at,
            "amount": _euros(one.cents),
            "currency": "EUR",
            "level": one.level,
        }
        for one in business.top_ups
    ]


def _activities(business: BusinessDay, day: date) -> list[Row]:
    return [
        {
            "business_date": day,
            "member_id": member_id(one.member),
            "level": one.level,
            "visits": one.visits,
            "purchases": one.purchases,
            "spent_amount": _euros(one.cents),
        }
        for one in business.activities
    ]


def _gross(business: BusinessDay, day: date) -> list[Row]:
    """One row per channel, those without a purchase included."""
    return [
        {"business_date": day, "channel": channel, "spend_count": count, "gross_amount": _euros(cents)}
        for channel, (count, cents) in business.spends.items()
    ]


def _net(business: BusinessDay, day: date, seed: int) -> list[Row]:
    """The rows of `pre_deduction` after deductions, each a share of the gross amount and rounded down to the cent."""
    found: list[Row] = []
    for channel, (_, gross) in business.spends.items():
        refund, fee, chargeback = _deductions(channel, gross, day, seed)
        found.append(
            {
                "business_date": day,
                "channel": channel,
                "refund_amount": _euros(refund),
                "fee_amount": _euros(fee),
                "chargeback_amount": _euros(chargeback),
                "net_amount": _euros(gross - refund - fee - chargeback),
            }
        )
    return found


def _deductions(channel: str, gross: int, day: date, seed: int) -> tuple[int, int, int]:
    """Refunds, fees and chargebacks of a channel's gross amount, in cents."""
    key = day.toordinal() * len(CHANNELS) + CHANNELS.index(channel)
    bits = int(draw(pl.Series([key], dtype=pl.Int64), seed, "wb-deduc")[0])
    is_charged_back = bits // 2**20 % _CHARGEBACK_EVERY == 0
    chargeback = (1 + bits // 2**30 % _CHARGEBACKS) * is_charged_back
    return gross * (bits % (_REFUNDS + 1)) // 1_000, gross * _FEES[channel] // 1_000, gross * chargeback // 1_000


def _euros(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)
