"""`./retail` commands of an operator: one step by hand, the schema, backup and restore, export."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medallion.business_date import business_date
from medallion.entities.registry import EVERY, TABLES
from stack.cli.context import AsJson, one_of, open_home, where_the_user_stands
from stack.host.console import Talk, print_data

if TYPE_CHECKING:
    from typing import Any


_Entity = Annotated[str, typer.Argument(metavar="ENTITY", help=f"{', '.join(EVERY)}.", callback=one_of(EVERY))]
_Dataset = Annotated[
    str | None,
    typer.Argument(metavar="[DATASET]", help=f"{', '.join(TABLES)}; default: all.", callback=one_of(TABLES)),
]


_FIRST_BUSINESS_DATE = date(2000, 1, 1)


def add_operator_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.command(epilog="Example: ./retail pull sales")(pull)
    app.command(epilog="Example: ./retail load sales_customer")(load)
    app.command(epilog="Example: ./retail nightly --as-of 2026-10-31")(nightly)
    app.command(epilog="Example: BRONZE_RETENTION_DAYS=90 ./retail retention")(retention)
    app.command(epilog="Example: ./retail schema --check")(schema)
    app.command(epilog="Example: ./retail backup /backup/retail")(backup)
    app.command(epilog="Example: RETAIL_HOME=/srv/retail ./retail restore /backup/retail")(restore)
    app.command(epilog="Example: ./retail export out sales_item silver.products")(export)


def pull(
    entity: _Entity,
    *,
    full_refresh: Annotated[
        bool, typer.Option("--full-refresh", help="Pull what is new, then all history again.")
    ] = False,
) -> None:
    """Pull what is new of one entity into Bronze."""
    from stack.commands.by_hand import pull as pull_entity

    print_data(pull_entity(*open_home(), Talk(), entity, datetime.now(timezone.utc), full_refresh=full_refresh))


def load(dataset: _Dataset = None) -> None:
    """Load new Bronze files into Silver."""
    from stack.commands.by_hand import load as load_datasets

    print_data("\n".join(load_datasets(*open_home(), Talk(), dataset, datetime.now(timezone.utc))))


def nightly(
    *,
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="DATE", help="Business date; default: the last complete day (UTC)."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build the nightly tables of Gold, as the nightly run does."""
    from gold.dbt_runner import BuildResult
    from medallion.errors import NothingToDo
    from stack.commands.by_hand import build_nightly

    now = datetime.now(timezone.utc)
    day = as_of.date() if as_of else None
    if day and day > business_date(now):
        raise typer.BadParameter(f"--as-of {day}: the last complete day (UTC) is {business_date(now)}")
    if day and day < _FIRST_BUSINESS_DATE:
        raise typer.BadParameter(f"--as-of {day}: no calendar begins before {_FIRST_BUSINESS_DATE}")
    try:
        built = build_nightly(*open_home(), Talk(), now, day)
    except NothingToDo as nothing:
        Talk().say(str(nothing))
        built = BuildResult(0, 0, ())
        if not as_json:
            return
    _print(built, as_json=as_json)


def retention(*, as_json: AsJson = False) -> None:
    """Remove Bronze files older than BRONZE_RETENTION_DAYS that Silver has taken, as the nightly run does."""
    from stack.commands.by_hand import expire

    expired = expire(*open_home(), Talk())
    if as_json:
        print_data(json.dumps(asdict(expired) if expired else {"files": 0, "bytes": 0}))
    else:
        Talk().say(expired.summary() if expired else "BRONZE_RETENTION_DAYS is not set: every Bronze file stays")


def schema(
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 if a migration is pending.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Apply missing migrations, functions, views and grants, and print the migration the warehouse is at."""
    from stack.commands.by_hand import apply_schema, read_schema

    found = (read_schema if check else apply_schema)(*open_home(), Talk())
    _print(found, as_json=as_json)
    if check and found.pending:
        raise typer.Exit(1)


def backup(
    folder: Annotated[Path, typer.Argument(help="Where to write it. An earlier backup there is brought up to date.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Write the warehouse and its Bronze files to a folder, each file checked. Resumes if it was interrupted."""
    from stack.commands.backup import back_up

    now = datetime.now(timezone.utc)
    _print(back_up(*open_home(), Talk(), where_the_user_stands(folder), now), as_json=as_json)


def restore(
    folder: Annotated[Path, typer.Argument(help="Folder of a backup, or a dump of the warehouse alone.")],
) -> None:
    """Restore a backup into an empty warehouse and an empty Bronze, and check every file."""
    from stack.commands.restore import restore as restore_from

    Talk().say(restore_from(*open_home(), Talk(), where_the_user_stands(folder)))


def export(
    folder: Annotated[Path, typer.Argument(help="Where to write the files.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TABLE]...", help="Such as sales_item or silver.products; default: all of Gold."),
    ] = None,
    *,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite files of an earlier export.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write tables to Parquet files, as they stood at one moment, without personal columns."""
    from stack.commands.export import export as export_to

    done = export_to(*open_home(), Talk(), where_the_user_stands(folder), names or (), replace=replace)
    _print(done, as_json=as_json)


def _print(result: Any, *, as_json: bool) -> None:
    """Print a result to stdout as JSON, or its summary to stderr."""
    if as_json:
        print_data(json.dumps(asdict(result), indent=2))
    else:
        Talk().say(result.summary())
