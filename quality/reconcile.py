"""Reconciliation: compares the source's control totals with each layer: `python -m quality.reconcile`.

Each run checks what no check has settled yet: new sales and those of open checks, and customers and products that
changed recently. So its cost depends on the new data only. With `--all` everything is checked again. Where totals
differ, the span is halved until single records can be compared, so a message names ids and not sums.

`--accept` records the differences found as accepted, such as a sale that the source has withdrawn: with exactly these
figures of both sides, so that a difference that changes is found again. `--repair 1 2 3` pulls these sales again, and
they replace what Silver holds.
"""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingestion.api.client import SourceClient
from ingestion.sales import SALES
from medallion.database import transaction
from medallion.entities.registry import ENTITIES, LISTINGS
from medallion.errors import DataQualityError, EntityLocked
from medallion.process.step import hand_run_id, run_step
from medallion.state.receipts import files_waiting
from medallion.state.reconciliation import ListingState, Span, add_reconciliation, listing_state, span_to_check
from quality.checks import CheckedSales, CheckResult, Scope, check_records, check_sales
from quality.repair import repair_sales

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import connection

    from medallion.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReconcileResult:
    """Checks that found no error. `checked`: of sales, None without new ones; `others`: of the other entities."""

    checked: CheckedSales | None
    others: tuple[CheckResult, ...] = ()

    @property
    def checks(self) -> list[CheckResult]:
        """All of them."""
        return [*([self.checked] if self.checked else []), *self.others]

    def summary(self) -> str:
        """One line for a person."""
        return "reconciliation: " + ("; ".join(one.summary() for one in self.checks) or "nothing new to check")


def reconcile_sales(
    conn: connection, settings: Settings, *, run_id: str, whole: bool = False, accept: bool = False
) -> ReconcileResult:
    """Check what no check has settled yet, with `whole` everything. Raises DataQualityError, naming ids.

    `accept` records the differences from the source as accepted.
    """
    with transaction(conn):
        span = span_to_check(conn, whole=whole)
        states = {name: listing_state(conn, name) for name in LISTINGS}
    due = {name: state for name, state in states.items() if _is_due(state)}
    if span.is_empty and not due:
        return ReconcileResult(None)
    checks: list[CheckResult] = []
    with SourceClient(settings) as source:
        sales = None if span.is_empty else _sales(conn, source, span, run_id, accept=accept)
        for name, state in due.items():
            scope = Scope(name, whole=whole, accept=accept)
            checked = _records(conn, source, settings, scope, state, run_id)
            checks += [checked] if checked else []
    reconciled = ReconcileResult(sales, tuple(checks))
    _raise_what_differs(reconciled.checks)
    unchecked = any(one.status == "UNCHECKED" for one in reconciled.checks)
    log.log(logging.WARNING if unchecked else logging.INFO, "%s", reconciled.summary())
    return reconciled


def reconcile_all(conn: connection, settings: Settings, *, run_id: str) -> ReconcileResult:
    """Check every record in Silver, whenever it was loaded. Raises as `reconcile_sales`.

    Raises EntityLocked, which is worth another try, while files wait to be loaded by a run.
    """
    with transaction(conn):
        waiting = files_waiting(conn, SALES.datasets)
    if waiting:
        raise EntityLocked(f"{waiting} files of sales wait for Silver", remedy="try again after the hourly run")
    return reconcile_sales(conn, settings, run_id=run_id, whole=True)


def _is_due(state: ListingState) -> bool:
    """Whether a changing listing can be checked. While files wait for Silver, the check after their load does it."""
    return not state.waiting and (state.newest is not None or state.pulled_at is not None)


def _sales(conn: connection, source: SourceClient, span: Span, run_id: str, *, accept: bool) -> CheckedSales:
    checked = check_sales(conn, source, span, run_id=run_id, accept=accept)
    with transaction(conn):
        add_reconciliation(conn, checked.rows)
    return checked


def _records(
    conn: connection, source: SourceClient, settings: Settings, scope: Scope, state: ListingState, run_id: str
) -> CheckResult | None:
    """The check of a listing; None where the source has no totals of an optional entity, and Silver no record."""
    checked = check_records(conn, source, scope, state, getattr(settings, LISTINGS[scope.dataset]), run_id=run_id)
    if checked.status == "UNCHECKED" and state.newest is None and ENTITIES[scope.dataset].is_optional:
        return None
    with transaction(conn):
        add_reconciliation(conn, checked.rows)
    return checked


def _raise_what_differs(checks: Sequence[CheckResult]) -> None:
    """Raise one error for all entities, after all of them were checked."""
    different = [one for one in checks if one.status == "DIFFERENT"]
    if different:
        raise DataQualityError(
            f"reconciliation of {'; '.join(f'{one.subject}: {one.difference}' for one in different)}",
            remedy="; ".join(dict.fromkeys(remedy for one in different for remedy in one.verdict.remedies)),
        )


def _step(words: Sequence[str]) -> Callable[[connection, Settings], str]:
    """The step that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m quality.reconcile", description="Compare with the source.")
    parser.add_argument("--all", action="store_true", help="check everything, not only what is new or open")
    parser.add_argument("--accept", action="store_true", help="accept the named differences: they are kept on record")
    parser.add_argument(
        "--repair", nargs="+", type=int, metavar="ID", help="pull these sales again in place of Silver's"
    )
    asked = parser.parse_args(words)
    if asked.repair:
        return lambda conn, settings: repair_sales(conn, settings, asked.repair, run_id=hand_run_id()).summary()
    return lambda conn, settings: reconcile_sales(
        conn, settings, run_id=hand_run_id(), whole=asked.all, accept=asked.accept
    ).summary()


if __name__ == "__main__":
    run_step(_step(sys.argv[1:]))
