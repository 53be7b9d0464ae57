"""Stores: where it is sold. One row per store; a changed one is sent again with a later `updated_at`.

A source may list none: its sales then name stores of which only the id is known.
"""

from __future__ import annotations

from medallion.entities.column_types import COUNTRY, CURRENCY, FLAG, MOMENT, SMALL_ID, TEXT
from medallion.entities.entity import ByUpdatedAt, Column, Entity, Table

STORES = Entity(
    name="stores",
    key="store_id",
    order=ByUpdatedAt(),
    lasting=("opened_at",),
    is_optional=True,
    tables=(
        Table(
            name="stores",
            row="store",
            description="One row per store, newest version by updated_at.",
            key=("store_id",),
            version="updated_at",
            columns=(
                Column("store_id", SMALL_ID, "Natural key."),
                Column("name", TEXT, "Name."),
                Column("format", TEXT, "Kind of store."),
                Column("city", TEXT, "City."),
                Column("region", TEXT, "Region."),
                Column("country", COUNTRY, "ISO 3166-1 alpha-2 code."),
                Column("currency", CURRENCY, "ISO 4217 code of what it sells in."),
                Column("opened_at", MOMENT, "When it opened or will open (UTC)."),
                Column("is_active", FLAG, "False before it opens and once it is closed."),
                Column("updated_at", MOMENT, "When this version came to be (UTC)."),
            ),
        ),
    ),
)
