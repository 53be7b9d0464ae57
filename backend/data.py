"""The data set as the API serves it: pages and totals, a pure function of settings and clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from math import floor
from threading import Lock
from typing import TYPE_CHECKING

import polars as pl

from backend.anomalies.sales import PlantedSales
from backend.dataset import checksum
from backend.dataset.customers import Customers
from backend.dataset.other_listings import OTHERS
from backend.dataset.products import Products
from backend.dataset.rendering import json_object, moment, money, number, text_of, word
from backend.dataset.sales import Sales
from backend.dataset.stores import Stores
from backend.dataset.timeline import SECONDS_PER_HOUR, Timeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from backend.anomalies.plan import Planted
    from backend.anomalies.timeline import PlantedTimeline
    from backend.dataset.listing import Listing
    from backend.dataset.rendering import Pieces
    from backend.settings import SourceSettings

_TOTALS_BLOCK = 20_000
_BETWEEN = ",\n"  # records of a page: one a line, so that a person can read them
_LISTING_SECONDS = 5  # a listing is made again at most this often
KEYS = {"customers": "customer_id", "products": "product_id", "stores": "store_id", "sales": "sale_id"}
# What a cursor looks like; the documentation says it by the same words. `$` would let a line break pass.
SALE_CURSOR = r"[0-9]{1,18}"
LISTING_CURSOR = r"([0-9]{1,12})~([0-9]{1,18})"

_LINE = json_object(
    {
        "line_no": number("line_no"),
        "product_id": number("product_id"),
        "quantity": number("quantity"),
        "unit_price": money("unit_price"),
        "discount": money("discount"),
    }
)
_SALE_UP_TO_ITS_LINES = json_object(
    {
        "sale_id": number("sale_id"),
        "customer_id": number("customer_id"),
        "store_id": number("store_id"),
        "sold_at": moment("sold_at"),
        "channel": word("channel"),
        "payment_method": word("payment_method"),
        "currency": word("currency"),
        "lines": ["["],
    }
)[:-1]


class BadCursor(ValueError):
    """A cursor that this resource never gave out."""


@dataclass(frozen=True)
class Page:
    """`text` holds `count` JSON objects, one a line, a comma after each but the last.

    `next_cursor` points after the last object, None without one.

    A text rather than a list: what is made a column at a time is not taken apart to be put together again.
    """

    text: bytes
    count: int
    has_more: bool
    next_cursor: str | None

    @classmethod
    def of(cls, items: Sequence[str], *, has_more: bool, next_cursor: str | None) -> Page:
        """A page of JSON objects, without a line break in any."""
        return cls(_BETWEEN.join(items).encode(), len(items), has_more, next_cursor)

    @property
    def items(self) -> list[str]:
        """The JSON objects one by one."""
        return self.text.decode().split(_BETWEEN) if self.count else []

    def body(self) -> bytes:
        """The page as the API sends it."""
        cursor = "null" if self.next_cursor is None else f'"{self.next_cursor}"'
        more = "true" if self.has_more else "false"
        rest = f'],"count":{self.count},"has_more":{more},"next_cursor":{cursor}}}'
        return b"".join((b'{"items":[', self.text, rest.encode()))


@dataclass(frozen=True)
class Totals:
    """Control totals of a range of sales."""

    sales: int
    lines: int
    net_amount: Decimal
    checksum: int

    @classmethod
    def none(cls) -> Totals:
        """Those of no sale at all."""
        return cls(0, 0, Decimal("0.00"), 0)

    def __add__(self, other: Totals) -> Totals:
        return Totals(
            self.sales + other.sales,
            self.lines + other.lines,
            self.net_amount + other.net_amount,
            (self.checksum + other.checksum) % checksum.MODULUS,
        )


@dataclass(frozen=True)
class Changes:
    """A part of a listing: ids and moments above the first bound, up to and including the second; None: no bound."""

    after: int = 0
    up_to: int | None = None
    updated_after: datetime | None = None
    updated_up_to: datetime | None = None

    def of(self, listing: pl.DataFrame, key: str) -> pl.DataFrame:
        """The rows of the listing that lie in it."""
        inside = [pl.col(key) > self.after]
        if self.up_to is not None:
            inside.append(pl.col(key) <= self.up_to)
        # A record's moment is a whole second: it lies above 10:00:00.5 exactly when it lies above 10:00:00.
        if self.updated_after is not None:
            inside.append(pl.col("updated_at") > floor(self.updated_after.timestamp()))
        if self.updated_up_to is not None:
            inside.append(pl.col("updated_at") <= floor(self.updated_up_to.timestamp()))
        return listing.filter(inside)


@dataclass(frozen=True)
class ListingTotals:
    """Control totals of a listing."""

    count: int
    checksum: int


class DataSet:
    """What the source holds, as far as its clock has come."""

    def __init__(self, settings: SourceSettings) -> None:
        self._fixed_now = settings.now
        self._customers, self._products, self._stores = Customers(settings), Products(settings), Stores(settings)
        self._sales, self._timeline = self._made(settings)
        self._known: dict[str, Listing] = {
            **OTHERS,
            "customers": self._customers.listing(),
            "products": self._products.listing(),
            "stores": self._stores.listing(),
        }
        self._lock = Lock()
        self._newest: tuple[int, int] | None = None  # a second and the newest sale in it
        self._listings: dict[str, tuple[int, pl.DataFrame]] = {}
        self._block_totals = lru_cache(maxsize=4_096)(self._totals_of)

    def _made(self, settings: SourceSettings) -> tuple[Sales, Timeline | PlantedTimeline]:
        """The sales, and when they happen."""
        others = (self._customers, self._products, self._stores)
        if settings.is_planted():
            planted = PlantedSales(settings, *others)
            return planted, planted.times
        timeline = Timeline(start=settings.start, sales_per_hour=settings.sales_per_hour, seed=settings.seed)
        return Sales(settings, timeline, *others), timeline

    def planted(self) -> list[Planted]:
        """The anomalies that have begun by the source's clock, oldest first."""
        until = int(self.now().timestamp()) // SECONDS_PER_HOUR + 1
        return self._sales.plan.until(until) if isinstance(self._sales, PlantedSales) else []

    def now(self) -> datetime:
        """The source's clock."""
        return self._fixed_now or datetime.now(timezone.utc)

    def last_sale_id(self) -> int:
        """Id of the newest sale, 0 when there is none yet. Ids have no holes."""
        now = self.now()
        second = int(now.timestamp())
        with self._lock:
            if self._newest is None or self._newest[0] != second:
                self._newest = second, self._timeline.count_until(now)
            return self._newest[1]

    def sales_page(self, cursor: str | None, limit: int, up_to: int | None) -> Page:
        """Sales after `cursor`, at most `limit`, none above `up_to`. Raises BadCursor."""
        after, end = sale_cursor(cursor), self.end_of_sales(up_to)
        last = min(after + limit, end)
        if last <= after:
            return Page.of([], has_more=False, next_cursor=None)
        return self._page_of(after + 1, last, has_more=last < end)

    def end_of_sales(self, up_to: int | None) -> int:
        """Id of the newest sale, or `up_to` if that is before it."""
        newest = self.last_sale_id()
        return newest if up_to is None else min(newest, up_to)

    def listing_page(self, resource: str, cursor: str | None, limit: int) -> Page:
        """Records of a listing after `cursor`, ordered by (updated_at, key). Raises BadCursor."""
        known = self._known[resource]
        return _listing_page(self._listing(resource), known.key, known.members, cursor, limit)

    def totals(self, after: int, up_to: int | None) -> Totals:
        """Totals of the sales above `after`, up to and including `up_to`."""
        totals = Totals.none()
        for first, last in blocks_of_sales(after + 1, self.end_of_sales(up_to)):
            keep = last - first + 1 == _TOTALS_BLOCK and self._is_settled(last)
            totals += (self._block_totals if keep else self._totals_of)(first, last)
        return totals

    def listing_totals(self, resource: str, changes: Changes) -> ListingTotals:
        """Totals of those records of a listing that lie in `changes`, as the listing is now."""
        known = self._known[resource]
        rows = changes.of(self._listing(resource), known.key)
        return ListingTotals(rows.height, checksum.checksum(rows, known.checksum_fields))

    def _is_settled(self, _sale_id: int) -> bool:
        """Whether nothing up to that sale can change any more."""
        return True

    def _totals_of(self, first: int, last: int) -> Totals:
        return self._sum(self._sales.headers(first, last))

    def _sum(self, headers: pl.DataFrame) -> Totals:
        lines = self._sales.lines(headers)
        cents = int((lines["quantity"] * lines["unit_price"] - lines["discount"]).sum())
        lines = lines.with_columns(headers["sale_id"][lines["sale"]])
        checksums = checksum.checksum(headers, checksum.FIELDS["headers"]) + checksum.checksum(
            lines, checksum.FIELDS["lines"]
        )
        net_amount = Decimal(cents).scaleb(-2).quantize(Decimal("0.01"))
        return Totals(headers.height, lines.height, net_amount, checksums % checksum.MODULUS)

    def _page_of(self, first: int, last: int, *, has_more: bool) -> Page:
        """The sales from id `first` to `last`: one concatenation of their lines."""
        headers = self._sales.headers(first, last)
        openings = headers.select(text_of(_SALE_UP_TO_ITS_LINES).alias("opening"))["opening"]
        opens, closes = pl.col("line_no") == 1, pl.col("line_no").shift(-1, fill_value=1) == 1
        before = pl.when(opens).then(pl.lit(openings).gather("sale")).otherwise(pl.lit(","))
        behind = pl.when(closes).then(pl.lit("]}" + _BETWEEN)).otherwise(pl.lit(""))
        lines = self._sales.lines(headers)
        text = lines.select(text_of([before, *_LINE, behind]).str.join("").cast(pl.Binary)).item()
        return Page(text[: -len(_BETWEEN)], headers.height, has_more=has_more, next_cursor=str(last))

    def _listing(self, resource: str) -> pl.DataFrame:
        """The resource in its order; one second's change is seen at once, by all or by none."""
        at = int(self.now().timestamp())
        with self._lock:
            made_at, listing = self._listings.get(resource, (None, None))
            if listing is None or made_at is None or not made_at <= at < made_at + _LISTING_SECONDS:
                made_at, listing = at, self._known[resource].at(at)
                self._listings[resource] = (made_at, listing)
            return listing


def blocks_of_sales(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Ids from `first` to `last` in blocks that begin at the same ids whatever `first` is."""
    while first <= last:
        end = min(last, first + _TOTALS_BLOCK - 1 - (first - 1) % _TOTALS_BLOCK)
        yield first, end
        first = end + 1


def sale_cursor(cursor: str | None) -> int:
    """The sale id a cursor stands for, 0 for none. Raises BadCursor."""
    if cursor is None:
        return 0
    if not re.fullmatch(SALE_CURSOR, cursor):
        raise BadCursor(cursor)
    return int(cursor)


def _listing_page(listing: pl.DataFrame, key: str, members: Pieces, cursor: str | None, limit: int) -> Page:
    start = 0 if cursor is None else _behind(listing, key, cursor)
    rows = listing.slice(start, limit)
    if rows.is_empty():
        return Page.of([], has_more=False, next_cursor=None)
    last = f"{rows['updated_at'][-1]}~{rows[key][-1]}"
    items = rows.select(text_of(members).alias("item"))["item"].to_list()
    return Page.of(items, has_more=start + rows.height < listing.height, next_cursor=last)


def _behind(listing: pl.DataFrame, key: str, cursor: str) -> int:
    """Index of the first row after a cursor `updated_at~id`, by binary search."""
    match = re.fullmatch(LISTING_CURSOR, cursor)
    if match is None:
        raise BadCursor(cursor)
    updated_at, record_id = int(match[1]), int(match[2])
    first = int(listing["updated_at"].search_sorted(updated_at, side="left"))
    past = int(listing["updated_at"].search_sorted(updated_at, side="right"))
    return first + int(listing[key][first:past].search_sorted(record_id, side="right"))
