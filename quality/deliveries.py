"""The check after the files of a day are loaded: every cell is somewhere, and every file that is due has come.

Filled cells of a file's data = cells of its rows in Silver, those of replaced files included, + cells in quarantine.
The left side was counted as the file was read, the right side is counted in the warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from psycopg2 import sql

from loaders.dataset import DATASETS
from medallion.database import transaction
from medallion.entities.entity import PROVENANCE
from medallion.entities.registry import DELIVERED
from medallion.errors import DataQualityError, DeliveriesIncomplete, NothingToDo
from medallion.state.deliveries import deliveries, sightings
from medallion.statements import Statements, identifiers, newest_first
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    from medallion.entities.entity import Entity
    from medallion.settings import Settings
    from medallion.state.deliveries import Delivery

_SQL = Statements(__file__)
_NAMED = 5  # missing days that a message names


@dataclass(frozen=True)
class Checked:
    """The files whose cells were counted, and these cells."""

    files: int
    cells: int

    def __add__(self, other: Checked) -> Checked:
        return Checked(self.files + other.files, self.cells + other.cells)

    def summary(self) -> str:
        """One line for a person."""
        return f"{counted(self.files, 'file')}: {counted(self.cells, 'cell')}, all in Silver or in quarantine"


def check_deliveries(conn: connection, settings: Settings, *, run_id: str, now: datetime) -> Checked:
    """Check the files that were loaded since the last check, and that every file that is due at `now` has come.

    Raises DataQualityError when cells are missing, DeliveriesIncomplete when files are, and NothingToDo before the
    first file.
    """
    del settings, run_id
    with transaction(conn):
        found = {name: deliveries(conn, name) for name in DELIVERED}
        there = {name: sightings(conn, name) for name in DELIVERED}
    if not any(found.values()):
        raise NothingToDo("no file has come yet", remedy="put the first one into the inbox (docs/sources.md)")
    checked = Checked(0, 0)
    for name, known in found.items():
        checked += _check_cells(conn, DELIVERED[name], known)
        if known:
            _check_table(conn, name)
    if missing := [
        one for name, known in found.items() for one in _complaints(DELIVERED[name], known, there[name], now)
    ]:
        raise DeliveriesIncomplete(files=missing)
    return checked


def _check_cells(conn: connection, declared: Entity, known: Sequence[Delivery]) -> Checked:
    waiting = [one for one in known if one.status in ("LOADED", "SUPERSEDED") and one.checked_at is None]
    if not waiting:
        return Checked(0, 0)
    (table,) = declared.tables
    columns = [one.name for one in table.columns if one.name not in PROVENANCE]
    names: dict[str, sql.Composable] = {
        "versions": sql.Identifier("silver", str(table.versions)),
        "cells": sql.SQL(" + ").join(sql.SQL("count({})").format(sql.Identifier(name)) for name in columns),
    }
    ids = {"deliveries": [one.delivery_id for one in waiting]}
    with transaction(conn):
        kept: dict[int, int] = dict(_SQL.rows(conn, "kept_cells", ids, names))
        wrong = [one for one in waiting if kept.get(one.delivery_id, 0) != one.cells]
        if not wrong:
            _SQL.execute(conn, "mark_checked", ids)
    if wrong:
        first = wrong[0]
        raise DataQualityError(
            f"{declared.name}: {first.name} has {first.cells:,} filled cells, and {kept.get(first.delivery_id, 0):,} "
            f"are in Silver or in quarantine; {counted(len(wrong), 'file')} like it",
            remedy="rebuild Silver from Bronze (./retail rebuild --in-place); if it stays, it is a defect: report it",
        )
    return Checked(len(waiting), sum(one.cells for one in waiting))


def _check_table(conn: connection, name: str) -> None:
    """Raise DataQualityError unless the table has, of each key, the newest row of the files that count."""
    dataset = DATASETS[name]
    names: dict[str, sql.Composable] = {
        "table": sql.Identifier("silver", name),
        "versions": sql.Identifier("silver", str(dataset.versions)),
        "columns": identifiers(dataset.columns),
        "key": identifiers(dataset.key),
        "newest_first": newest_first(dataset.ordering),
    }
    with transaction(conn):
        (different,) = _SQL.rows(conn, "rows_that_differ", None, names)
    if different[0]:
        raise DataQualityError(
            f"silver.{name} is not what its files say: {counted(different[0], 'row')} differ",
            remedy="load it again from Bronze: ./retail rebuild --in-place; if it stays, it is a defect: report it",
        )


def _complaints(declared: Entity, known: Sequence[Delivery], there: Mapping[str, str], now: datetime) -> Iterator[str]:
    """What is wrong with the files of an entity: refused, still there and not corrected, or due and not there."""
    good = {one.period for one in known if one.status in ("LANDED", "LOADED")}
    last_good = {one.period: one.delivery_id for one in known if one.status in ("LANDED", "LOADED")}
    refused = [
        one
        for one in known
        if one.status == "REFUSED"
        and there.get(one.name) == one.sha256
        and last_good.get(one.period, 0) < one.delivery_id
    ]
    yield from (f"{declared.name}: {one.reason}" for one in refused)
    named = {one.period for one in refused}
    missing = [day for day in _due(declared, good, now) if day not in good and day not in named]
    if missing:
        more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
        yield f"{declared.name}: no file for {', '.join(missing[:_NAMED])}{more}"


def _due(declared: Entity, good: set[str], now: datetime) -> list[str]:
    """The days for which a file is due: from the first one that came to yesterday, by the clock of the layout."""
    layout = declared.layout
    if layout is None or not layout.is_daily or not good:
        return []
    first, today = date.fromisoformat(min(good)), now.astimezone(ZoneInfo(layout.zone)).date()
    return [(first + timedelta(days=number)).isoformat() for number in range((today - first).days)]
