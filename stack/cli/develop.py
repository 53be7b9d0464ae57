"""`./retail` commands of those who change the platform: its tests and its benchmarks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stack.cli.context import PASS_ON, AsJson, where_the_user_stands
from stack.host.console import Talk

_DEEP = "Tests too heavy for CI: one room (dates, hours, nemesis, search, sparse) or every."


def add_developer_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command(context_settings=PASS_ON, epilog="Example: ./retail test --fast -k watermark")(test)
    app.command(epilog="Example: ./retail bench --sales 100000 --rounds 3 --engine ours --engine dlt")(bench)


def test(
    context: typer.Context,
    *,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out what needs a database or processes.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also the slow tests, as CI does.")] = False,
    dates: Annotated[bool, typer.Option("--dates", help="All tests at each shifted date, and nothing else.")] = False,
    date: Annotated[str | None, typer.Option("--date", help="As --dates, at this date only.")] = None,
    deep: Annotated[str | None, typer.Option("--deep", help=_DEEP)] = None,
) -> None:
    """Run lint, format, types, SQL lint and tests. Everything else is passed to pytest."""
    from stack.commands.checks import run_at_dates, run_checks, run_deep

    if deep is not None:
        raise typer.Exit(run_deep(Talk(), context.args, deep))
    if dates or date is not None:
        raise typer.Exit(run_at_dates(Talk(), context.args, only=date))
    raise typer.Exit(run_checks(Talk(), context.args, fast=fast, everything=everything))


def bench(
    *,
    sales: Annotated[int, typer.Option(min=1, help="How many sales the source holds.")] = 100_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often each engine runs, in turn.")] = 3,
    engine: Annotated[list[str] | None, typer.Option(help="Only this engine; may be given several times.")] = None,
    output: Annotated[Path | None, typer.Option(help="Folder of the results. Default: RETAIL_HOME/bench.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure this pipeline, its peers (dlt, Singer, the naive way) and its limits side by side on this machine."""
    from stack.commands.checks import run_benchmarks

    chosen = [word for name in engine or () for word in ("--engine", name)]
    where = ["--output", str(where_the_user_stands(output))] if output else []
    run_benchmarks(["--sales", str(sales), "--rounds", str(rounds), *chosen, *where, *(["--json"] if as_json else [])])
