"""What fits Silver, said a second time and in another way: record by record, nothing shared with the loaders.

Slow and plain on purpose: json and pydantic in strict mode for the shape, the decimal module for money, the calendar
for times. From the contract of the source API and the rules that loaders/columns.py states in words.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

ASCII_DIGITS = frozenset("0123456789")
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999  # years 1 to 9999, in microseconds


def _text(value: str) -> str:
    """Raises for what Postgres cannot keep as text."""
    if "\x00" in value:
        raise ValueError("NUL")
    value.encode("utf-8")
    return value


def _letters(count: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if len(value) != count or not all("A" <= letter <= "Z" for letter in value):
            raise ValueError("not capital letters")
        return value

    return check


def _amount(text: str) -> Decimal:
    """At most ten digits before the point and two behind it, both or no point, no exponent."""
    whole, point, cents = text.removeprefix("-").partition(".")
    if not set(whole + cents) <= ASCII_DIGITS or not 1 <= len(whole) <= 10 or len(cents) > 2 or (point and not cents):
        raise ValueError("no amount")
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("no decimal") from error


def _price(text: str) -> Decimal:
    if text.startswith("-"):
        raise ValueError("negative")
    return _amount(text)


def _number(text: str, digits: int, least: int, most: int) -> int:
    if len(text) != digits or not set(text) <= ASCII_DIGITS or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is not {least} to {most}")
    return int(text)


def _offset(text: str) -> int:
    """Seconds east of Greenwich."""
    if text == "Z":
        return 0
    if text[:1] not in {"+", "-"} or text[3:4] != ":":
        raise ValueError("no offset")
    seconds = _number(text[1:3], 2, 0, 23) * 3600 + _number(text[4:], 2, 0, 59) * 60
    return -seconds if text[0] == "-" else seconds


def _second(text: str) -> int:
    """Microseconds of a second, with its decimals."""
    whole, point, decimals = text.partition(".")
    if point and (not 1 <= len(decimals) <= 6 or not set(decimals) <= ASCII_DIGITS):
        raise ValueError("decimals")
    return _number(whole, 2, 0, 59) * 1_000_000 + int((decimals or "0").ljust(6, "0"))


def _moment(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 time with capital letters; no leap second, years 1 to 9999 in UTC."""
    day, separator, clock = text[:10], text[10:11], text[11:]
    if separator != "T" or day[4:5] + day[7:8] != "--" or clock[2:3] + clock[5:6] != "::":
        raise ValueError("no RFC 3339")
    year, month = _number(day[:4], 4, 1, 9999), _number(day[5:7], 2, 1, 12)
    days = date(year, month, _number(day[8:], 2, 1, monthrange(year, month)[1])).toordinal() - _EPOCH
    minutes = (_number(clock[:2], 2, 0, 23) * 60) + _number(clock[3:5], 2, 0, 59)
    at = 6 + next((i for i, one in enumerate(clock[6:]) if one in "Z+-"), len(clock))
    seconds = days * 86_400 + minutes * 60 - _offset(clock[at:])
    moment = seconds * 1_000_000 + _second(clock[6:at])
    if not _FIRST <= moment <= _LAST:
        raise ValueError("out of range")
    return moment


def _not_zero(value: int) -> int:
    if value == 0:
        raise ValueError("zero")
    return value


Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Small = Annotated[int, Field(ge=1, le=2**31 - 1)]
Quantity = Annotated[int, Field(ge=-(2**31), le=2**31 - 1), AfterValidator(_not_zero)]
Text = Annotated[str, AfterValidator(_text)]
Price = Annotated[str, AfterValidator(_price)]
Amount = Annotated[str, AfterValidator(_amount)]
Moment = Annotated[str, AfterValidator(_moment)]
Currency = Annotated[str, AfterValidator(_letters(3))]
Country = Annotated[str, AfterValidator(_letters(2))]


class _Record(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class Customer(_Record):
    customer_id: Id
    first_name: Text
    last_name: Text
    email: Text
    phone: Text
    city: Text
    region: Text
    country: Country
    segment: Text
    signed_up_at: Moment
    updated_at: Moment
    is_deleted: bool


class Product(_Record):
    product_id: Id
    sku: Text
    name: Text
    category: Text
    subcategory: Text
    brand: Text
    unit_price: Price
    unit_cost: Price
    currency: Currency
    is_active: bool
    updated_at: Moment


class SaleHeader(_Record):
    sale_id: Id
    customer_id: Id
    store_id: Small
    sold_at: Moment
    channel: Text
    payment_method: Text
    currency: Currency
    lines: Literal["no header has lines"] = "no header has lines"


class SaleLine(_Record):
    sale_id: Id
    line_no: Small
    product_id: Id
    quantity: Quantity
    unit_price: Price
    discount: Amount


MODELS: dict[str, type[_Record]] = {
    "customers": Customer,
    "products": Product,
    "sales_customer": SaleHeader,
    "sales_product": SaleLine,
}


def read(dataset: str, line: bytes) -> dict[str, Any] | None:
    """The values that Silver must hold for a line, or None when it must be set aside."""
    try:
        parsed = json.loads(line.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_members)
        if "lines" in parsed and dataset == "sales_customer":
            return None
        record = MODELS[dataset].model_validate(parsed)
    except (ValueError, ValidationError, TypeError):
        return None
    return {name: getattr(record, name) for name in MODELS[dataset].model_fields if name != "lines"}


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The members of an object, none of which, known or not, may hold half a surrogate pair: that is not a text."""
    json.dumps(pairs, ensure_ascii=False).encode("utf-8")  # raises UnicodeEncodeError, a ValueError
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
