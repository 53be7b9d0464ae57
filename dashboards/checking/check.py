"""The check of every chart: what Superset shows, next to SQL over Gold and next to a reference, at one state of Gold.

The SQL of a chart is written by hand over the fact and the nightly tables, in superset/checks/<dashboard>.yaml: a
mistake of a mart, of a definition or of a chart shows as a difference. It runs before and after Superset is read. If
its rows are not the same, Gold has moved in between, and the chart is read again; after three times it is `stale`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dashboards.bundle import Declared, compile_assets
from dashboards.charts import compile_chart
from dashboards.checking.comparison import Cell, compare
from dashboards.checking.reading import (
    Asked,
    ChartToRead,
    Rows,
    context_of,
    rows_of_file,
    rows_of_sql,
    rows_of_superset,
    write_rows,
)
from dashboards.datasets import figures_of
from dashboards.declared import FOLDER
from dashboards.identity import asset_id
from medallion.database import transaction
from medallion.errors import DashboardInvalid, DashboardServerError
from medallion.yaml_files import read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from psycopg2.extensions import connection

    from dashboards.server import SupersetServer

SQL, REFERENCE = "sql", "reference"
_TRIES = 3


@dataclass(frozen=True)
class Compared:
    """A chart compared with one of the two. `cells` is empty where there is no reference."""

    dashboard: str
    chart: str
    compared_with: str
    keys: tuple[str, ...]
    cells: tuple[Cell, ...]
    note: str = ""

    @property
    def counts(self) -> Counter[str]:
        """How many cells have which status."""
        return Counter(one.status for one in self.cells)

    @property
    def is_wrong(self) -> bool:
        """Whether a cell is anything but a match."""
        return any(status != "match" for status in self.counts)


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
        try:
            statements = read_yaml(file)
        except OSError as error:
            raise DashboardInvalid(file=str(file), problems=[f"it cannot be read: {error.strerror}"]) from error
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
    """Compare every chart, with SQL and, if `references` has a file for it, with that. `conn`: the reader's login.

    Raises DashboardServerError, DashboardInvalid.
    """
    checks = read_checks(declared)
    compile_assets(declared)  # raises for what does not exist before Superset is asked
    ids = {one.uuid: one.id for one in server.list_items("dataset")}
    for one in charts_to_read(declared):
        read = _read_at_one_state(
            server, conn, one, _dataset_id(ids, one), checks[one.dashboard.slug][one.chart.name], asked
        )
        yield from _compared(one, read, references)


def shown_charts(server: SupersetServer, declared: Declared, asked: Asked) -> Iterator[tuple[ChartToRead, Rows]]:
    """What Superset shows in every chart."""
    ids = {one.uuid: one.id for one in server.list_items("dataset")}
    for one in charts_to_read(declared):
        yield one, read_chart(server, one, _dataset_id(ids, one), asked)


def charts_to_read(declared: Declared) -> Iterator[ChartToRead]:
    """Every chart of every dashboard."""
    for dashboard in declared.dashboards:
        for chart in dashboard.charts:
            yield ChartToRead(dashboard, chart, declared.datasets[chart.dataset], declared.relations[chart.dataset])


def bless(one: ChartToRead, rows: Rows, references: Path) -> list[Cell]:
    """Write the chart's rows as its reference; returns the cells in which it differs from the one before."""
    file = reference_file(references, one)
    before = rows_of_file(one, file) if file.exists() else {}
    write_rows(one, rows, file)
    return [cell for cell in compare(rows, before, one.figures, None) if cell.status != "match"]


def reference_file(references: Path, one: ChartToRead) -> Path:
    """The reference of a chart."""
    return references / f"{one.name}.csv"


def read_chart(server: SupersetServer, one: ChartToRead, identity: int, asked: Asked) -> Rows:
    """What Superset shows in a chart."""
    figures = figures_of(one.chart.dataset, one.dataset, one.relation)
    compiled = compile_chart(one.chart, one.dataset, figures, "last 28 days")
    return rows_of_superset(one, server.chart_data(context_of(one, compiled.query, identity, asked)))


def _dataset_id(ids: Mapping[str, int], one: ChartToRead) -> int:
    try:
        return ids[asset_id("dataset", one.chart.dataset)]
    except KeyError:
        raise DashboardServerError(
            f"Superset has no data set {one.chart.dataset}", remedy="bring it there: ./retail superset apply"
        ) from None


def _read_at_one_state(
    server: SupersetServer, conn: connection, one: ChartToRead, identity: int, sql: str, asked: Asked
) -> _Read:
    after = _run(conn, one, sql, asked)
    for _ in range(_TRIES):
        before = after
        shown = read_chart(server, one, identity, asked)
        after = _run(conn, one, sql, asked)
        if before == after:
            return _Read(shown, after, is_one_state=True)
    return _Read(shown, after, is_one_state=False)


def _run(conn: connection, one: ChartToRead, sql: str, asked: Asked) -> Rows:
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(sql, one.parameters(asked))
        columns: Sequence[Any] = cursor.description or ()
        return rows_of_sql(one, [column.name for column in columns], cursor.fetchall())


def _compared(one: ChartToRead, read: _Read, references: Path | None) -> Iterator[Compared]:
    names = (one.dashboard.slug, one.chart.name)
    cells = compare(read.shown, read.sql, one.figures, one.limit)
    if not read.is_one_state:
        cells = [replace(cell, status="stale") for cell in cells]
    yield Compared(*names, SQL, one.keys, tuple(cells), "" if read.is_one_state else "Gold moved while it was read")
    if references is None:
        return
    file = reference_file(references, one)
    if not file.exists():
        yield Compared(*names, REFERENCE, one.keys, (), f"no reference: {file.name}")
        return
    found = compare(read.shown, rows_of_file(one, file), one.figures, one.limit)
    yield Compared(*names, REFERENCE, one.keys, tuple(found))


def chosen(declared: Declared, given: Mapping[str, str]) -> dict[str, str]:
    """The value of each filter of a single value: the given one, or its default. Raises DashboardInvalid."""
    filters = {one.name: one for dashboard in declared.dashboards for one in dashboard.filters}
    if unknown := sorted(given.keys() - filters.keys()):
        raise DashboardInvalid(file="--choose", problems=[f"no dashboard has a filter {', '.join(unknown)}"])
    return {name: str(one.default) for name, one in filters.items() if one.single} | dict(given)
