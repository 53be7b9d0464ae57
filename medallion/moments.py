"""RFC 3339 texts of a source as moments in UTC. Separate from `loaders.columns`, as a pull does not import polars."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_MOMENT = re.compile(
    r"(?P<local>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9])(?P<fraction>\.[0-9]{1,6})?"
    r"(?P<offset>Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


def utc_moment(text: str) -> str | None:
    """The moment of an RFC 3339 text in UTC; None when it is not one, or cannot be stored exactly."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    fraction = (match["fraction"] or ".0").ljust(7, "0")
    offset = match["offset"].replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(match["local"] + fraction + offset)
        return moment.astimezone(timezone.utc).isoformat()
    except (ValueError, OverflowError):
        return None
