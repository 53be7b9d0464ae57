"""The figures of Bronze, Silver and Gold for a span of sales or a window of other records, and the record of checks.

`quality.reconcile` compares them with the source; this module reads the figures and records the verdicts in `meta`.
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
    """Counts of sales and lines, the lines' net amount, and a checksum over all of it; None: the source gives none."""

    sales: int
    lines: int
    net_amount: Decimal
    checksum: int | None = None

    def agrees(self, other: Totals) -> bool:
        """Whether the figures that both have are equal."""
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
    """The number of records of a changing listing, and a checksum over them."""

    count: int
    checksum: int

    def __add__(self, other: RecordTotals) -> RecordTotals:
        return RecordTotals(self.count + other.count, (self.checksum + other.checksum) % MODULUS)


@dataclass(frozen=True)
class GoldTotals:
    """Lines and net amount in the fact, and in the part of Silver that the fact has read."""

    lines: int
    net_amount: Decimal
    expected_lines: int
    expected_net_amount: Decimal

    @property
    def balances(self) -> bool:
        """Whether the fact holds what it has read."""
        return (self.lines, self.net_amount) == (self.expected_lines, self.expected_net_amount)


@dataclass(frozen=True)
class SilverSale:
    """A sale in Silver: checksums of its header, None without one, and of its lines."""

    header: int | None
    lines: tuple[int, ...]
    net_amount: Decimal


@dataclass(frozen=True)
class Noted:
    """One row of a check: the figures of a dataset in each layer, and the verdict. Fields are the table's columns."""

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
    """The state of the checks of a listing, such as customers.

    `newest` is the newest change in Silver, None when it holds none; `waiting` counts files of Bronze that Silver has
    not loaded; `pulled_at` is the start of the last successful pull; `looked_at` the newest change when a check was
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
    """The span that no check has settled yet; with `whole`, everything that is in Silver."""
    return Span(*_SQL.one(conn, "span_to_check", {"whole": whole}))


def silver_totals(conn: connection, span: Span) -> Totals:
    """The totals of the span in Silver."""
    sales, lines, net_amount, checksum = _SQL.one(conn, "silver_totals", vars(span))
    return Totals(sales, lines, net_amount, int(checksum))


def bronze_counts(conn: connection, span: Span) -> tuple[int, int]:
    """Headers and lines in the files that cover the span."""
    sales, lines = _SQL.one(conn, "bronze_counts", vars(span))
    return sales, lines


def gold_totals(conn: connection, span: Span) -> GoldTotals:
    """The totals of the span in the fact, and those it should have."""
    return GoldTotals(*_SQL.one(conn, "gold_totals", vars(span)))


def sales_of_silver(conn: connection, span: Span) -> dict[int, SilverSale]:
    """Each sale of the span, complete or not, by id."""
    return {
        sale_id: SilverSale(header, tuple(lines), net_amount)
        for sale_id, header, lines, net_amount in _SQL.rows(conn, "sales_of_silver", vars(span))
    }


def sales_that_differ_in_gold(conn: connection, span: Span) -> list[int]:
    """Sales whose lines or amounts in the fact differ from what it has read from Silver."""
    return [sale_id for (sale_id,) in _SQL.rows(conn, "sales_that_differ_in_gold", vars(span))]


def in_quarantine(conn: connection, datasets: Sequence[str], records: Iterable[bytes]) -> set[bytes]:
    """The records that are in quarantine in exactly this form. A record that was let in later is not."""
    raws = sorted(set(records))
    if not raws:
        return set()
    found = _SQL.rows(conn, "in_quarantine", {"datasets": list(datasets), "raws": raws})
    return {bytes(raw) for (raw,) in found}


def in_open_gaps(conn: connection, ids: Iterable[int]) -> set[int]:
    """The sale ids that lie in open gaps: passed over by a pull and asked for again by every run."""
    wanted = sorted(set(ids))
    return {one for (one,) in _SQL.rows(conn, "in_open_gaps", {"ids": wanted})} if wanted else set()


def listing_state(conn: connection, dataset: str) -> ListingState:
    """The state of the checks of a listing."""
    return ListingState(*_SQL.one(conn, "state_of_listing", {"dataset": dataset}, _names_of(dataset)))


def listing_totals(conn: connection, dataset: str, window: Window) -> RecordTotals:
    """The totals of the window in Silver."""
    count, checksum = _SQL.one(conn, "totals_of_listing", vars(window), _names_of(dataset))
    return RecordTotals(count, int(checksum))


def records_of_silver(
    conn: connection, dataset: str, window: Window, ids: Sequence[int]
) -> dict[int, tuple[int, datetime]]:
    """Checksum and moment of change of each record of the window, and of the records with these ids."""
    values = vars(window) | {"ids": list(ids)}
    return {
        one: (checksum, at) for one, checksum, at in _SQL.rows(conn, "records_of_listing", values, _names_of(dataset))
    }


def cursors_before(conn: connection, dataset: str) -> list[str]:
    """Cursors that earlier pulls reached, the latest first, ever sparser with age."""
    return [cursor for (cursor,) in _SQL.rows(conn, "cursors_before", {"dataset": dataset})]


def add_reconciliation(conn: connection, rows: Iterable[Noted]) -> None:
    """Record a check, one row per dataset."""
    for row in rows:
        _SQL.execute(conn, "add_reconciliation", asdict(row))


def is_unbalanced(conn: connection) -> bool:
    """Whether a check found a difference that no later check has settled, so that another check is due."""
    return bool(_SQL.one(conn, "has_open_difference", {"datasets": list(TABLES)})[0])


def is_unchecked(conn: connection) -> bool:
    """Whether Silver holds records that no check has seen, as the check after their load did not finish."""
    (through,) = _SQL.one(conn, "looked_at_through")
    if span_to_check(conn, whole=False).up_to > int(through):
        return True
    return any(_SQL.one(conn, "has_unchecked_changes", {"dataset": name}, _names_of(name))[0] for name in LISTINGS)


def overlap(state: ListingState, lookback_minutes: float) -> datetime | None:
    """The moment after which an hourly run compares a changing listing; None: from the beginning.

    It is twice the lookback before what the last check saw: a change that was late then is late by one lookback at
    most, so that this check sees whether it has arrived.
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
