"""The latest date of a version: a record from the future would win over every correction until that date.

The bound is the moment the record's Bronze file landed, by the warehouse's clock, plus a tolerance for a source whose
clock runs a little ahead. It is not the moment of the load: a rebuild of Silver from Bronze must give the same tables.
A retry lets a record in once the warehouse's clock has passed its date, and notes that it did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    import polars as pl

_SECONDS = len("2026-11-20T10:15:04")


@dataclass(frozen=True)
class Latest:
    """The latest second that a version may be dated. `rule` is that bound in words.

    `accepted` are the numbers of lines that a retry has let in.
    """

    moment: datetime
    rule: str
    accepted: AbstractSet[int] = frozenset()

    def ahead(self, versions: pl.Series) -> list[int]:
        """Indexes of the versions after that second. Versions are UTC as `columns.MOMENT` writes it, or null."""
        second = self.moment.astimezone(timezone.utc).isoformat()[:_SECONDS]
        return (versions.str.slice(0, _SECONDS) > second).fill_null(value=False).arg_true().to_list()


def latest_of_file(landed_at: datetime | None, tolerance_minutes: float, accepted: AbstractSet[int]) -> Latest | None:
    """The bound for the records of a file; None when no version can lie after it."""
    if landed_at is None:
        return None
    rule = (
        f"dated more than SOURCE_CLOCK_TOLERANCE_MINUTES={tolerance_minutes:g} after its file landed "
        f"({landed_at.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%SZ})"
    )
    try:
        return Latest(landed_at + timedelta(minutes=tolerance_minutes), rule, accepted)
    except OverflowError:
        return None


def latest_of_retry(now: datetime) -> Latest:
    """The bound for a retried record: its date must have passed."""
    return Latest(
        now, f"still dated in the future: the warehouse's clock says {now:%Y-%m-%dT%H:%M:%SZ}; retry it later"
    )
