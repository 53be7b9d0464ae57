"""Customers: who buys. One row per customer; a changed one is sent again with a later `updated_at`."""

from __future__ import annotations

from medallion.entities.column_types import COUNTRY, FLAG, ID, MOMENT, TEXT
from medallion.entities.entity import ByUpdatedAt, Column, Entity, Table

CUSTOMERS = Entity(
    name="customers",
    key="customer_id",
    order=ByUpdatedAt(),
    lasting=("signed_up_at",),
    collect="ingestion.customers:collect_customers",
    tables=(
        Table(
            name="customers",
            row="customer",
            description="One row per customer, newest version by updated_at.",
            key=("customer_id",),
            version="updated_at",
            load="loaders.load_customers:load_customers",
            columns=(
                Column("customer_id", ID, "Natural key."),
                Column("first_name", TEXT, "First name.", is_personal=True),
                Column("last_name", TEXT, "Last name.", is_personal=True),
                Column("email", TEXT, "E-mail address.", is_personal=True),
                Column("phone", TEXT, "Telephone number.", is_personal=True),
                Column("city", TEXT, "City."),
                Column("region", TEXT, "Region."),
                Column("country", COUNTRY, "ISO 3166-1 alpha-2 code."),
                Column("segment", TEXT, "Segment."),
                Column("signed_up_at", MOMENT, "When the customer signed up (UTC)."),
                Column("updated_at", MOMENT, "When this version came to be (UTC)."),
                Column("is_deleted", FLAG, "Soft delete."),
            ),
        ),
    ),
)
