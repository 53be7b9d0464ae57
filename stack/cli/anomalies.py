"""`./retail anomalies …`: KPIs that are not where their own past says, and what people say of them."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from stack.cli.context import AsJson, open_warehouse
from stack.cli.group import CommandGroup
from stack.host.console import MOST_WIDTH, print_data

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from quality.anomalies.opinion import Opinion
    from quality.anomalies.store import Listing, Recorded

anomalies = typer.Typer(
    cls=CommandGroup,
    help="List KPIs that are not where their own past says, or record a verdict on one.",
    epilog="Example: ./retail anomalies --days 90",
)


class Said(str, Enum):
    """What a person says of an anomaly."""

    fault = "fault"
    ok = "ok"


@anomalies.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    *,
    days: Annotated[int, typer.Option(min=1, help="Anomalies of so many days.")] = 28,
    as_json: AsJson = False,
) -> None:
    """List the anomalies of the last four weeks, newest first, and until when the KPIs were judged."""
    if context.invoked_subcommand is not None:
        return
    from medallion.database import transaction
    from quality.anomalies.opinion import read_opinion
    from quality.anomalies.store import Listing, read_anomalies, read_judgements, verdicts_since

    since = datetime.now(timezone.utc) - timedelta(days=days)
    with open_warehouse() as (conn, _), transaction(conn):
        judged = list(read_judgements(conn).values())
        found = Listing(read_anomalies(conn, since), judged, dict(verdicts_since(conn, since)))
        second = read_opinion(conn)
    if as_json:
        print_data(_as_json(found))
    else:
        console = _console()
        _print(found, console)
        console.print(second.summary(), markup=False)


@anomalies.command(epilog="Example: ./retail anomalies show 17")
def show(anomaly_id: Annotated[int, typer.Argument(metavar="ID")], *, as_json: AsJson = False) -> None:
    """Show one anomaly: what was seen and expected, what is around it, and the SQL that shows the same."""
    from quality.anomalies.reproducing import reproduce

    with open_warehouse() as (conn, _):
        found = _one(conn, anomaly_id)
    if as_json:
        print_data(_as_json(found))
        return
    row = found.anomaly
    print_data(f"{row.explanation}\n{row.status}{f': {row.suppressed_because}' if row.suppressed_because else ''}")
    if found.verdict:
        print_data(f"verdict: {found.verdict}, {found.note}")
    print_data(f"\n{reproduce(row)}")


@anomalies.command(epilog="Example: ./retail anomalies opinion --json")
def opinion(*, as_json: AsJson = False) -> None:
    """List the store-days that IsolationForest and ECOD both find unusual, as of the last night, and why."""
    from medallion.database import transaction
    from quality.anomalies.opinion import read_opinion

    with open_warehouse() as (conn, _), transaction(conn):
        found = read_opinion(conn)
    if as_json:
        print_data(_as_json(found))
    else:
        _print_opinion(found, _console())


@anomalies.command(epilog='Example: ./retail anomalies verdict 17 ok --note "closed for a wedding"')
def verdict(
    anomaly_id: Annotated[int, typer.Argument(metavar="ID")],
    said: Annotated[Said, typer.Argument(metavar="fault|ok", help="fault: something was wrong; ok: nothing was.")],
    *,
    note: Annotated[str, typer.Option(help="Why, for those who come after.")] = "",
) -> None:
    """Record what an anomaly was. The next run closes its incident; what was ok trains the baseline from then on."""
    from medallion.database import transaction
    from quality.anomalies.store import give_verdict

    with open_warehouse() as (conn, _):
        found = _one(conn, anomaly_id)
        with transaction(conn):
            give_verdict(conn, found, said.value, note, getpass.getuser())
    print_data(f"anomaly {anomaly_id} is noted as {said.value}")


def _one(conn: connection, anomaly_id: int) -> Recorded:
    from medallion.database import transaction
    from medallion.errors import ConfigurationError
    from quality.anomalies.store import read_anomalies

    with transaction(conn):
        found = read_anomalies(conn, datetime.now(timezone.utc), anomaly_id)
    if not found:
        raise ConfigurationError(
            f"there is no anomaly {anomaly_id}",
            remedy="./retail anomalies lists them; late lines may have explained it",
        )
    return found[0]


def _as_json(found: Listing | Recorded | Opinion) -> str:
    def plain(value: datetime | Decimal) -> str | float:
        return float(value) if isinstance(value, Decimal) else value.isoformat()

    return json.dumps(asdict(found), indent=2, default=plain)


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, width=MOST_WIDTH)


def _print_opinion(found: Opinion, console: Console) -> None:
    console.print(found.summary(), markup=False)
    if not found.days:
        return
    if found.status != "given":
        console.print(f"the last opinion, of {found.last_date}:")
    table = Table(box=None, pad_edge=False)
    for heading in ("rank", "day (UTC)", "store", "score", "known", "why"):
        table.add_column(heading, justify="right" if heading in ("rank", "store", "score") else "left")
    for one in found.days:
        known = "yes" if one.agrees else "no"
        store = f"{one.store_id} {one.currency}"
        table.add_row(str(one.rank), one.sold_date, store, f"{one.score:.3f}", known, one.why)
    console.print(table)


def _print(found: Listing, console: Console) -> None:
    for judgement in found.judged:
        console.print(judgement.says, markup=False)
    if not found.anomalies:
        console.print("no anomaly" if found.judged else "nothing was judged yet: the next hourly run does it")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "since (UTC)", "until (UTC)", "status", "of", "KPI", "effect", "money", "verdict"):
        table.add_column(heading, justify="right" if heading in ("id", "effect", "money") else "left")
    for one in found.anomalies:
        row = one.anomaly
        table.add_row(
            str(one.anomaly_id),
            f"{row.started_at:%Y-%m-%d %H:%M}",
            f"{row.ended_at:%Y-%m-%d %H:%M}",
            row.status,
            f"{row.level} {row.member}".strip(),
            row.metric,
            f"{row.effect:+.0%}",
            f"{row.amount:+,.0f} {row.currency}",
            one.verdict or "",
        )
    console.print(table)
    said = ", ".join(f"{count} {name}" for name, count in sorted(found.verdicts.items()))
    console.print(f"verdicts: {said or 'none'}; ./retail anomalies show ID says more")
