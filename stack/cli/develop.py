"""`./retail` commands of those who change the platform: its tests and its benchmarks."""

from __future__ import annotations

import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from stack.cli.context import PASS_ON, AsJson, open_home, where_the_user_stands
from stack.host.console import MOST_WIDTH, Talk, print_data

if TYPE_CHECKING:
    from gold.difference import Difference

_DBT_EXAMPLE = "Example: ./retail dbt build --select mart_sales_by_store"
_DEEP = "Tests too heavy for CI: one room (dates, hours, nemesis, search, slow, sparse) or every."


class Target(Enum):
    """Where dbt builds."""

    DEV = "dev"
    WAREHOUSE = "warehouse"


def add_developer_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command(context_settings=PASS_ON, epilog="Example: ./retail test --fast -k watermark")(test)
    app.command("dbt", context_settings=PASS_ON, epilog=_DBT_EXAMPLE)(dbt)
    app.command(epilog="Example: ./retail diff mart_sales_by_store --json")(diff)
    app.command(epilog="Example: ./retail bench --sales 100000 --rounds 3 --engine ours --engine dlt")(bench)


def test(
    context: typer.Context,
    *,
    fast: Annotated[bool, typer.Option("--fast", help="Leave out what needs a database or processes.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Also a twentieth of the slow tests, as CI does.")] = False,
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


def dbt(
    context: typer.Context,
    *,
    target: Annotated[
        Target, typer.Option(help="dev: in a schema of your own (RETAIL_DEV_SCHEMA); warehouse: the live Gold.")
    ] = Target.DEV,
) -> None:
    """Run dbt on the warehouse, by default in a schema of your own; what it does not build is that of the live Gold."""
    from stack.commands.development import run_any_dbt

    if not context.args:
        raise typer.BadParameter("name a command of dbt, such as build --select mart_sales_by_store")
    if any(one == "-t" or one.partition("=")[0] == "--target" for one in context.args):
        raise typer.BadParameter("put --target first: ./retail dbt --target warehouse build --select sales_item")
    raise typer.Exit(run_any_dbt(*open_home(), Talk(), target.value, context.args))


def diff(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model of Gold.")], *, as_json: AsJson = False
) -> None:
    """Compare a model that you have built with the live one: rows, sums, changed keys. Exit code 1 if they differ."""
    from stack.commands.development import compare_with_live

    found = compare_with_live(*open_home(), Talk(), model)
    if as_json:
        print_data(json.dumps(asdict(found), indent=2, default=lambda moment: moment.isoformat()))
    else:
        _print(found, Console(highlight=False, soft_wrap=True, width=MOST_WIDTH))
    raise typer.Exit(0 if found.is_same else 1)


def _print(found: Difference, console: Console) -> None:
    console.print(
        f"{found.model}: {found.live_rows:,} rows live, {found.built_rows:,} in {found.schema}; "
        f"{found.only_live:,} only live, {found.only_built:,} only built, {found.changed:,} changed"
    )
    if found.built_at:
        console.print(f"built at {found.built_at:%Y-%m-%d %H:%M} UTC; a build that has failed since changed nothing")
    for words, names in (("columns only live", found.lost), ("columns only built", found.added)):
        if names:
            console.print(f"{words}: {', '.join(names)}")
    for kind in found.types:
        console.print(f"type of {kind.column}: {kind.live} live, {kind.built} built", markup=False)
    shown = [one for one in found.columns if one.changed or one.live_sum != one.built_sum]
    if shown:
        table = Table(box=None, pad_edge=False)
        table.add_column("column")
        for heading in ("rows changed", "sum live", "sum built"):
            table.add_column(heading, justify="right")
        for one in shown:
            table.add_row(one.column, f"{one.changed:,}", one.live_sum or "", one.built_sum or "")
        console.print(table)
    for example in found.examples:
        console.print(example, markup=False)
    console.print("the same rows" if found.is_same else "they differ")


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
