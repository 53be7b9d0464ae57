"""The API's schemas: what its documentation promises, and what tests hold its answers against.

Answers are rendered by whole columns (`rendering.py`), not through these classes.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it at run time
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Record = TypeVar("Record")

Money = Annotated[str, Field(pattern=r"^-?\d{1,10}\.\d{2}$", description="Decimal amount as text.", examples=["12.50"])]
Identifier = Annotated[int, Field(ge=1, le=2**63 - 1)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Customer(_Closed):
    """A customer as of `updated_at`; a change brings the whole record again."""

    customer_id: Identifier = Field(description="Natural key.", examples=[512])
    first_name: str = Field(examples=["Agathe"])
    last_name: str = Field(examples=["Lefèvre"])
    email: str = Field(examples=["agathe.lefevre.512@example.com"])
    phone: str = Field(examples=["+33 612345678"])
    city: str = Field(examples=["Lyon"])
    region: str = Field(examples=["Auvergne-Rhône-Alpes"])
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.", examples=["FR"])
    segment: Literal["new", "regular", "loyal", "vip"] = Field(examples=["loyal"])
    signed_up_at: datetime = Field(examples=["2025-03-01T09:12:44Z"])
    updated_at: datetime = Field(description="When this version came to be.", examples=["2026-10-02T17:03:10Z"])
    is_deleted: bool = Field(description="Soft delete: the customer has left.")


class Product(_Closed):
    """A product as of `updated_at`; a change brings the whole record again."""

    product_id: Identifier = Field(description="Natural key.", examples=[88])
    sku: str = Field(examples=["SKU-000088"])
    name: str = Field(examples=["Organic Espresso Beans"])
    category: str = Field(examples=["Grocery"])
    subcategory: str = Field(examples=["Coffee & Tea"])
    brand: str = Field(examples=["Mistral"])
    unit_price: Money = Field(description="Price in force.", examples=["12.50"])
    unit_cost: Money = Field(description="What the retailer pays.", examples=["7.10"])
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])
    is_active: bool = Field(description="False once the product is discontinued.")
    updated_at: datetime = Field(description="When this version came to be.", examples=["2026-10-02T17:03:10Z"])


class Store(_Closed):
    """A store as of `updated_at`; a change brings the whole record again."""

    store_id: int = Field(ge=1, le=2**31 - 1, description="Natural key.", examples=[7])
    name: str = Field(examples=["Lyon Part-Dieu"])
    format: Literal["flagship", "city", "suburb", "resort", "outlet"] = Field(examples=["city"])
    city: str = Field(examples=["Lyon"])
    region: str = Field(examples=["Auvergne-Rhône-Alpes"])
    country: str = Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.", examples=["FR"])
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217: what it sells in.", examples=["EUR"])
    opened_at: datetime = Field(
        description="First day of business; it may be to come.", examples=["2019-04-01T08:00:00Z"]
    )
    is_active: bool = Field(description="False before it opens and once it is closed.")
    updated_at: datetime = Field(description="When this version came to be.", examples=["2026-10-02T17:03:10Z"])


class SaleLine(_Closed):
    """One product of a sale. Its net amount is quantity times unit_price, less discount."""

    line_no: int = Field(ge=1, description="Counts from 1 within the sale.", examples=[1])
    product_id: Identifier = Field(examples=[88])
    quantity: int = Field(description="Negative on a return, never zero.", examples=[2])
    unit_price: Money = Field(description="Price in force when it was sold.", examples=["12.50"])
    discount: Money = Field(description="Off the line; negative on a return.", examples=["0.00"])


class Sale(_Closed):
    """A sale. It never changes once made; a return is a sale with negative quantities."""

    sale_id: Identifier = Field(description="Natural key; rises with time.", examples=[104233])
    customer_id: Identifier = Field(examples=[512])
    store_id: int = Field(ge=1, examples=[7])
    sold_at: datetime = Field(examples=["2026-11-20T10:15:04Z"])
    channel: Literal["store", "web", "app"] = Field(examples=["store"])
    payment_method: Literal["card", "cash", "mobile", "gift_card", "paypal"] = Field(examples=["card"])
    currency: str = Field(pattern="^[A-Z]{3}$", description="ISO 4217.", examples=["EUR"])
    lines: list[SaleLine] = Field(min_length=1)


class Page(_Closed, Generic[Record]):
    """A page of records. Pass `next_cursor` to get what comes after it, now or in a later run."""

    items: list[Record] = Field(description="Records after the cursor, in the resource's order.")
    count: int = Field(ge=0, description="Number of items.", examples=[1000])
    has_more: bool = Field(description="Whether there is more after the last item right now.")
    next_cursor: str | None = Field(
        description="Points after the last item; null only when there are no items.", examples=["104233"]
    )


Checksum = Annotated[
    str,
    Field(
        pattern=r"^\d{1,19}$",
        description="Order-free, over all fields. Of each record the fields in the order of its schema, joined by "
        "U+001F: whole numbers as decimals, money with two decimals, moments in UTC as `2026-11-20T10:15:04.000000Z`, "
        "flags as `true` or `false`, text as it is. The first 15 hexadecimal digits of the MD5 of that text (UTF-8) "
        "are a number; these are added up, modulo 2^60. A sale has one such number for its header, and one for each "
        "line, whose fields begin with the sale_id.",
        examples=["718499700047296290"],
    ),
]


class SalesTotals(_Closed):
    """Control totals of a range of sales, to reconcile with."""

    sales: int = Field(ge=0, examples=[3])
    lines: int = Field(ge=0, examples=[8])
    net_amount: str = Field(pattern=r"^-?\d+\.\d{2}$", examples=["123.45"])
    checksum: Checksum


class ListingTotals(_Closed):
    """Control totals of a listing, to reconcile with."""

    count: int = Field(ge=0, examples=[3])
    checksum: Checksum


class ChaosLedger(SalesTotals):
    """What a source that misbehaves has truly committed of a range of sales, and what is wrong with the rest."""

    sound: SalesTotals = Field(description="Of those, the sales whose records keep to the schema.")
    malformed: list[int] = Field(description="Committed sales whose records do not.")
    uncommitted: list[int] = Field(description="Sales that have an id, but commit later than their time.")
    deleted: list[int] = Field(description="Sales that were committed and vanished.")
    malformed_customers: list[int] = Field(description="Customers whose records do not keep to the schema; all ids.")
    malformed_products: list[int] = Field(description="The same of products.")
    malformed_stores: list[int] = Field(description="The same of stores.")
    faults: dict[str, int] = Field(description="How often each fault has struck a request since the start.")


class PlantedAnomaly(_Closed):
    """An anomaly of the sample sales (`SOURCE_ANOMALIES`)."""

    kind: str = Field(description="What it is, as the setting names it.")
    level: Literal["total", "channel", "store"] = Field(description="What it strikes.")
    member: str = Field(description="The channel, or the number of the store; empty: all sales.")
    started_at: datetime = Field(description="Its first hour.")
    ended_at: datetime = Field(description="The end of its last hour.")
    remaining_share: float = Field(description="What its sales are, of what they would have been.")
    copies: int = Field(description="How often each sale comes.")
    price_factor: int = Field(description="By what prices and discounts are multiplied.")
    fades: bool = Field(description="It begins with all sales and comes to `remaining_share` by its end.")


class Health(_Closed):
    """Whether the source is there."""

    status: Literal["ok"] = "ok"


class ProblemDetails(BaseModel):
    """An error, by RFC 9457."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Wrong API key"])
    status: int = Field(ge=400, le=599, examples=[401])
    detail: str = Field(examples=["The key in the header X-API-Key is not known, or was revoked."])
    instance: str = Field(examples=["/sales"])
