"""`./retail contract …`: what the source has to send."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from medallion.entities.registry import EVERY
from stack.cli.context import AsJson, one_of, open_home
from stack.cli.group import CommandGroup
from stack.host.console import Talk, print_data

contract = typer.Typer(
    cls=CommandGroup,
    help="Contracts of inputs in the form of ODCS: list, show, diff, lint.",
    no_args_is_help=True,
    epilog="Example: ./retail contract diff",
)
_NAMES = ", ".join(EVERY)


@contract.command("list", epilog="Example: ./retail contract list --json")
def list_(*, as_json: AsJson = False) -> None:
    """List the contract of each entity: its version, its fields, and whether it is as it was released."""
    from stack.commands.contract import list_contracts

    found = list_contracts()
    if as_json:
        print_data(json.dumps([asdict(one) for one in found], indent=2))
    else:
        print_data("\n".join(one.words() for one in found))


@contract.command(epilog="Example: ./retail contract show sales")
def show(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help=f"{_NAMES}.", callback=one_of(EVERY))],
    *,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="A released version; default: as it is declared.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a contract as ODCS, in YAML or JSON."""
    from medallion.contracts import read_release
    from medallion.entities.contracts import as_yaml, contract_of

    found = read_release(entity, version) if version else contract_of(EVERY[entity])
    print_data(json.dumps(found, indent=2, ensure_ascii=False) if as_json else as_yaml(found).rstrip())


@contract.command(epilog="Example: ./retail contract diff customers --from 1.0.0")
def diff(
    entity: Annotated[
        str | None, typer.Argument(metavar="[ENTITY]", help=f"{_NAMES}; default: all.", callback=one_of(EVERY))
    ] = None,
    *,
    from_version: Annotated[
        str | None, typer.Option("--from", metavar="VERSION", help="A released version; default: the newest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show how the declarations differ from a released contract. Exit code 1 if a change is breaking."""
    from medallion.contracts import diff_contract

    found = [diff_contract(name, from_version) for name in ([entity] if entity else EVERY)]
    if as_json:
        print_data(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    else:
        print_data("\n".join(one.summary() for one in found))
    if any(one.is_breaking for one in found):
        raise typer.Exit(1)


@contract.command(epilog="Example: ./retail contract lint")
def lint(*, as_json: AsJson = False) -> None:
    """Check the contracts by datacontract-cli, which is installed in an environment of its own on first use."""
    from stack.commands.contract import lint_contracts

    home, _ = open_home()
    done = lint_contracts(home, Talk())
    if as_json:
        print_data(json.dumps(asdict(done), indent=2))
    else:
        Talk().say(done.summary())
