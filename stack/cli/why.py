"""`./retail why`: where a row of Gold came from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from medallion.entities.registry import DELIVERED, ENTITIES
from medallion.entity_words import singular
from medallion.process.steps import MARTS
from stack.cli.context import AsJson, open_warehouse
from stack.host.console import print_data

_RECORDS = ", ".join(singular(name) for name in ENTITIES)
_FILES = ", ".join(DELIVERED)
_MARTS = ", ".join(name.removeprefix("gold.") for name in MARTS)


def why(
    subject: Annotated[str, typer.Argument(metavar="WHAT", help=f"{_RECORDS}, sales_item; {_FILES}; {_MARTS}.")],
    key: Annotated[
        list[str],
        typer.Argument(
            metavar="KEY", help="An id; a row of a file by its key; of a mart: ids, then the day or hour, then words."
        ),
    ],
    *,
    limit: Annotated[int, typer.Option(min=1, help="Most sales of a mart's row to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show where a row came from: Gold, Silver, the line in Bronze, the pull; or the sales that a mart is made of."""
    from quality.why.trace import why as explain
    from stack.commands.why import print_why

    with open_warehouse() as (conn, settings):
        found = explain(conn, settings, subject, key, most=limit)
    if as_json:
        print_data(json.dumps(asdict(found), indent=2, default=_text))
    else:
        print_why(found, settings.bronze_location, Console(highlight=False, soft_wrap=True))
    if not found.is_found:
        raise typer.Exit(1)


def _text(value: object) -> str:
    """A moment in RFC 3339, or an amount with all its decimals."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
