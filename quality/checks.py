"""The check of one entity against the source: what differs, what explains it, and the rows that record it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from medallion.database import transaction
from medallion.errors import NotOffered
from medallion.state.accepted_differences import accept_differences
from medallion.state.gold_progress import gold_rebuild_wanted
from medallion.state.reconciliation import (
    GoldTotals,
    Noted,
    Span,
    Window,
    bronze_counts,
    gold_totals,
    listing_totals,
    overlap,
    sales_that_differ_in_gold,
    silver_totals,
)
from quality.listing_differences import RecordsFound, compare_records
from quality.sales_differences import SalesFound, compare_sales, some
from quality.verdict import Verdict, verdict_of_records, verdict_of_sales

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeVar

    from psycopg2.extensions import connection

    from ingestion.api.client import SourceClient
    from medallion.state.accepted_differences import Difference
    from medallion.state.reconciliation import ListingState, RecordTotals, Totals

    Found = TypeVar("Found", SalesFound, RecordsFound)


@dataclass(frozen=True)
class CheckResult:
    """A check of an entity. `subject` names what was compared, `rows` is what is recorded.

    `has_gold`: Gold was compared too, where the entity has any; it is not compared while it waits for a rebuild.
    """

    entity: str
    subject: str
    verdict: Verdict
    rows: tuple[Noted, ...]
    differences: tuple[Difference, ...] = ()
    has_gold: bool = field(default=True, kw_only=True)

    @property
    def status(self) -> str:
        """BALANCED, EXPLAINED, DIFFERENT or UNCHECKED."""
        return self.verdict.status

    @property
    def difference(self) -> str | None:
        """What differs, in words."""
        return self.verdict.difference

    def summary(self) -> str:
        """One line for a person."""
        agree = "all layers agree" if self.has_gold else "source and Silver agree; Gold waits to be built again"
        said = {"BALANCED": agree, "EXPLAINED": f"explained: {self.difference}"}
        return f"{self.subject}: {said.get(self.status, self.difference)}"


@dataclass(frozen=True)
class CheckedSales(CheckResult):
    """A check of sales: its span, and the totals of both sides."""

    span: Span = field(default_factory=lambda: Span(0, 0))
    source: Totals | None = None
    silver: Totals | None = None
    late: int = 0
    in_quarantine: tuple[int, int] = (0, 0)
    accepted: int = 0


def check_sales(conn: connection, source: SourceClient, span: Span, *, run_id: str, accept: bool) -> CheckedSales:
    """Compare the sales of the span with the source, and Bronze, Silver and Gold with each other."""
    found = _compared(conn, lambda: compare_sales(conn, source, span), run_id=run_id, accept=accept)
    with transaction(conn):
        silver = silver_totals(conn, span) if found is None else found.silver
        bronze, gold, is_stale = bronze_counts(conn, span), gold_totals(conn, span), gold_rebuild_wanted(conn)
        ours = _our_layers(conn, span, bronze, silver, None if is_stale else gold)
    verdict = verdict_of_sales(found, ours)
    words = f"sales {span.after + 1} to {span.up_to}"
    if found is not None:
        words += f": {found.source.sales:,} sales, {found.source.lines:,} lines, control sum {found.source.net_amount}"
        words += "" if found.source.checksum is not None else " (counts and amounts only)"
    return CheckedSales(
        "sales",
        words,
        verdict,
        _rows_of_sales(run_id, span, found, silver, bronze, gold, verdict),
        tuple(found.differences) if found else (),
        span,
        found.source if found else None,
        silver,
        len(found.late) if found else 0,
        found.in_quarantine if found else (0, 0),
        len(found.accepted) if found else 0,
        has_gold=not is_stale,
    )


@dataclass(frozen=True)
class Scope:
    """The scope of a check of a changing listing: `whole`, or recent changes; `accept` accepts what differs."""

    dataset: str
    whole: bool = False
    accept: bool = False


def check_records(
    conn: connection,
    source: SourceClient,
    scope: Scope,
    state: ListingState,
    lookback_minutes: float,
    *,
    run_id: str,
) -> CheckResult:
    """Compare a changing listing with the source."""
    dataset = scope.dataset
    since = None if scope.whole or state.is_whole_open else overlap(state, lookback_minutes)
    window = Window() if since is None else Window(updated_after=since, updated_up_to=state.newest)

    def compare() -> RecordsFound:
        return compare_records(conn, source, dataset, window, state, lookback_minutes)

    found = _compared(conn, compare, run_id=run_id, accept=scope.accept)
    verdict = verdict_of_records(dataset, found)
    words = f"all {dataset}" if since is None else f"{dataset} changed since {since:%Y-%m-%d %H:%M:%S}"
    words += f": {found.source.count:,}" if found is not None else ""
    with transaction(conn):
        silver = found.silver if found else listing_totals(conn, dataset, window)
    row = _row_of_records(run_id, dataset, window, state, found, silver, verdict)
    return CheckResult(dataset, words, verdict, (row,), tuple(found.differences) if found else ())


def _compared(conn: connection, compare: Callable[[], Found], *, run_id: str, accept: bool) -> Found | None:
    """What a comparison finds, the second time after its differences were accepted; None: the source has no totals."""
    try:
        found = compare()
        if accept and found.differences:
            with transaction(conn):
                accept_differences(conn, _acceptable(found.differences), run_id=run_id)
            found = compare()
    except NotOffered:
        return None
    return found


def _acceptable(differences: Iterable[Difference]) -> list[Difference]:
    """The differences that may be accepted. A record that Silver lacks never is: it is pulled again."""
    return [one for one in differences if one.silver is not None]


def _row_of_records(
    run_id: str,
    dataset: str,
    window: Window,
    state: ListingState,
    found: RecordsFound | None,
    silver: RecordTotals,
    verdict: Verdict,
) -> Noted:
    """The row of a listing, by the window that was compared."""
    return Noted(
        run_id=run_id,
        dataset=dataset,
        status=verdict.status,
        difference=verdict.difference,
        is_settled=verdict.is_settled,
        after_id=0,
        up_to_id=state.last_id,
        source_count=found.source.count if found else None,
        bronze_count=0,
        silver_count=silver.count,
        late_count=found.late_count if found else 0,
        rejected_count=found.rejected_count if found else 0,
        accepted_count=found.accepted_count if found else 0,
        source_checksum=found.source.checksum if found else None,
        silver_checksum=silver.checksum,
        updated_after=window.updated_after,
        updated_up_to=state.newest,
    )


def _our_layers(
    conn: connection, span: Span, bronze: tuple[int, int], silver: Totals, gold: GoldTotals | None
) -> list[tuple[str, str]]:
    """Differences between Bronze, Silver and Gold, each with its remedy: never the source's fault, never accepted.

    `gold` is None while Gold waits for a rebuild.
    """
    found = []
    if bronze[0] < silver.sales or bronze[1] < silver.lines:
        what = f"Bronze's receipts hold {bronze[0]:,} sales and {bronze[1]:,} lines, Silver {silver.sales:,} and "
        found.append((f"{what}{silver.lines:,}", "Bronze's receipts: trigger a run with full_refresh"))
    if gold is not None and not gold.balances:
        ids = sales_that_differ_in_gold(conn, span)
        taken = f"{gold.expected_lines:,} lines, control sum {gold.expected_net_amount}"
        holds = f"{gold.lines:,} lines, control sum {gold.net_amount}"
        what = f"Gold holds {holds}; it took {taken} from Silver: sales {some(ids)}"
        found.append((what, "Gold: ./retail rebuild --in-place builds it again from Bronze"))
    return found


def _rows_of_sales(
    run_id: str,
    span: Span,
    found: SalesFound | None,
    silver: Totals,
    bronze: tuple[int, int],
    gold: GoldTotals,
    verdict: Verdict,
) -> tuple[Noted, Noted]:
    """One row for the headers, one for the lines with the amounts and the checksum over both."""
    counted = found or SalesFound()
    both = Noted(
        run_id=run_id,
        dataset="sales_customer",
        status=verdict.status,
        difference=verdict.difference,
        is_settled=verdict.is_settled,
        after_id=span.after,
        up_to_id=span.up_to,
        source_count=counted.source.sales if found else None,
        bronze_count=bronze[0],
        silver_count=silver.sales,
        late_count=counted.late_totals.sales,
        rejected_count=counted.in_quarantine[0],
        accepted_count=counted.accepted_totals.sales,
    )
    return both, replace(
        both,
        dataset="sales_product",
        source_count=counted.source.lines if found else None,
        bronze_count=bronze[1],
        silver_count=silver.lines,
        late_count=counted.late_totals.lines,
        rejected_count=counted.in_quarantine[1],
        accepted_count=counted.accepted_totals.lines,
        gold_count=gold.lines,
        source_net_amount=counted.source.net_amount if found else None,
        silver_net_amount=silver.net_amount,
        gold_net_amount=gold.net_amount,
        late_net_amount=counted.late_totals.net_amount,
        accepted_net_amount=counted.accepted_totals.net_amount,
        source_checksum=counted.source.checksum if found else None,
        silver_checksum=silver.checksum,
    )
