"""Commands that open the warehouse in another program: psql, dbt's documentation, pgAdmin, notebooks."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from stack.cli.context import PASS_ON, open_home
from stack.host.console import Talk, print_data


def add_tool_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command(context_settings=PASS_ON, epilog="Example: ./retail psql -c 'select count(*) from gold.sales_item'")(
        psql
    )
    app.command(epilog="Example: DOCS_PORT=9000 ./retail docs")(docs)
    app.command(epilog="Example: PGADMIN_PORT=5051 ./retail pgadmin")(pgadmin)
    app.command(epilog="Example: ./retail notebook --run 05_executive_summary")(notebook)


class Person(str, Enum):
    """Who may log in with psql besides the owner."""

    READER = "reader"
    ANALYST = "analyst"


def psql(
    context: typer.Context,
    as_role: Annotated[
        Person | None,
        typer.Option("--as", help="Log in as retail_reader or retail_analyst, first of all options; default: owner."),
    ] = None,
) -> None:
    """Open psql on the warehouse; everything after `psql` is passed to it."""
    from stack.commands.tools import open_psql

    home, settings = open_home()
    role = f"retail_{as_role.value}" if as_role else None
    raise typer.Exit(open_psql(home, settings, Talk(), context.args, role))


def docs() -> None:
    """Generate the dbt documentation and serve it, until Ctrl-C."""
    from stack.commands.tools import serve_docs

    home, settings = open_home()
    serve_docs(home, settings, Talk())


def pgadmin() -> None:
    """Look at the tables in pgAdmin, in a browser and read-only, until Ctrl-C. The first start installs it."""
    from stack.commands.pgadmin import serve_pgadmin

    home, settings = open_home()
    serve_pgadmin(home, settings, Talk())


def notebook(
    *,
    name: Annotated[str | None, typer.Argument(help="A notebook, such as 05_executive_summary. Default: all.")] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Run it without a browser, and write a page to RETAIL_HOME/notebooks.")
    ] = False,
) -> None:
    """Open the notebooks in JupyterLab, read-only on the warehouse, until Ctrl-C. The first start installs it."""
    from stack.commands.notebook import run_notebooks, serve_notebooks

    home, settings = open_home()
    if run:
        for page in run_notebooks(home, settings, Talk(), name):
            print_data(str(page))
        return
    serve_notebooks(home, settings, Talk(), name)
