"""`./retail superset …`: the commands of dashboards as code."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime  # noqa: TC003 - typer reads the types at run time
from pathlib import Path  # noqa: TC003 - likewise
from typing import TYPE_CHECKING, Annotated

import typer

from dashboards.checking.results import CSV_FILE, summary
from stack.cli.context import AsJson, open_home, where_the_user_stands
from stack.cli.group import CommandGroup
from stack.host.console import Talk, print_data

if TYPE_CHECKING:
    from dashboards.applying import Plan

superset = typer.Typer(
    cls=CommandGroup,
    help="Dashboards: Superset on this machine, what it shows, and whether it shows the truth.",
    no_args_is_help=True,
    epilog="Example: ./retail superset up",
)


@superset.command(epilog="Example: SUPERSET_PORT=9088 ./retail superset up")
def up() -> None:
    """Start Superset with the declared dashboards, in the foreground, until Ctrl-C. Its first start installs it."""
    from stack.commands.superset import serve_superset

    serve_superset(*open_home(), Talk())


@superset.command(epilog="Example: ./retail superset plan")
def plan(*, as_json: AsJson = False) -> None:
    """Show what `apply` would change. Exit code 1 if that is anything."""
    from stack.commands.superset import plan_dashboards

    found = plan_dashboards(*open_home(), Talk())
    _print(found, as_json=as_json)
    if found.changes:
        raise typer.Exit(1)


@superset.command(epilog="Example: ./retail superset apply")
def apply(*, as_json: AsJson = False) -> None:
    """Bring the declared dashboards to the running Superset, and remove those that left superset/."""
    from stack.commands.superset import apply_dashboards

    _print(apply_dashboards(*open_home(), Talk()), as_json=as_json)


@superset.command(epilog="Example: ./retail superset lint")
def lint(*, as_json: AsJson = False) -> None:
    """Check the declared dashboards against Gold and against rules of legibility. Starts nothing."""
    from stack.commands.superset import lint_dashboards

    home, _ = open_home()
    found = lint_dashboards(home, Talk())
    print_data(json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else found.summary())
    if found.findings:
        raise typer.Exit(1)


@superset.command(epilog="Example: ./retail superset decompile sales-overview")
def decompile(dashboard: Annotated[str, typer.Argument(metavar="DASHBOARD", help="The end of its address.")]) -> None:
    """Bring a change that was made in the browser back to superset/dashboards/DASHBOARD.yaml."""
    from stack.commands.superset import decompile_dashboard

    file, left = decompile_dashboard(*open_home(), Talk(), dashboard)
    if left:
        Talk().warn("a declaration cannot say these, and the next apply sets them back:\n" + "\n".join(left))
    print_data(str(file))


@superset.command(epilog="Example: ./retail superset check --choose Currency=CHF")
def check(
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="The day before which periods end. Default: of the newest sale, and of the newest references.",
        ),
    ] = None,
    choose: Annotated[
        list[str] | None, typer.Option(metavar="FILTER=VALUE", help="Another value of a filter; may be repeated.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Reference figures. Default: RETAIL_HOME/superset/reference.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For the reports. Default: RETAIL_HOME/superset/check.")
    ] = None,
    do_bless: Annotated[
        bool, typer.Option("--bless", help="Write what Superset shows as the references, and show what that changes.")
    ] = False,
) -> None:
    """Compare every figure that dashboards show with SQL over Gold and with references. Exit code 6 if one differs."""
    from medallion.errors import FiguresDiffer
    from stack.commands.superset_check import Where, bless_superset, check_superset

    given = dict(_choice(one) for one in choose or ())
    day = as_of.date() if as_of else None
    where = Where(*(where_the_user_stands(one) if one else None for one in (reference, output)))
    if do_bless:
        print_data(str(bless_superset(*open_home(), Talk(), given, day, where)))
        return
    done = check_superset(*open_home(), Talk(), given, day, where)
    print_data(f"{summary(done.all)}; {done.folder / CSV_FILE}")
    if done.is_wrong:
        raise FiguresDiffer(
            "dashboards do not show what their references, Gold or their declarations have",
            why=f"see above; {done.folder / CSV_FILE} has each figure",
            remedy="correct the chart, its SQL or the reference (--bless), or apply what is declared",
        )


def _choice(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign and value):
        raise typer.BadParameter(f"{text!r} is not FILTER=VALUE")
    return name, value


def _print(found: Plan, *, as_json: bool) -> None:
    if as_json:
        print_data(json.dumps(asdict(found), indent=2, ensure_ascii=False))
    else:
        print_data("\n".join([*(one.words() for one in found.changes), found.summary()]))
