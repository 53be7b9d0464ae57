"""What a member wants of a day, from the bits drawn for it: visits, baskets, and how much to load on the card."""

from __future__ import annotations

from backend.workbooks.members import CHANNELS

# Cents of a top-up by channel: small and often in the app, large and seldom on the web, a gift at a partner.
_AMOUNTS = {
    "app": (10_00, 15_00, 20_00, 20_00, 25_00, 30_00),
    "store": (20_00, 20_00, 30_00, 50_00),
    "web": (50_00, 50_00, 75_00, 100_00, 150_00),
    "partner": (25_00, 50_00, 50_00, 100_00),
}
_ODD_PERCENT = 10  # of the top-ups have cents: members empty a voucher onto the card
_STEP = 5_00
_LEAST, _SPREAD = 2_50, 38_00  # of a purchase, in cents
_AT_HOME_PERCENT = 70  # of the purchases are made in the member's own channel, and more of the top-ups


def wishes(intent: int, spending: int, home: int) -> tuple[int, list[tuple[str, int]]]:
    """How many visits, and channel and cents of what the member would buy: at most one basket per visit."""
    visits = (1, 1, 1, 1, 1, 1, 2, 2, 2, 3)[intent % 10]
    baskets = [_basket(spending >> (20 * visit), home) for visit in range(visits) if (intent >> 8 + 8 * visit) % 5]
    return visits, baskets


def top_up(bits: int, home: int, short: int) -> tuple[str, int, int]:
    """Channel and cents of a top-up that covers what the card is short of, and the bits that are left for its time."""
    away = bits // 2**8 % (len(CHANNELS) - 1)  # a member goes to a partner once, for the card
    channel = CHANNELS[home if bits % 100 < _AT_HOME_PERCENT else away]
    choices = _AMOUNTS[channel]
    cents = max(choices[bits // 2**16 % len(choices)], -(-short // _STEP) * _STEP)
    if bits // 2**20 % 100 < _ODD_PERCENT:
        cents += bits // 2**24 % 100
    return channel, cents, bits // 2**28


def affordable(baskets: list[tuple[str, int]], cents: int) -> list[tuple[str, int]]:
    """The baskets that a card with `cents` pays for, in their order."""
    paid: list[tuple[str, int]] = []
    for channel, price in baskets:
        if price <= cents:
            cents -= price
            paid.append((channel, price))
    return paid


def _basket(bits: int, home: int) -> tuple[str, int]:
    """Channel and cents of a purchase; small ones are frequent."""
    share = bits % 1_024
    channel = home if bits // 2**10 % 100 < _AT_HOME_PERCENT else bits // 2**10 % len(CHANNELS)
    return CHANNELS[channel], _LEAST + share * share * _SPREAD // 1_024**2
