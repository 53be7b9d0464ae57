"""`./retail audits`: what the models of Gold check about their own rows before they publish them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from stack.cli.context import AsJson, open_warehouse
from stack.host.console import MOST_WIDTH, print_data

if TYPE_CHECKING:
    from gold.audits import Audit, Audited


def audits(
    model: Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Of Gold; default: all.")] = None,
    *,
    history: Annotated[int, typer.Option(min=1, help="Results of each audit, newest first.")] = 1,
    as_json: AsJson = False,
) -> None:
    """List the audits of Gold with their last results."""
    from gold.audits import declared_audits, read_audits, share_of_builds
    from medallion.database import transaction

    known = sorted({one.model for one in declared_audits()})
    if model is not None and model not in known:
        raise typer.BadParameter(f"{model!r} has no audits; models with audits: {', '.join(known)}")
    with open_warehouse() as (conn, _), transaction(conn):
        found = read_audits(conn, model=model, results=history)
    if as_json:
        print_data(json.dumps([asdict(one) for one in found], indent=2, default=lambda moment: moment.isoformat()))
    else:
        _print(found, share_of_builds(found), Console(highlight=False, soft_wrap=True, width=MOST_WIDTH))


def _print(found: list[Audit], share: float | None, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "audit", "severity", "at (UTC)", "status", "rows", "value", "seconds"):
        table.add_column(heading, justify="right" if heading in ("rows", "value", "seconds") else "left")
    for audit in found:
        for result in audit.history or (None,):
            table.add_row(audit.model, audit.name, audit.severity, *_cells(result))
    console.print(table)
    if share is not None:
        console.print(f"the last audits took {share:.1%} of the time of their builds")
    for audit in found:
        if audit.last and audit.last.message:
            console.print(f"{audit.model}.{audit.name}: {audit.last.message}", markup=False)


def _cells(result: Audited | None) -> tuple[str, ...]:
    if result is None:
        return ("", "not run yet", "", "", "")
    return (
        f"{result.at:%Y-%m-%d %H:%M}",
        result.status,
        "" if result.rows is None else f"{result.rows:,}",
        "" if result.value is None else f"{result.value:,.6g}",
        "" if result.seconds is None else f"{result.seconds:.3f}",
    )
