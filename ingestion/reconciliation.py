"""Control totals: what the source says it sold, against what each layer holds: `python -m ingestion.reconciliation`.

Each run checks the sales that no check has found balanced yet, so it costs what the hour brought; with `--all`
everything is checked again. When totals differ, the source is asked where: the span is halved until single sales can
be compared, so a message names ids and not sums.

A difference that stays, such as a sale that the source has withdrawn, is accepted once with `--accept`: it is kept on
record, and only what is new then counts.

A difference need not be an error. A sale may be committed between the page and the totals; its id then lies in an
open gap, the next run brings it, and the span is checked once more. Records that Silver set aside are counted as such.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from ingestion.client import SourceClient
from ingestion.gaps import by_gap
from ingestion.split import sale_id_of
from loaders.command import hand_run_id, run_step
from loaders.database import transaction
from loaders.errors import DataQualityError, EntityLocked
from loaders.reconciliation import (
    Checked,
    SetAside,
    Span,
    Totals,
    add_reconciliation,
    bronze_counts,
    gold_totals,
    sales_of_silver,
    sales_that_differ_in_gold,
    set_aside,
    silver_totals,
    span_to_check,
    was_accepted,
)
from loaders.state_store import open_gaps, sales_waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from psycopg2.extensions import connection

    from loaders.config import Settings
    from loaders.reconciliation import GoldTotals
    from loaders.state_store import IdRange

log = logging.getLogger(__name__)
_NAMED = 10  # ids that a message names before it only counts


@dataclass(frozen=True)
class Reconciled:
    """A check that found no error. `checked` is None when there was nothing to check."""

    checked: Checked | None

    def summary(self) -> str:
        """One line for a person."""
        if self.checked is None:
            return "reconciliation: nothing new to check"
        span, source = self.checked.span, self.checked.source
        words = f"sales {span.after + 1} to {span.up_to}: {source.sales:,} sales, {source.lines:,} lines"
        aside = f", {sum(self.checked.rejected):,} records set aside" if any(self.checked.rejected) else ""
        verdict = self.checked.difference or "all layers agree"
        return f"reconciliation: {words}, {source.net_amount} net{aside}: {verdict}"


@dataclass
class _Differences:
    """Ids at which source and Silver differ."""

    missing: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.missing or self.unknown or self.changed)

    def words(self) -> str:
        named = {
            "missing in Silver": self.missing,
            "not at the source": self.unknown,
            "with other lines or amounts": self.changed,
        }
        return "; ".join(f"sales {what}: {_some(ids)}" for what, ids in named.items() if ids)


def reconcile_sales(
    conn: connection, settings: Settings, *, run_id: str, whole: bool = False, accept: bool = False
) -> Reconciled:
    """Check the totals of the sales that are new to it, or that differed. Raises DataQualityError, naming ids.

    `accept` puts a difference on record as one that stays.
    """
    with transaction(conn):
        span = span_to_check(conn, whole=whole)
    if span.is_empty:
        return Reconciled(None)
    with SourceClient(settings) as source:
        checked = _check(conn, source, span)
    with transaction(conn):
        if checked.may_stay and (accept or was_accepted(conn, str(checked.difference))):
            checked = replace(checked, status="ACCEPTED")
        add_reconciliation(conn, run_id, checked)
    if checked.status == "DIFFERENT":
        raise DataQualityError(
            f"reconciliation of sales {span.after + 1} to {span.up_to}: {checked.difference}",
            remedy="missing or changed sales: trigger a run with full_refresh; sales the source has withdrawn, or a "
            "difference that stays: python -m ingestion.reconciliation --accept"
            if checked.may_stay
            else "./retail rebuild compares every layer with Bronze; ./retail rebuild --in-place mends it",
        )
    reconciled = Reconciled(checked)
    log.info("%s", reconciled.summary())
    return reconciled


def reconcile_all(conn: connection, settings: Settings, *, run_id: str) -> Reconciled:
    """Check every sale in Silver, whenever it came. Raises as `reconcile_sales`.

    Raises EntityLocked, which is worth another try, while files wait to be loaded: an hour is on its way.
    """
    with transaction(conn):
        waiting = sales_waiting(conn)
    if waiting:
        raise EntityLocked(f"{waiting} files of sales wait for Silver", remedy="try again once the hour has ended")
    return reconcile_sales(conn, settings, run_id=run_id, whole=True)


def _check(conn: connection, source: SourceClient, span: Span) -> Checked:
    told = source.sales_totals(span.after, span.up_to)
    with transaction(conn):
        silver, gold, bronze = silver_totals(conn, span), gold_totals(conn, span), bronze_counts(conn, span)
    ours = _within(conn, span, bronze, silver, gold)
    if told == silver:
        return Checked(span, told, bronze, silver, (0, 0), gold, *_verdict(_Differences(), [], ours))
    with transaction(conn):
        aside, gaps = set_aside(conn), open_gaps(conn)
    rejected = _inside(aside.headers, span), _inside(aside.lines, span)
    differences = _compare(conn, source, span, aside)
    return Checked(span, told, bronze, silver, rejected, gold, *_verdict(differences, gaps, ours))


def _within(conn: connection, span: Span, bronze: tuple[int, int], silver: Totals, gold: GoldTotals) -> list[str]:
    """What differs between our own layers: never a matter of the source, and never accepted."""
    words = []
    if bronze[0] < silver.sales or bronze[1] < silver.lines:
        words.append(
            f"Bronze's receipts hold {bronze[0]:,} sales and {bronze[1]:,} lines, "
            f"Silver {silver.sales:,} and {silver.lines:,}"
        )
    if not gold.balances:
        taken = f"{gold.expected_lines:,} lines, {gold.expected_net_amount} net"
        with transaction(conn):
            ids = sales_that_differ_in_gold(conn, span)
        words.append(
            f"Gold holds {gold.lines:,} lines, {gold.net_amount} net; it took {taken} from Silver: sales {_some(ids)}"
        )
    return words


def _verdict(differences: _Differences, gaps: Sequence[IdRange], ours: list[str]) -> tuple[str, str | None]:
    """The status of a check, and what differs: from the source, and between our own layers."""
    words = [differences.words(), *ours] if differences else ours
    if not words:
        return "BALANCED", None
    to_come = sum(map(len, by_gap(gaps, differences.missing).values()))
    only_missing = not (differences.unknown or differences.changed or ours)
    late = only_missing and to_come == len(differences.missing)
    return ("LATE" if late else "DIFFERENT"), "; ".join(words)


def _compare(conn: connection, source: SourceClient, span: Span, aside: SetAside) -> _Differences:
    """Sale by sale, in those parts of the span whose totals differ. What was set aside is no difference."""
    headers = {sale_id_of(record) for record in aside.headers}
    lines = Counter(sale_id_of(record) for record in aside.lines)
    found = _Differences()
    for part in _differing(conn, source, span):
        there = dict(_sales_of_source(source, part))
        with transaction(conn):
            here = sales_of_silver(conn, part)
        found.missing += sorted(there.keys() - here.keys() - headers)
        found.unknown += sorted(here.keys() - there.keys())
        both = sorted(here.keys() & there.keys())
        found.changed += [one for one in both if not _agrees(there[one], here[one], lines[one])]
    return found


def _agrees(there: tuple[int, Decimal], here: tuple[int, Decimal], set_aside_lines: int) -> bool:
    """Whether Silver has all lines of a sale but those in quarantine. The amount of these is not known."""
    return here[0] + set_aside_lines == there[0] if set_aside_lines else here == there


def _differing(conn: connection, source: SourceClient, span: Span) -> Iterator[Span]:
    """The parts of a span, each a page or less, whose totals differ."""
    with transaction(conn):
        silver = silver_totals(conn, span)
    if source.sales_totals(span.after, span.up_to) == silver:
        return
    if span.up_to - span.after <= source.page_size:
        yield span
        return
    middle = (span.after + span.up_to) // 2
    yield from _differing(conn, source, Span(span.after, middle))
    yield from _differing(conn, source, Span(middle, span.up_to))


def _sales_of_source(source: SourceClient, span: Span) -> Iterator[tuple[int, tuple[int, Decimal]]]:
    """Lines and net amount of each sale that can be read. One that cannot is in quarantine."""
    for page in source.pages("sales", str(span.after), up_to=span.up_to):
        for item in page.items:
            if (sale_id := sale_id_of(item)) is not None:
                yield sale_id, _lines_and_net(item)


def _lines_and_net(item: bytes) -> tuple[int, Decimal]:
    """Of a sale as it came; an amount that cannot be added up is 0, and its line in quarantine."""
    try:
        lines = json.loads(item, parse_float=Decimal)["lines"]
        count = len(lines)
    except (LookupError, TypeError, ValueError):
        return 0, Decimal(0)
    try:
        return count, sum((_net(line) for line in lines), Decimal(0))
    except (ArithmeticError, LookupError, TypeError):
        return count, Decimal(0)


def _net(line: dict[str, object]) -> Decimal:
    return Decimal(str(line["quantity"])) * Decimal(str(line["unit_price"])) - Decimal(str(line["discount"]))


def _inside(records: Iterable[bytes], span: Span) -> int:
    return sum(span.after < (sale_id_of(record) or 0) <= span.up_to for record in records)


def _some(ids: list[int]) -> str:
    named = ", ".join(map(str, ids[:_NAMED]))
    return named + (f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else "")


if __name__ == "__main__":
    run_step(
        lambda conn, settings: reconcile_sales(
            conn,
            settings,
            run_id=hand_run_id(),
            whole="--all" in sys.argv[1:],
            accept="--accept" in sys.argv[1:],
        ).summary()
    )
