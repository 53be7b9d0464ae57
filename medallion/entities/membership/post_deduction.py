"""Money spent from the cards, after deductions. One row per day and channel."""

from __future__ import annotations

from medallion.entities.column_types import AMOUNT
from medallion.entities.entity import ByDelivery, Column, Entity, Table
from medallion.entities.layout import Layout
from medallion.entities.membership.words import (
    BUSINESS_DATE,
    CHANNEL,
    CHANNELS,
    COLLECT,
    DAYS,
    FROM_THE_FILE,
    ZONE,
)

POST_DEDUCTION = Entity(
    name="post_deduction",
    key="",
    collect=COLLECT,
    order=ByDelivery(
        Layout(
            headers={
                "business_date": DAYS,
                "channel": CHANNELS,
                "refund_amount": ("Refunds", "Erstattungen", "Remboursements"),
                "fee_amount": ("Fees", "Gebühren", "Frais"),
                "chargeback_amount": ("Chargebacks", "Rückbuchungen", "Rejets"),
                "net_amount": ("Net", "Net amount (EUR)", "Netto", "Montant net"),
            },
            decimal=",",
            zone=ZONE,
            dates=("%d.%m.%Y",),
            totaled=("net_amount",),
        )
    ),
    tables=(
        Table(
            name="post_deduction",
            row="day of a channel",
            records="post-deduction rows",
            description="Money spent from the cards, after deductions. One row per day and channel.",
            key=("business_date", "channel"),
            version="delivery_id",
            columns=(
                BUSINESS_DATE,
                CHANNEL,
                Column("refund_amount", AMOUNT, "What was given back, in euros."),
                Column("fee_amount", AMOUNT, "What the payment providers kept, in euros."),
                Column("chargeback_amount", AMOUNT, "What banks took back, in euros."),
                Column("net_amount", AMOUNT, "What is left of the gross amount, in euros."),
                *FROM_THE_FILE,
            ),
        ),
    ),
)
