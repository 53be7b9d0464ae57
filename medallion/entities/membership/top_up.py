"""Top-ups: money that members load onto their cards. One row per top-up."""

from __future__ import annotations

from medallion.entities.column_types import CURRENCY, MOMENT, PRICE, WORD
from medallion.entities.entity import ByDelivery, Column, Entity, Table
from medallion.entities.layout import Layout
from medallion.entities.membership.words import (
    CHANNEL,
    CHANNELS,
    COLLECT,
    FROM_THE_FILE,
    LEVEL,
    LEVELS,
    MEMBER,
    MEMBERS,
    ZONE,
)

TOP_UP = Entity(
    name="top_up",
    key="top_up_id",
    collect=COLLECT,
    order=ByDelivery(
        Layout(
            headers={
                "top_up_id": ("Top-up no", "Receipt", "N° recharge", "Recharge", "Aufladung", "充值单号"),
                "member_id": MEMBERS,
                "channel": CHANNELS,
                "topped_up_at": ("Time", "Date et heure", "Zeitpunkt", "充值时间"),
                "amount": ("Amount (EUR)", "Montant", "Betrag", "充值金额"),
                "currency": ("Devise", "Währung", "币种"),
                "level": LEVELS,
            },
            zone=ZONE,
            digits={"member_id": 7},
            totaled=("amount",),
        )
    ),
    tables=(
        Table(
            name="top_up",
            row="top-up",
            records="top-ups",
            description="Money loaded onto the cards. One row per top-up.",
            key=("top_up_id",),
            version="delivery_id",
            columns=(
                Column("top_up_id", WORD, "Natural key."),
                MEMBER,
                CHANNEL,
                Column("topped_up_at", MOMENT, "When (UTC)."),
                Column("amount", PRICE, "What was loaded."),
                Column("currency", CURRENCY, "ISO 4217 code."),
                LEVEL,
                *FROM_THE_FILE,
            ),
        ),
    ),
)
