"""Money spent from the cards, before deductions. One row per day and channel."""

from __future__ import annotations

from medallion.entities.column_types import AMOUNT, COUNT
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

PRE_DEDUCTION = Entity(
    name="pre_deduction",
    key="",
    collect=COLLECT,
    order=ByDelivery(
        Layout(
            headers={
                "business_date": DAYS,
                "channel": CHANNELS,
                "spend_count": ("Transactions", "Count", "Nombre", "Anzahl"),
                "gross_amount": ("Gross", "Gross amount (EUR)", "Montant brut", "Brutto"),
            },
            zone=ZONE,
            totaled=("gross_amount",),
        )
    ),
    tables=(
        Table(
            name="pre_deduction",
            row="day of a channel",
            records="pre-deduction rows",
            description="Money spent from the cards, before deductions. One row per day and channel.",
            key=("business_date", "channel"),
            version="delivery_id",
            columns=(
                BUSINESS_DATE,
                CHANNEL,
                Column("spend_count", COUNT, "Payments by card."),
                Column("gross_amount", AMOUNT, "What they came to, in euros."),
                *FROM_THE_FILE,
            ),
        ),
    ),
)
