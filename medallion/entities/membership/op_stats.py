"""What members did. One row per day and member who was active."""

from __future__ import annotations

from medallion.entities.column_types import AMOUNT, COUNT
from medallion.entities.entity import ByDelivery, Column, Entity, Table
from medallion.entities.layout import Layout
from medallion.entities.membership.words import (
    BUSINESS_DATE,
    COLLECT,
    DAYS,
    FROM_THE_FILE,
    LEVEL,
    LEVELS,
    MEMBER,
    MEMBERS,
    ZONE,
)

OP_STATS = Entity(
    name="op_stats",
    key="",
    collect=COLLECT,
    order=ByDelivery(
        Layout(
            headers={
                "business_date": DAYS,
                "member_id": MEMBERS,
                "level": LEVELS,
                "visits": ("Visites", "Besuche"),
                "purchases": ("Achats", "Käufe"),
                "spent_amount": ("Spent", "Spent (EUR)", "Dépensé", "Ausgegeben"),
            },
            zone=ZONE,
            digits={"member_id": 7},
            totaled=("spent_amount",),
        )
    ),
    tables=(
        Table(
            name="op_stats",
            row="day of a member",
            records="op-stats rows",
            description="What members did. One row per day and member who was active.",
            key=("business_date", "member_id"),
            version="delivery_id",
            columns=(
                BUSINESS_DATE,
                MEMBER,
                LEVEL,
                Column("visits", COUNT, "Visits to a store, the shop or the app."),
                Column("purchases", COUNT, "Purchases paid by card."),
                Column("spent_amount", AMOUNT, "What was spent from the card, in euros."),
                *FROM_THE_FILE,
            ),
        ),
    ),
)
