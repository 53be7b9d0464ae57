"""What Bronze, Silver and Gold hold of a span of sales or a window of other records, and the record of checks.

The flow, which asks the source, is `quality.reconcile`; here are its numbers and their place in `meta`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from psycopg2 import sql

from medallion.entities.registry import ENTITIES, LISTINGS, TABLES
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from psycopg2.extensions import connection

_SQL = Statements(__file__)
MODULUS = 2**60  # of checksums, see quality/checksum.py


@dataclass(frozen=True)
class Span:
    """Sales with ids above `after`, up to and including `up_to`."""

    after: int
    up_to: int

    @property
    def is_empty(self) -> bool:
        """Whether no id lies in it."""
        return self.up_to <= self.after


@dataclass(frozen=True)
class Window:
    """Customers or products with ids and moments of change above the first bound, up to the second; None: no bound."""

    after: int = 0
    up_to: int | None = None
    updated_after: datetime | None = None
    updated_up_to: datetime | None = None

    def params(self) -> dict[str, str]:
        """The window as parameters of a request."""
        said = {
            "after": self.after or None,
            "up_to": self.up_to,
            "updated_after": self.updated_after and _rfc3339(self.updated_after),
            "updated_up_to": self.updated_up_to and _rfc3339(self.updated_up_to),
        }
        return {name: str(value) for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Totals:
    """Sales, their lines, the net amount of those, and a checksum over all of it; None: the source tells none."""

    sales: int
    lines: int
    net_amount: Decimal
    checksum: int | None = None

    def agrees(self, other: Totals) -> bool:
        """Whether both say the same, as far as both say it."""
        of_checksum = None in (self.checksum, other.checksum) or self.checksum == other.checksum
        return (self.sales, self.lines, self.net_amount) == (other.sales, other.lines, other.net_amount) and of_checksum

    def __add__(self, other: Totals) -> Totals:
        return self._with(other, 1)

    def __sub__(self, other: Totals) -> Totals:
        return self._with(other, -1)

    def _with(self, other: Totals, sign: int) -> Totals:
        known = None if self.checksum is None or other.checksum is None else self.checksum + sign * other.checksum
        return Totals(
            self.sales + sign * other.sales,
            self.lines + sign * other.lines,
            self.net_amount + sign * other.net_amount,
            None if known is None else known % MODULUS,
        )


NOTHING = Totals(0, 0, Decimal(0), 0)


@dataclass(frozen=True)
class RecordTotals:
    """How many records of a listing that changes, and a checksum over them."""

    count: int
    checksum: int

    def __add__(self, other: RecordTotals) -> RecordTotals:
        return RecordTotals(self.count + other.count, (self.checksum + other.checksum) % MODULUS)


@dataclass(frozen=True)
class GoldTotals:
    """Lines and net amount in the fact, and those of Silver that the fact has taken."""

    lines: int
    net_amount: Decimal
    expected_lines: int
    expected_net_amount: Decimal

    @property
    def balances(self) -> bool:
        """Whether the fact holds what it has taken."""
        return (self.lines, self.net_amount) == (self.expected_lines, self.expected_net_amount)


@dataclass(frozen=True)
class SilverSale:
    """A sale in Silver: checksums of its header, None without one, and of its lines."""

    header: int | None
    lines: tuple[int, ...]
    net_amount: Decimal


@dataclass(frozen=True)
class Noted:
    """One row of a check: the numbers of a dataset in each layer, and the verdict. Field by field the table's."""

    run_id: str
    dataset: str
    status: str
    difference: str | None
    is_settled: bool
    after_id: int
    up_to_id: int
    source_count: int | None
    bronze_count: int
    silver_count: int
    late_count: int = 0
    rejected_count: int = 0
    accepted_count: int = 0
    gold_count: int | None = None
    source_net_amount: Decimal | None = None
    silver_net_amount: Decimal | None = None
    gold_net_amount: Decimal | None = None
    late_net_amount: Decimal = Decimal(0)
    accepted_net_amount: Decimal = Decimal(0)
    source_checksum: int | None = None
    silver_checksum: int | None = None
    updated_after: datetime | None = None
    updated_up_to: datetime | None = None


@dataclass(frozen=True)
class ListingState:
    """Where the checks of a listing, such as customers, stand.

    `newest` is the newest change in Silver, None when it holds none; `waiting` files of Bronze that Silver has not
    taken; `pulled_at` the start of the last pull that ended well; `looked_at` the newest change when a check was
    settled last; `open_after` and `is_whole_open` what an open difference asks for.
    """

    newest: datetime | None
    last_id: int
    waiting: int
    pulled_at: datetime | None
    looked_at: datetime | None
    open_after: datetime | None
    is_whole_open: bool


def span_to_check(conn: connection, *, whole: bool) -> Span:
    """What no check has settled yet; with `whole`, everything that is in Silver."""
    return Span(*_SQL.one(conn, "span_to_check", {"whole": whole}))


def silver_totals(conn: connection, span: Span) -> Totals:
    """What Silver holds of the span."""
    sales, lines, net_amount, checksum = _SQL.one(conn, "silver_totals", vars(span))
    return Totals(sales, lines, net_amount, int(checksum))


def bronze_counts(conn: connection, span: Span) -> tuple[int, int]:
    """Headers and lines in the files that cover the span."""
    sales, lines = _SQL.one(conn, "bronze_counts", vars(span))
    return sales, lines


def gold_totals(conn: connection, span: Span) -> GoldTotals:
    """What the fact holds of the span, and what it should."""
    return GoldTotals(*_SQL.one(conn, "gold_totals", vars(span)))


def sales_of_silver(conn: connection, span: Span) -> dict[int, SilverSale]:
    """Each sale of the span, or what of it is there."""
    return {
        sale_id: SilverSale(header, tuple(lines), net_amount)
        for sale_id, header, lines, net_amount in _SQL.rows(conn, "sales_of_silver", vars(span))
    }


def sales_that_differ_in_gold(conn: connection, span: Span) -> list[int]:
    """Sales of which the fact holds other lines or amounts than it has taken from Silver."""
    return [sale_id for (sale_id,) in _SQL.rows(conn, "sales_that_differ_in_gold", vars(span))]


def in_quarantine(conn: connection, datasets: Sequence[str], records: Iterable[bytes]) -> set[bytes]:
    """Those of the records that are in quarantine, as they stand there. A record that was let in later is not."""
    raws = sorted(set(records))
    if not raws:
        return set()
    found = _SQL.rows(conn, "in_quarantine", {"datasets": list(datasets), "raws": raws})
    return {bytes(raw) for (raw,) in found}


def in_open_gaps(conn: connection, ids: Iterable[int]) -> set[int]:
    """Those of the sale ids that a pull has passed over and that every run asks for again."""
    wanted = sorted(set(ids))
    return {one for (one,) in _SQL.rows(conn, "in_open_gaps", {"ids": wanted})} if wanted else set()


def listing_state(conn: connection, dataset: str) -> ListingState:
    """Where the checks of a listing stand."""
    return ListingState(*_SQL.one(conn, "state_of_listing", {"dataset": dataset}, _names_of(dataset)))


def listing_totals(conn: connection, dataset: str, window: Window) -> RecordTotals:
    """What Silver holds of the window."""
    count, checksum = _SQL.one(conn, "totals_of_listing", vars(window), _names_of(dataset))
    return RecordTotals(count, int(checksum))


def records_of_silver(
    conn: connection, dataset: str, window: Window, ids: Sequence[int]
) -> dict[int, tuple[int, datetime]]:
    """Checksum and moment of change of each record of the window, and of those with these ids."""
    values = vars(window) | {"ids": list(ids)}
    return {
        one: (checksum, at) for one, checksum, at in _SQL.rows(conn, "records_of_listing", values, _names_of(dataset))
    }


def cursors_before(conn: connection, dataset: str) -> list[str]:
    """Cursors that our pulls stood at, the latest first, fewer and fewer the older they are."""
    return [cursor for (cursor,) in _SQL.rows(conn, "cursors_before", {"dataset": dataset})]


def add_reconciliation(conn: connection, rows: Iterable[Noted]) -> None:
    """Record a check, one row a dataset."""
    for row in rows:
        _SQL.execute(conn, "add_reconciliation", asdict(row))


def is_unbalanced(conn: connection) -> bool:
    """Whether a difference of what is declared was found that no later check has found gone: another check is due."""
    return bool(_SQL.one(conn, "has_open_difference", {"datasets": list(TABLES)})[0])


def is_unchecked(conn: connection) -> bool:
    """Whether Silver holds records that no check has looked at: the one after their load did not get to its end."""
    (through,) = _SQL.one(conn, "looked_at_through")
    if span_to_check(conn, whole=False).up_to > int(through):
        return True
    return any(_SQL.one(conn, "has_unchecked_changes", {"dataset": name}, _names_of(name))[0] for name in LISTINGS)


def overlap(state: ListingState, lookback_minutes: float) -> datetime | None:
    """The moment after which an hour compares a listing that changes; None: from the beginning.

    Twice the lookback before what the last check saw: what is late then is late by one lookback at most, so that this
    check sees whether it has come.
    """
    if state.looked_at is None:
        return None
    try:
        since = state.looked_at - timedelta(minutes=2 * lookback_minutes)
    except OverflowError:
        return None
    return since if state.open_after is None else min(since, state.open_after)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def _names_of(dataset: str) -> dict[str, sql.Identifier]:
    return {
        "table": sql.Identifier("silver", dataset),
        "key": sql.Identifier(ENTITIES[dataset].key),
        "checksum": sql.Identifier("meta", f"{dataset}_checksum"),
    }
