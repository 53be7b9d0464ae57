"""The API key: one of several, compared in constant time, never logged and never in an address."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader

from backend.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER = "X-API-Key"

_header = APIKeyHeader(
    name=HEADER,
    auto_error=False,
    scheme_name="ApiKey",
    description="A key of the source system, in this header.",
)


def is_accepted(given: bytes, accepted: Sequence[bytes]) -> bool:
    """Whether `given` is one of the keys, without telling by the time taken which part of it is right."""
    matches = [hmac.compare_digest(given, key) for key in accepted]
    return any(matches)


def require_key(request: Request, given: Annotated[str | None, Depends(_header)]) -> str:
    """The key of the request; one without a right key is refused by 401."""
    if given is None:
        raise Problem(401, "Missing API key", f"Send a key in the header {HEADER}.")
    if not is_accepted(given.encode(), request.app.state.keys):
        raise Problem(401, "Wrong API key", f"The key in the header {HEADER} is not known, or was revoked.")
    return given
