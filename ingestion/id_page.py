"""Validation of a page of a listing by id against its cursor, before it may move the watermark.

The cursor is the decimal id of the last record seen: ids ascend, start above the cursor, and end at `next_cursor`. A
page that breaks this rule would move the watermark past records that were never read.

A record whose id cannot be read never stops the others. It lands, and Silver quarantines it. Its own id counts as
passed over. If the cursor after it cannot be read either, the pull stays after the last record that can be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingestion.gaps import skipped_between
from ingestion.record_ids import id_of_cursor
from medallion.errors import SourceViolation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingestion.entity import Entity
    from ingestion.source import Page
    from medallion.state.id_range import IdRange


def validate_page(entity: Entity, cursor: str | None, page: Page, told: Sequence[int | None]) -> list[IdRange]:
    """Return the ids that the page passes over. `told` are the ids of its records, None where an id cannot be read.

    Raises SourceViolation unless they ascend from above `cursor` to `next_cursor`.
    """
    after = last = id_of_cursor(entity.name, cursor) if cursor is not None else 0
    ids = [one for one in told if one is not None]
    for number in ids:
        if number <= last:
            raise _out_of_order(entity, f"{number} comes after {last}")
        last = number
    if cursor is not None and page.next_cursor == cursor:
        raise _out_of_order(entity, f"next_cursor stands still at {last}")
    through = position_after(entity, page, told, last)
    if through < last or (through > last and told[-1] is not None):
        raise _out_of_order(entity, f"next_cursor is {through}, the last id {last}")
    return skipped_between(after, [*ids, through + 1])


def position_after(entity: Entity, page: Page, told: Sequence[int | None], last: int) -> int:
    """The id up to which the page is complete. `last` is the last id on it that can be read.

    A cursor after a record without a readable id is made from that record: it is believed only within the ids that such
    records can have. Otherwise it could move the watermark past records that are still to come.
    """
    nameless = next((place for place, one in enumerate(reversed(told)) if one is not None), len(told))
    try:
        through = id_of_cursor(entity.name, page.next_cursor or "")
    except SourceViolation:
        if nameless:
            return last
        raise
    return last if nameless and not last <= through <= last + nameless else through


def _out_of_order(entity: Entity, what: str) -> SourceViolation:
    return SourceViolation(
        f"{entity.name}: {what}: the page is out of order",
        remedy="nothing of it was kept; have the source fixed, then run again",
    )
