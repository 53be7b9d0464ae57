"""What a check of dashboards may be asked for: a day, values of filters, references. Anything else compares nothing."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING

from psycopg2 import sql

from dashboards.checking.check import charts_to_read
from medallion.database import transaction
from medallion.errors import NothingToCompare
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from psycopg2.extensions import connection

    from dashboards.bundle import Declared

_SQL = Statements(__file__)


def chosen(declared: Declared, given: Mapping[str, str]) -> dict[str, str]:
    """The value of each filter of a single value: the given one, or its default. Raises NothingToCompare.

    The SQL of the checks takes no other filters.
    """
    filters = {one.name: one for dashboard in declared.dashboards for one in dashboard.filters if one.single}
    if unknown := sorted(given.keys() - filters.keys()):
        raise NothingToCompare(
            f"{', '.join(unknown)} cannot be chosen with --choose", remedy=f"choose one of these: {', '.join(filters)}"
        )
    return {name: str(one.default) for name, one in filters.items()} | dict(given)


def require_rows(conn: connection, declared: Declared, choices: Mapping[str, str]) -> None:
    """Raise NothingToCompare for a value of a filter that no row of its data set has, be it given or the default."""
    filters = {one.name: one for dashboard in declared.dashboards for one in dashboard.filters}
    for name, value in choices.items():
        column, relation = sql.Identifier(filters[name].column), sql.Identifier("gold", filters[name].dataset)
        query = sql.SQL("select distinct {0}::text from {1} where {0} is not null order by 1").format(column, relation)
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute(query)
            known = [text for (text,) in cursor.fetchall()]
        if value not in known:
            raise NothingToCompare(f"no row has {name}={value}", remedy=f"choose one with --choose: {', '.join(known)}")


def newest_day(conn: connection) -> date:
    """The day of the newest sale, at which a period ends. Raises NothingToCompare without one."""
    _, newest = _days_of_sales(conn)
    return newest


def require_day(conn: connection, day: date) -> None:
    """Raise NothingToCompare for a day before which no sale was made, or that is not reached by the newest one."""
    first, newest = _days_of_sales(conn)
    last = newest + timedelta(days=1)
    if not first < day <= last:
        raise NothingToCompare(
            f"no period can end before {day}: there are sales of {first} to {newest}",
            remedy=f"choose a day with --as-of: after {first}, up to {last}",
        )


def _days_of_sales(conn: connection) -> tuple[date, date]:
    with transaction(conn):
        first, newest = _SQL.one(conn, "days_of_sales")
    if newest is None:
        raise NothingToCompare("gold.sales_item holds no sale", remedy="load some first: ./retail run")
    return first, newest


def days_to_check(
    conn: connection, given: Mapping[str, str], as_of: date | None, references: Path, *, must_have: bool
) -> dict[date, Path | None]:
    """The days before which periods end, in order, each with the folder of its references; None where there is none.

    Without `as_of`: the day of the newest sale, and that of the newest references. `must_have`: references were asked
    for. Raises NothingToCompare.
    """
    newest = newest_day(conn)
    days = sorted({as_of} if as_of else {newest, _newest_reference(references, given) or newest})
    for day in days:
        require_day(conn, day)
    folders = {day: references / folder_name(day, given) for day in days}
    if must_have and not any(one.is_dir() for one in folders.values()):
        raise NothingToCompare(
            f"{references} has no folder {folders[days[-1]].name}",
            remedy="write the references with --bless, or name another folder or day",
        )
    return {day: folder if folder.is_dir() else None for day, folder in folders.items()}


def folder_name(day: date, given: Mapping[str, str]) -> str:
    """The name of the folder with the references of a day, and of these values of filters."""
    return " ".join([day.isoformat(), *(f"{name}={value}" for name, value in sorted(given.items()))])


def _newest_reference(folder: Path, given: Mapping[str, str]) -> date | None:
    days = []
    for place in folder.glob("????-??-??*"):
        with suppress(ValueError):
            day = date.fromisoformat(place.name[:10])
            if place.is_dir() and place.name == folder_name(day, given):
                days.append(day)
    return max(days, default=None)


def require_references(folder: Path, declared: Declared) -> None:
    """Raise NothingToCompare for a folder without a reference, or with a file that no chart has as its reference."""
    files = {one.stem for one in folder.glob("*.csv")}
    lasting = {one.name for one in charts_to_read(declared) if one.has_reference}
    if unknown := sorted(files - lasting):
        raise NothingToCompare(
            f"{folder} has files that belong to no chart: {', '.join(f'{one}.csv' for one in unknown)}",
            why="a reference is named <dashboard>.<chart>.csv, of a chart over days that have ended",
            remedy="rename or remove them; --bless writes a file for each chart that can have one",
        )
    if not files:
        raise NothingToCompare(f"{folder} has no reference", remedy="write them with --bless, or name another folder")
