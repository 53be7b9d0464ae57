"""`./retail deliveries`: the files that people handed over, and what became of each."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from medallion.entities.registry import DELIVERED
from stack.cli.context import AsJson, one_of, open_warehouse
from stack.host.console import MOST_WIDTH, print_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from medallion.state.deliveries import Delivery


def deliveries(
    entity: Annotated[
        str | None,
        typer.Argument(metavar="[ENTITY]", help=f"{', '.join(DELIVERED)}; default: all.", callback=one_of(DELIVERED)),
    ] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="Most files of an entity.")] = 30,
    as_json: AsJson = False,
) -> None:
    """List the files that people handed over, the last ones of each entity, with the reason of those refused."""
    from medallion.database import transaction
    from medallion.state.deliveries import deliveries as read

    with open_warehouse() as (conn, _), transaction(conn):
        found = [one for name in ([entity] if entity else DELIVERED) for one in deque(read(conn, name), limit)]
    if as_json:
        print_data(json.dumps([asdict(one) for one in found], indent=2, default=datetime.isoformat))
    else:
        _print(found, Console(highlight=False, soft_wrap=True, width=MOST_WIDTH))


def _print(found: Sequence[Delivery], console: Console) -> None:
    if not found:
        console.print("no file has come yet: put the first one into the inbox (docs/sources.md)", markup=False)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("ID", "ENTITY", "FILE", "STATUS", "ROWS", "WHAT TO KNOW"):
        table.add_column(name, justify="right" if name in ("ID", "ROWS") else "left", overflow="fold")
    for one in found:
        table.add_row(str(one.delivery_id), one.entity, one.name, one.status, f"{one.rows:,}", _said(one))
    console.print(table)


def _said(one: Delivery) -> str:
    if one.reason is not None:
        return f"{one.reason}; {one.remedy}"
    replaced = f"replaced by {one.superseded_by}" if one.superseded_by else ""
    return "; ".join(filter(None, (replaced, one.notes)))
