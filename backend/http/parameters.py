"""The parameters of the API: their limits and their words in its documentation.

An optional parameter is a string or a number to the caller, never null: a query has no way to say null.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Query
from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic.json_schema import SkipJsonSchema

from backend.data import LISTING_CURSOR, SALE_CURSOR


def _cursor(pattern: str) -> Any:
    """A cursor. The pattern is documented, not enforced here: the data set refuses a cursor by its own rule."""
    return Query(
        description="`next_cursor` of an earlier page; absent: from the beginning.",
        json_schema_extra={"pattern": f"^{pattern}$"},
    )


def _rfc3339(value: Any) -> Any:
    """Pydantic also reads numbers as moments; the contract has RFC 3339 only."""
    if isinstance(value, str) and not re.match(r"\d{4}-\d{2}-\d{2}[Tt]", value):
        raise ValueError("must be a date and time by RFC 3339, with an offset")
    return value


_Id = Annotated[int, Field(ge=0, lt=2**63)]

SalesCursor = Annotated[str | SkipJsonSchema[None], _cursor(SALE_CURSOR)]
ListingCursor = Annotated[str | SkipJsonSchema[None], _cursor(LISTING_CURSOR)]
Limit = Annotated[int, Query(ge=1, le=5000, description="Most records on the page.")]
After = Annotated[_Id, Query(description="Sales above this id; 0: from the first.")]
UpTo = Annotated[_Id | SkipJsonSchema[None], Query(description="Last sale id, inclusive.")]
AfterId = Annotated[_Id, Query(description="Records with ids above this one; 0: from the first.")]
UpToId = Annotated[_Id | SkipJsonSchema[None], Query(description="Last id, inclusive.")]
_Moment = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
UpdatedAfter = Annotated[_Moment | SkipJsonSchema[None], Query(description="Changed after this moment.")]
UpdatedUpTo = Annotated[_Moment | SkipJsonSchema[None], Query(description="Changed by this moment, inclusive.")]
