"""`./retail rejects …`: records in quarantine."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from stack.cli.context import AsJson, open_warehouse
from stack.cli.group import CommandGroup
from stack.host.console import Talk, print_data

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.rejects import Reject

rejects = typer.Typer(
    cls=CommandGroup,
    help="Records in quarantine: list, show, retry, discard.",
    no_args_is_help=True,
    epilog="Example: ./retail rejects list",
)
RejectIds = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="As `rejects list` shows them.")]
EveryReject = Annotated[bool, typer.Option("--all", help="Every open record.")]


@rejects.command("list", epilog="Example: ./retail rejects list --dataset customers --json")
def list_(
    *,
    dataset: Annotated[str | None, typer.Option(help="Only of this dataset.")] = None,
    status: Annotated[str, typer.Option(help="OPEN, RESOLVED, DISCARDED or ALL.")] = "OPEN",
    limit: Annotated[int, typer.Option(min=1, help="Most records to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List records in quarantine, oldest first."""
    from loaders.rejects import list_rejects
    from stack.cli.reject_table import as_data, print_rejects

    wanted = None if status.upper() == "ALL" else status.upper()
    with open_warehouse() as (conn, _):
        found = list_rejects(conn, dataset=dataset, status=wanted, limit=limit)
    if as_json:
        print_data(json.dumps([as_data(one) for one in found], indent=2))
    else:
        print_rejects(found, Console(highlight=False, soft_wrap=True), wanted)


@rejects.command(epilog="Example: ./retail rejects show 17")
def show(record_id: Annotated[int, typer.Argument(metavar="ID")], *, as_json: AsJson = False) -> None:
    """Show one record in quarantine: reason, field, file and line, and the record itself."""
    from loaders.rejects import show_rejects
    from stack.cli.reject_table import as_data, print_reject

    with open_warehouse() as (conn, _):
        (found,) = show_rejects(conn, [record_id])
    if as_json:
        print_data(json.dumps(as_data(found), indent=2))
    else:
        print_reject(found, Console(highlight=False, soft_wrap=True))


@rejects.command(epilog="Example: ./retail rejects retry --all")
def retry(ids: RejectIds = None, *, everything: EveryReject = False, as_json: AsJson = False) -> None:
    """Check records in quarantine by today's rules, and load those that fit now."""
    from medallion.process.step import hand_run_id
    from stack.commands.retry import retry as retry_chosen

    with open_warehouse() as (conn, settings):
        retried = retry_chosen(conn, settings, _chosen(conn, ids, everything=everything), run_id=hand_run_id())
    if as_json:
        print_data(json.dumps(asdict(retried), indent=2))
    else:
        Talk().say(retried.summary())
        for number, reason in zip(retried.refused, retried.reasons, strict=True):
            Talk().say(f"{number}: {reason}")
    if retried.refused:
        raise typer.Exit(6)


@rejects.command(epilog="Example: ./retail rejects discard 17 18")
def discard(ids: RejectIds = None, *, everything: EveryReject = False, as_json: AsJson = False) -> None:
    """Discard records in quarantine: they no longer count as open, and stay readable."""
    from loaders.rejects import discard_rejects

    with open_warehouse() as (conn, _):
        count = discard_rejects(conn, _chosen(conn, ids, everything=everything))
    if as_json:
        print_data(json.dumps({"discarded": count}))
    else:
        Talk().say(f"{count:,} discarded")


def _chosen(conn: connection, ids: list[int] | None, *, everything: bool) -> list[Reject]:
    from loaders.rejects import list_rejects, show_rejects

    if everything == bool(ids):
        raise typer.BadParameter("name records by id, or all of them with --all")
    return list_rejects(conn) if everything else show_rejects(conn, ids or [])
