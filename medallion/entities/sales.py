"""Sales: what was bought, by whom and when. A sale never changes; its lines become a table of their own."""

from __future__ import annotations

from medallion.entities.column_types import AMOUNT, CURRENCY, ID, MOMENT, PRICE, QUANTITY, SMALL_ID, TEXT
from medallion.entities.entity import ById, Column, Entity, Table

SALES = Entity(
    name="sales",
    key="sale_id",
    order=ById(),
    lasting=("customer_id", "sold_at"),
    collect="ingestion.sales:collect_sales",
    tables=(
        Table(
            name="sales_customer",
            row="header",
            records="sales",
            description="Sale headers. One row per sale.",
            key=("sale_id",),
            load="loaders.load_sales_customers:load_sales_customer",
            columns=(
                Column("sale_id", ID, "Natural key."),
                Column("customer_id", ID, "Who bought."),
                Column("store_id", SMALL_ID, "Store."),
                Column("sold_at", MOMENT, "When (UTC)."),
                Column("channel", TEXT, "Where it was sold."),
                Column("payment_method", TEXT, "How it was paid."),
                Column("currency", CURRENCY, "ISO 4217 code."),
            ),
        ),
        Table(
            name="sales_product",
            row="line",
            records="sales lines",
            description="Sale lines. One row per sale_id and line_no.",
            key=("sale_id", "line_no"),
            nested_in="lines",
            load="loaders.load_sales_products:load_sales_product",
            columns=(
                Column("sale_id", ID, "Sale."),
                Column("line_no", SMALL_ID, "Number of the line within its sale."),
                Column("product_id", ID, "What was sold."),
                Column("quantity", QUANTITY, "Pieces; negative on a return."),
                Column("unit_price", PRICE, "Price in force when sold."),
                Column("discount", AMOUNT, "Off the line."),
            ),
        ),
    ),
)
