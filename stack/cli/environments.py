"""`./retail env …`: environments of tools that do not fit the platform's own lock."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from stack.cli.context import AsJson, open_home
from stack.cli.group import CommandGroup
from stack.host.console import Talk, print_data

environments = typer.Typer(
    cls=CommandGroup,
    help="List the environments of tools such as pgAdmin, or make or remove one.",
    epilog="Example: ./retail env --json",
)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="As `./retail env` lists them.")]
_Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="As `./retail env` lists them.")]


@environments.callback(invoke_without_command=True)
def list_(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the environments of tools: what uses each, whether it is made and up to date, and its size."""
    if context.invoked_subcommand is not None:
        return
    from stack.commands.environments import list_environments

    found = list_environments(open_home()[0])
    if as_json:
        print_data(json.dumps([asdict(one) for one in found], indent=2))
    else:
        print_data("\n".join(one.words() for one in found))


@environments.command(epilog="Example: ./retail env make pgadmin")
def make(name: _Name) -> None:
    """Make an environment ahead of its first use; it needs the network."""
    from stack.commands.environments import make_environment

    make_environment(open_home()[0], Talk(), name)


@environments.command(epilog="Example: ./retail env remove pgadmin")
def remove(
    names: _Names = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Every one that is made.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove environments, and print what that freed. The next use of such a tool makes its own again."""
    from stack.commands.environments import list_environments, remove_environments

    if bool(names) == everything:
        raise typer.BadParameter("name environments, or give --all")
    home, _ = open_home()
    done = remove_environments(home, names or [one.name for one in list_environments(home)])
    if as_json:
        print_data(json.dumps(asdict(done), indent=2))
    else:
        print_data(done.summary())
