"""`./retail superset check`: whether dashboards show the truth, as of which days, and next to which references."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.checking.asking import (
    chosen,
    days_to_check,
    folder_name,
    newest_day,
    require_day,
    require_references,
    require_rows,
)
from dashboards.checking.check import Compared, bless, check_dashboards, differences, read_to_bless
from dashboards.checking.reading import Asked
from dashboards.checking.results import line_of, remove_reports, words_of, write_csv, write_junit
from medallion.database import connect
from medallion.errors import FiguresDiffer
from medallion.wording import counted
from stack.commands.declared_dashboards import declared_dashboards
from stack.commands.superset_access import open_superset, reader_address
from stack.services.superset import superset_folder
from stack.services.warehouse import warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from psycopg2.extensions import connection

    from dashboards.bundle import Declared
    from dashboards.server import SupersetServer
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings

_MOST_RENEWED = 3


@dataclass(frozen=True)
class Checked:
    """The results of a check by the day before which periods end, and the folder of its reports.

    `drift`: how Superset differs from what is declared.
    """

    results: dict[date, tuple[Compared, ...]]
    drift: tuple[str, ...]
    folder: Path

    @property
    def all(self) -> list[Compared]:
        """The results of all days."""
        return [one for found in self.results.values() for one in found]

    @property
    def is_wrong(self) -> bool:
        """Whether a figure differs, a chart could not be read or is not the declared one, or nothing was compared."""
        return bool(self.drift) or any(one.is_wrong for one in self.all) or not any(one.cells for one in self.all)


@dataclass(frozen=True)
class Where:
    """Where a check looks for references, and where it writes; None: under RETAIL_HOME."""

    references: Path | None = None
    output: Path | None = None


def check_superset(
    home: Home, settings: StackSettings, talk: Talk, given: Mapping[str, str], as_of: date | None, where: Where
) -> Checked:
    """Compare every chart with SQL over Gold as of the newest day, and with the newest references as of theirs.

    The reports of an earlier check are removed first. Raises DashboardServerError, DashboardInvalid, NothingToCompare.
    """
    references = where.references or superset_folder(home) / "reference"
    folder = where.output or superset_folder(home) / "check"
    remove_reports(folder)
    results: dict[date, tuple[Compared, ...]] = {}
    with _to_check(home, settings, talk) as (server, conn, declared):
        choices = _choices(conn, declared, given)
        days = days_to_check(conn, given, as_of, references, must_have=where.references is not None)
        for known in days.values():
            if known is not None:
                require_references(known, declared)
        drift = tuple(one.words() for one in differences(server, declared))
        for line in drift:
            talk.say(line)
        for day, known in days.items():
            alone = f", compared with SQL alone: no references in {references / folder_name(day, given)}"
            talk.say(f"periods end before {day}{alone if known is None else ''}")
            found: list[Compared] = []
            for one in check_dashboards(server, conn, declared, Asked(day, choices), known):
                talk.say(line_of(one))
                found.append(one)
            results[day] = tuple(found)
    done = Checked(results, drift, folder)
    write_csv(done.all, folder)
    write_junit(done.all, folder)
    return done


def bless_superset(
    home: Home, settings: StackSettings, talk: Talk, given: Mapping[str, str], as_of: date | None, where: Where
) -> Path:
    """Write what Superset shows as the references of a day, and say what that changes; returns the folder.

    All are read before the first is replaced. Raises FiguresDiffer where Superset does not show what is declared.
    """
    references = where.references or superset_folder(home) / "reference"
    with _to_check(home, settings, talk) as (server, conn, declared):
        day = as_of or newest_day(conn)
        require_day(conn, day)
        asked = Asked(day, _choices(conn, declared, given))
        if drift := differences(server, declared):
            raise FiguresDiffer(
                "Superset does not show what is declared: its figures cannot be used as references",
                why="; ".join(one.words() for one in drift),
                remedy="./retail superset apply brings what is declared, then bless again",
            )
        folder = references / folder_name(day, given)
        draft = references / f".{folder.name}.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for one, rows in read_to_bless(server, conn, declared, asked):
            differing = bless(one, rows, folder, draft)
            talk.say(
                f"{one.name:<52}{counted(len(rows), 'row')}" + (f", {len(differing):,} renewed" if differing else "")
            )
            for cell in differing[:_MOST_RENEWED]:
                talk.say(f"    {words_of(cell, one.keys)}")
    put_in_place(draft, folder)
    return folder


def put_in_place(draft: Path, folder: Path) -> None:
    """Replace the references of a day by those of the draft. What else the folder holds stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(draft.iterdir()):
        file.replace(folder / file.name)
    draft.rmdir()


def _choices(conn: connection, declared: Declared, given: Mapping[str, str]) -> dict[str, str]:
    choices = chosen(declared, given)
    require_rows(conn, declared, choices)
    return choices


@contextmanager
def _to_check(home: Home, settings: StackSettings, talk: Talk) -> Iterator[tuple[SupersetServer, connection, Declared]]:
    """A session with Superset, one with the warehouse as the reader, and what is declared."""
    declared = declared_dashboards(home, talk)
    with (
        warehouse(home, settings, talk),
        connect(reader_address(home, settings), application_name="retail superset check") as conn,
        open_superset(home, settings) as server,
    ):
        yield server, conn, declared
