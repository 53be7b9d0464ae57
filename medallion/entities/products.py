"""Products: what is sold. One row per product; a changed one is sent again with a later `updated_at`."""

from __future__ import annotations

from medallion.entities.column_types import CURRENCY, FLAG, ID, MOMENT, PRICE, TEXT
from medallion.entities.entity import ByUpdatedAt, Column, Entity, Table

PRODUCTS = Entity(
    name="products",
    key="product_id",
    order=ByUpdatedAt(),
    lasting=("sku",),
    collect="ingestion.products:collect_products",
    tables=(
        Table(
            name="products",
            row="product",
            description="One row per product, newest version by updated_at.",
            key=("product_id",),
            version="updated_at",
            load="loaders.load_products:load_products",
            columns=(
                Column("product_id", ID, "Natural key."),
                Column("sku", TEXT, "Stock keeping unit."),
                Column("name", TEXT, "Name."),
                Column("category", TEXT, "Category."),
                Column("subcategory", TEXT, "Subcategory."),
                Column("brand", TEXT, "Brand."),
                Column("unit_price", PRICE, "Price in force."),
                Column("unit_cost", PRICE, "What the retailer pays."),
                Column("currency", CURRENCY, "ISO 4217 code."),
                Column("is_active", FLAG, "False once discontinued."),
                Column("updated_at", MOMENT, "When this version came to be (UTC)."),
            ),
        ),
    ),
)
