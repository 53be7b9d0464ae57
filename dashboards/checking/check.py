"""The check of every chart: what Superset shows, next to SQL over Gold and next to a reference, at one state of Gold.

The SQL of a chart is written by hand, in superset/checks/<dashboard>.yaml: of sales over the fact, so that a mistake of
a mart, of a definition or of a chart shows as a difference, and of customers over the nightly tables. It runs before
and after Superset is read, and no mart may be behind the fact. Else Gold has moved in between, and the chart is read
again; after three times, or where a mart stays behind, it is `stale`.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg2

from dashboards.bundle import Declared, compile_assets
from dashboards.checking.comparison import NO_REFERENCE, NO_ROWS, Cell, compare
from dashboards.checking.reading import (
    Asked,
    ChartToRead,
    Rows,
    StoredChart,
    context_of,
    largest,
    rows_of_file,
    rows_of_sql,
    rows_of_superset,
    write_rows,
)
from dashboards.declared import FOLDER
from dashboards.difference import Change, changes
from dashboards.files import read_mapping
from dashboards.identity import asset_id
from medallion.database import transaction
from medallion.errors import DashboardInvalid, DashboardServerError, DatabaseError, RetailError
from medallion.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from psycopg2.extensions import connection

    from dashboards.server import SupersetServer

SQL, REFERENCE = "sql", "reference"
_TRIES = 3
_POLL_SECONDS = 1.0
_APPLY = "bring it there: ./retail superset apply"
_SQL = Statements(__file__)


@dataclass(frozen=True)
class Compared:
    """A chart compared with one of the two. `cells` is empty where both have no row, or there is no reference."""

    dashboard: str
    chart: str
    compared_with: str
    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    note: str = ""
    error: str = ""

    @property
    def counts(self) -> Counter[str]:
        """How many cells have which status."""
        return Counter(one.status for one in self.cells)

    @property
    def is_wrong(self) -> bool:
        """Whether a cell is anything but a match, or the chart could not be read."""
        return bool(self.error) or any(status != "match" for status in self.counts)


@dataclass(frozen=True)
class _Read:
    """The rows of Superset and of SQL, and whether both are of one state of Gold."""

    shown: Rows
    sql: Rows
    is_one_state: bool


def read_checks(declared: Declared, folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """The SQL of each chart by dashboard and chart. Raises DashboardInvalid for a chart without, or one too many."""
    found, problems = {}, []
    for dashboard in declared.dashboards:
        file = folder / "checks" / f"{dashboard.slug}.yaml"
        statements = read_mapping(file)
        names = {one.name for one in dashboard.charts}
        problems += [f"{dashboard.slug}: chart {one} has no SQL" for one in sorted(names - statements.keys())]
        problems += [f"{dashboard.slug}: there is no chart {one}" for one in sorted(statements.keys() - names)]
        found[dashboard.slug] = statements
    if problems:
        raise DashboardInvalid(file="superset/checks", problems=problems)
    return found


def check_dashboards(
    server: SupersetServer, conn: connection, declared: Declared, asked: Asked, references: Path | None
) -> Iterator[Compared]:
    """Compare every chart, with SQL and with its reference. `conn`: the reader's login.

    A chart that cannot be read is a result with an error: the others are compared all the same. Raises DashboardInvalid
    for what is declared wrongly, DashboardServerError if Superset does not answer at all.
    """
    checks = read_checks(declared)
    compile_assets(declared)  # raises for what does not exist before Superset is asked
    superset = open_charts(server)
    patience = _Patience()
    for one in charts_to_read(declared):
        try:
            read = _read_at_one_state(superset, conn, one, checks[one.dashboard.slug][one.chart.name], asked, patience)
            yield from _compared(one, read, references)
        except (DashboardServerError, DashboardInvalid, DatabaseError, psycopg2.Error) as error:
            said = error.message if isinstance(error, RetailError) else str(error).strip()
            yield Compared(one.dashboard.slug, one.chart.name, SQL, one.keys, (), error=" ".join(said.split()))


def differences(server: SupersetServer, declared: Declared) -> list[Change]:
    """How what Superset has differs from what is declared: a chart changed in the browser shows other figures."""
    return changes(compile_assets(declared), server.export())


@dataclass(frozen=True)
class StoredCharts:
    """A server with what it has stored. Made by `open_charts`."""

    server: SupersetServer
    assets: Mapping[str, Mapping[str, Any]]
    ids: Mapping[str, int]

    def stored(self, one: ChartToRead) -> StoredChart:
        """The chart as it is stored. Raises DashboardServerError when it is not."""
        identity = asset_id("chart", one.name.replace(".", "/", 1))
        found = {asset["uuid"]: asset for asset in self.assets.values()}
        chart, page = found.get(identity), found.get(asset_id("dashboard", one.dashboard.slug))
        if chart is None or page is None:
            raise DashboardServerError(f"Superset has no chart {one.name}", remedy=_APPLY)
        numbers = {
            part["meta"]["chartId"]
            for part in page["position"].values()
            if isinstance(part, dict) and part.get("type") == "CHART" and part["meta"].get("uuid") == identity
        }
        choices = {
            choice["name"]: choice["targets"][0]["column"]["name"]
            for choice in page["metadata"].get("native_filter_configuration", [])
            if choice["filterType"] == "filter_select" and not numbers & {*choice["scope"]["excluded"]}
        }
        return StoredChart(json.loads(chart["query_context"])["queries"][0], choices)

    def rows(self, one: ChartToRead, asked: Asked) -> Rows:
        """What a chart shows."""
        dataset = self.ids.get(asset_id("dataset", one.chart.dataset))
        if dataset is None:
            raise DashboardServerError(f"Superset has no data set {one.chart.dataset}", remedy=_APPLY)
        return rows_of_superset(one, self.server.chart_data(context_of(one, self.stored(one), dataset, asked)))


def open_charts(server: SupersetServer) -> StoredCharts:
    """The charts of a server, with all that is stored of them."""
    return StoredCharts(server, server.export(), {one.uuid: one.id for one in server.list_items("dataset")})


class _Patience:
    """How long marts that are behind are waited for, in all: a run builds them some seconds after the fact."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._left = seconds

    def wait_for_marts(self, conn: connection) -> bool:
        """Wait until no mart is behind the fact; False if that takes too long."""
        while _marts_behind(conn):
            if self._left <= 0:
                return False
            time.sleep(_POLL_SECONDS)
            self._left -= _POLL_SECONDS
        return True


def _marts_behind(conn: connection) -> bool:
    with transaction(conn):
        return bool(_SQL.one(conn, "marts_behind")[0])


def read_to_bless(
    server: SupersetServer, conn: connection, declared: Declared, asked: Asked
) -> Iterator[tuple[ChartToRead, Rows]]:
    """What Superset shows in every chart that has a reference, at one state of Gold each.

    Raises DashboardServerError for a chart that cannot be read so.
    """
    checks = read_checks(declared)
    superset, patience = open_charts(server), _Patience()
    for one in charts_to_read(declared):
        if not one.has_reference:
            continue
        read = _read_at_one_state(superset, conn, one, checks[one.dashboard.slug][one.chart.name], asked, patience)
        if not read.is_one_state:
            raise DashboardServerError(f"Gold moved while {one.name} was read", remedy="bless again after the run")
        yield one, read.shown


def charts_to_read(declared: Declared) -> Iterator[ChartToRead]:
    """Every chart of every dashboard."""
    for dashboard in declared.dashboards:
        for chart in dashboard.charts:
            yield ChartToRead(dashboard, chart, declared.datasets[chart.dataset], declared.relations[chart.dataset])


def bless(one: ChartToRead, rows: Rows, before: Path, folder: Path) -> list[Cell]:
    """Write the chart's rows as its reference in `folder`; returns the cells in which it differs from that `before`."""
    known = reference_file(before, one)
    write_rows(one, rows, reference_file(folder, one))
    return [
        cell
        for cell in compare(rows, rows_of_file(one, known) if known.exists() else {}, one.figures, None)
        if cell.status != "match"
    ]


def reference_file(references: Path, one: ChartToRead) -> Path:
    """The reference of a chart."""
    return references / f"{one.name}.csv"


def _read_at_one_state(
    superset: StoredCharts, conn: connection, one: ChartToRead, sql: str, asked: Asked, patience: _Patience
) -> _Read:
    for _ in range(_TRIES):
        is_settled = patience.wait_for_marts(conn)
        before = _run(conn, one, sql, asked)
        shown = superset.rows(one, asked)
        after = _run(conn, one, sql, asked)
        if before == after and is_settled and not _marts_behind(conn):
            return _Read(shown, after, is_one_state=True)
    return _Read(shown, after, is_one_state=False)


def _run(conn: connection, one: ChartToRead, sql: str, asked: Asked) -> Rows:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(sql, one.parameters(asked))
        columns: Sequence[Any] = cursor.description or ()
        return rows_of_sql(one, [column.name for column in columns], cursor.fetchall())


def _compared(one: ChartToRead, read: _Read, references: Path | None) -> Iterator[Compared]:
    names = (one.dashboard.slug, one.chart.name)
    cells = compare(read.shown, largest(one, read.sql), one.figures, one.limit)
    if not read.is_one_state:
        cells = [replace(cell, status="stale") for cell in cells]
    note = NO_ROWS if not cells else "" if read.is_one_state else "Gold moved while it was read"
    yield Compared(*names, SQL, one.keys, tuple(cells), note)
    if references is None or not one.has_reference:
        return
    file = reference_file(references, one)
    if not file.exists():
        yield Compared(*names, REFERENCE, one.keys, (), f"{NO_REFERENCE}: {file.name}")
        return
    found = compare(read.shown, largest(one, rows_of_file(one, file)), one.figures, one.limit)
    yield Compared(*names, REFERENCE, one.keys, tuple(found), "" if found else NO_ROWS)
