"""Differences between the source and Silver in a changing listing: by totals of a window, then record by record.

A record has versions, so it can differ in three ways without an error: the source has a newer version than the last
pull could see (late), the version is in quarantine, or an operator has accepted the difference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.state.accepted_differences import Difference, accepted_among
from medallion.state.reconciliation import (
    ListingState,
    RecordTotals,
    Window,
    in_quarantine,
    listing_totals,
    records_of_silver,
)
from quality.checksum import total_of
from quality.findings import Findings
from quality.record_listing import RecordPair, SourceRecord, has_id, lies_in, may_lie_in, read_listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from psycopg2.extensions import connection

    from ingestion.api.client import SourceClient

_TRIES = 3


_FAR = 2**62


@dataclass
class RecordsFound(Findings):
    """The result of a comparison. `source` and `silver` are the totals of the window.

    Ids that differ are in `missing` (also an older version in Silver), `unknown` (not at the source, or older there) or
    `changed` (another content at the same moment). The rest is as in `SalesFound`; the counts are records at the source
    less records in Silver.
    """

    source: RecordTotals = field(kw_only=True)
    silver: RecordTotals = field(kw_only=True)
    changed: list[int] = field(default_factory=list)
    in_quarantine: list[int] = field(default_factory=list)
    late_count: int = 0
    accepted_count: int = 0
    rejected_count: int = 0


def compare_records(
    conn: connection,
    source: SourceClient,
    dataset: str,
    window: Window,
    state: ListingState,
    lookback_minutes: float,
) -> RecordsFound:
    """Compare the `customers` or `products` of the window. Raises NotOffered, otherwise as `SourceClient.pages`."""
    found = RecordsFound(source=RecordTotals(0, 0), silver=RecordTotals(0, 0))
    differing = list(_differing(conn, source, dataset, window, state, found))
    if differing:
        pulled = _Pulled.of(state, lookback_minutes)
        listed, totals = _listing_and_totals(conn, source, dataset, differing)
        _look_at_nameless(conn, dataset, listed, found)
        for part, reported in zip(differing, totals, strict=True):
            _compare_one_by_one(conn, dataset, _Part(part, listed, reported), found, pulled)
    return found


def _differing(
    conn: connection, source: SourceClient, dataset: str, window: Window, state: ListingState, found: RecordsFound
) -> Iterator[Window]:
    """The parts of the window whose totals differ, each a page or less. Totals that agree are added to `found`.

    A window that begins at a moment holds the changes of an hourly run, and is one part.
    """
    reported = source.record_totals(dataset, window)
    with transaction(conn):
        silver = listing_totals(conn, dataset, window)
    if reported == silver:
        found.source, found.silver = found.source + reported, found.silver + silver
    elif (
        window.updated_after is not None
        or max(reported.count, silver.count) <= source.page_size
        or (window.up_to is None and window.after >= _FAR)  # totals that claim records after every id
    ):
        yield window
    else:
        for half in _halves(window, state.last_id):
            yield from _differing(conn, source, dataset, half, state, found)


def _halves(window: Window, last_id: int) -> tuple[Window, Window]:
    """The window cut in the middle of its ids; without an end, at Silver's last id, or far after it."""
    if window.up_to is None:
        middle = last_id if window.after < last_id else min(2 * window.after + 1, 2**63 - 2)
    else:
        middle = (window.after + window.up_to) // 2
    return replace(window, up_to=middle), replace(window, after=middle)


@dataclass(frozen=True)
class _Pulled:
    """How far the last pull can have seen: changes after either moment arrive with the next pull."""

    newest: datetime | None
    since: datetime | None

    @classmethod
    def of(cls, state: ListingState, lookback_minutes: float) -> _Pulled:
        """By the newest change that it landed, and by the warehouse's clock, less the lookback of the next pull."""
        since = state.pulled_at - timedelta(minutes=lookback_minutes) if state.pulled_at else None
        return cls(state.newest, since)

    def may_have_missed(self, change: datetime) -> bool:
        """Whether a change at that moment may not be in Silver yet."""
        return self.newest is None or change > self.newest or (self.since is not None and change > self.since)


@dataclass(frozen=True)
class _Part:
    """A part of the comparison: the listing, which may hold more, and the source's totals of the part."""

    window: Window
    listed: Sequence[SourceRecord]
    reported: RecordTotals


def _compare_one_by_one(conn: connection, dataset: str, part: _Part, found: RecordsFound, pulled: _Pulled) -> None:
    window = part.window
    listed = {one.record_id: one for one in part.listed if one.record_id is not None and has_id(one.record_id, window)}
    with transaction(conn):
        here = records_of_silver(conn, dataset, window, list(listed))
        inside = {one: row for one, row in here.items() if lies_in(one, row[1], window)}
        of_listing = [one for one, row in listed.items() if row.checksum is None or may_lie_in(row, window)]
        pairs = [RecordPair(dataset, one, listed.get(one), here.get(one)) for one in sorted({*inside, *of_listing})]
        differing = [pair for pair in pairs if not pair.agrees]
        aside = in_quarantine(conn, [dataset], [pair.there.raw for pair in differing if pair.there])
        accepted = accepted_among(conn, [pair.difference for pair in differing])
    leaf = RecordsFound(
        source=part.reported, silver=RecordTotals(len(inside), total_of(row[0] for row in inside.values()))
    )
    for pair in differing:
        _sort_in(leaf, pair, pair.surplus(window), aside, accepted, pulled)
    leaf.unnamed += _contradiction(part.listed, part.reported, window)
    _count_quarantine(leaf, sum(one.record_id is None for one in part.listed))
    _add(found, leaf)


def _sort_in(
    leaf: RecordsFound, pair: RecordPair, surplus: int, aside: set[bytes], accepted: set[Difference], pulled: _Pulled
) -> None:
    if pair.difference in accepted:
        leaf.accepted.append(pair.record_id)
        leaf.accepted_count += surplus
    elif pair.there is not None and pair.there.raw in aside:
        leaf.in_quarantine.append(pair.record_id)
    elif pair.change is not None and pulled.may_have_missed(pair.change):
        leaf.late.append(pair.record_id)
        leaf.late_count += surplus
    else:
        leaf.differences.append(pair.difference)
        getattr(leaf, pair.kind).append(pair.record_id)


def _look_at_nameless(conn: connection, dataset: str, listed: Sequence[SourceRecord], found: RecordsFound) -> None:
    """Check records without a readable id: either quarantine has them by their bytes, or they are lost."""
    nameless = [one.raw for one in listed if one.record_id is None]
    with transaction(conn):
        lost = set(nameless) - in_quarantine(conn, [dataset], nameless)
    if lost:
        found.unnamed.append(f"{len(lost):,} {dataset} whose id cannot be read, neither in Silver nor in quarantine")


def _count_quarantine(found: RecordsFound, nameless: int) -> None:
    """Let quarantine explain the remaining surplus, up to the number of records that it holds."""
    rest = found.source.count - found.silver.count - found.late_count - found.accepted_count
    most = len(found.in_quarantine) + nameless
    if found.is_explained and abs(rest) > most:
        found.unnamed.append(f"totals differ by {rest:,} records, the listing shows no such record")
    found.rejected_count = rest


def _contradiction(listed: Sequence[SourceRecord], reported: RecordTotals, window: Window) -> list[str]:
    """Records that the totals count and the listing does not show. Unreadable records may be in either."""
    surely = [one.checksum for one in listed if one.checksum is not None and may_lie_in(one, window)]
    unreadable = sum(
        one.checksum is None and (one.record_id is None or has_id(one.record_id, window)) for one in listed
    )
    rest = reported.count - len(surely)
    if 0 <= rest <= unreadable and (unreadable or total_of(surely) == reported.checksum):
        return []
    if rest > 0:
        return [f"totals differ by {rest:,} records, the listing shows no such record"]
    return [
        f"the totals count {reported.count:,} records, with another content than the {len(surely):,} of the listing"
    ]


def _listing_and_totals(
    conn: connection, source: SourceClient, dataset: str, windows: Sequence[Window]
) -> tuple[list[SourceRecord], list[RecordTotals]]:
    """The listing and its totals, of one moment if possible."""
    for _ in range(_TRIES):
        listed = read_listing(conn, source, dataset, windows)
        totals = [source.record_totals(dataset, window) for window in windows]
        if not any(_contradiction(listed, reported, window) for reported, window in zip(totals, windows, strict=True)):
            break
    return listed, totals


def _add(found: RecordsFound, leaf: RecordsFound) -> None:
    found.source, found.silver = found.source + leaf.source, found.silver + leaf.silver
    for name in ("missing", "unknown", "changed", "differences", "unnamed", "late", "accepted", "in_quarantine"):
        getattr(found, name).extend(getattr(leaf, name))
    for name in ("late_count", "accepted_count", "rejected_count"):
        setattr(found, name, getattr(found, name) + getattr(leaf, name))
