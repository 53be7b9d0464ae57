"""The report of what each layer holds and what a run added: read from the warehouse, printed or given as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime  # noqa: TC003 - msgspec reads the types at run time
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from rich.table import Table

from medallion.database import connect, transaction
from medallion.entities.registry import DELIVERED, EVERY, TABLES
from medallion.entity_words import counted_records, position_after
from medallion.foreign_text import shown
from medallion.process.steps import MEMBERSHIP, Layer, tables
from medallion.state.backfill_ranges import Progress, read_progress
from medallion.state.new_fields import NewField, undeclared_fields
from medallion.statements import Statements
from medallion.wording import counted, megabytes, minute_of

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from rich.console import Console

_SQL = Statements(__file__)
_COUNTED: tuple[Layer, ...] = ("silver", "gold")
# The change log of a fact is made with it (dbt/macros/changes.sql).
_KNOWN = {f"{layer}.{table}{part}" for layer in _COUNTED for table in tables(layer) for part in ("", "_change")} | {
    "gold.kpi_anomaly",  # what the KPIs' judgement has found: its rows come and go
    "gold.kpi_second_opinion",  # likewise
}
# Tables whose rows come in files: those that are empty, or not built yet, are not listed.
_BY_FILE = {name for one in DELIVERED.values() for table in one.tables for name in (table.name, table.versions)}
_BY_FILE |= {name.removeprefix("gold.") for name in MEMBERSHIP}
# Counting reads every row: larger tables are not counted for each report.
_LARGEST_EXACT = 2_000_000
_MOST_LINES = 5  # new fields that are named


@dataclass(frozen=True)
class BronzeHolding:
    """Receipted files of a dataset."""

    dataset: str
    files: int
    records: int
    bytes: int


@dataclass(frozen=True)
class Watermark:
    """The watermark of an entity."""

    entity: str
    cursor_name: str
    cursor_value: str | None

    def words(self) -> str:
        """Where the next pull starts: `after sale 54,049`."""
        declared = EVERY.get(self.entity)
        if declared is None:
            return f"after {shown(self.cursor_value or 'none')}"
        return position_after(declared, self.cursor_value)


@dataclass(frozen=True)
class Failure:
    """A failed step, as the ETL log has it. The last three are None when its process could not report why."""

    layer: str
    dataset: str
    message: str
    exit_code: int | None = None
    error_type: str | None = None
    remedy: str | None = None

    def words(self) -> str:
        """Cause and remedy in one line."""
        return f"{self.message} — {self.remedy}" if self.remedy else self.message


@dataclass(frozen=True)
class Gaps:
    """Sale ids that were passed over: ranges and ids still asked for, and ids that have expired."""

    open_ranges: int = 0
    open_ids: int = 0
    expired_ids: int = 0


@dataclass(frozen=True)
class HistoryStart:
    """A table whose older versions may be missing: all that landed after `complete_since` is there."""

    dataset: str
    complete_since: datetime

    def words(self) -> str:
        """One line for a person: since when the history of the table is complete."""
        return (
            f"history of {self.dataset}: complete for what landed after {minute_of(self.complete_since)}; older "
            "Bronze files were gone, or not read yet, when Silver began to keep versions"
        )


@dataclass(frozen=True)
class Rows:
    """Number of rows of a table: counted, or as Postgres last estimated it."""

    count: int
    is_exact: bool


@dataclass(frozen=True)
class Report:
    """What the warehouse holds. `rows` by layer and table, None for a table that is not there yet.

    `estimated` names tables too large to be counted each time, whose rows are Postgres' estimate. `new` is what the
    run added, `changed` what it replaced: records by layer and dataset. `backfill` is the backfill under way. `kept`
    names tables of Silver and Gold that this version no longer knows: they stay, and no run changes them. `history`
    lists tables whose older versions may be missing. `new_fields` are fields that the source sends and no declaration
    names.
    """

    bronze: tuple[BronzeHolding, ...]
    rows: dict[str, dict[str, int | None]]
    watermarks: tuple[Watermark, ...]
    new: dict[str, dict[str, int]]
    rejected: int
    failures: tuple[Failure, ...]
    gaps: Gaps = Gaps()
    estimated: tuple[str, ...] = ()
    backfill: Progress | None = None
    kept: tuple[str, ...] = ()
    changed: dict[str, dict[str, int]] = field(default_factory=dict)
    history: tuple[HistoryStart, ...] = ()
    new_fields: tuple[NewField, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def read_report(database_url: str, run_id: str | None) -> Report:
    """What the layers hold now, and what the run added. Raises DatabaseError."""
    with connect(database_url, application_name="retail report") as conn, transaction(conn):
        new: dict[str, dict[str, int]] = {"bronze": {}, "silver": {}, "gold": {}}
        changed: dict[str, dict[str, int]] = {"silver": {}, "gold": {}}
        for layer, dataset, inserted, updated in _SQL.rows(conn, "new_records", {"run_id": run_id}):
            new[layer][dataset] = inserted
            if layer in changed:
                changed[layer][dataset] = updated
        found = {layer: {table: _count(conn, layer, table) for table in tables(layer)} for layer in _COUNTED}
        return Report(
            bronze=tuple(BronzeHolding(*row) for row in _SQL.rows(conn, "bronze_holdings")),
            rows={
                layer: {t: rows.count if rows else None for t, rows in tables.items()}
                for layer, tables in found.items()
            },
            watermarks=tuple(Watermark(*row) for row in _SQL.rows(conn, "watermarks")),
            new=new,
            rejected=_SQL.rows(conn, "open_rejects")[0][0],
            failures=tuple(Failure(*row) for row in _SQL.rows(conn, "failures", {"run_id": run_id})),
            gaps=Gaps(*_SQL.rows(conn, "gaps")[0]),
            estimated=tuple(
                f"{layer}.{table}"
                for layer, tables in found.items()
                for table, rows in tables.items()
                if rows and not rows.is_exact
            ),
            backfill=read_progress(conn, "sales"),
            kept=tuple(name for (name,) in _SQL.rows(conn, "tables") if name not in _KNOWN),
            changed=changed,
            history=read_history(conn),
            new_fields=undeclared_fields(conn),
        )


def read_history(conn: connection) -> tuple[HistoryStart, ...]:
    """Tables whose older versions may be missing. Empty for a warehouse that no run has upgraded yet."""
    if not _SQL.one(conn, "keeps_versions")[0]:
        return ()
    return tuple(HistoryStart(*row) for row in _SQL.rows(conn, "history_start"))


def read_watermarks(conn: connection) -> list[Watermark]:
    """The watermark of each entity."""
    with transaction(conn):
        return [Watermark(*row) for row in _SQL.rows(conn, "watermarks")]


def print_report(report: Report, console: Console) -> None:
    """Print the report as a table and two lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("layer", "holds"):
        table.add_column(title)
    for title in ("rows", "new", "changed"):
        table.add_column(title, justify="right")
    for one in report.bronze:
        words = f"{one.dataset} ({counted(one.files, 'file')}, {megabytes(one.bytes)})"
        table.add_row("bronze", words, f"{one.records:,}", *_news(report, "bronze", one.dataset))
    for layer, tables_of_layer in report.rows.items():
        for name, rows in tables_of_layer.items():
            if not rows and name in _BY_FILE:
                continue
            about = "≈ " if f"{layer}.{name}" in report.estimated else ""
            table.add_row(layer, name, "-" if rows is None else f"{about}{rows:,}", *_news(report, layer, name))
    console.print(table)
    positions = (f"{one.entity} {one.words()}" for one in report.watermarks)
    console.print(f"the next pull starts: {'; '.join(positions)}", markup=False)
    if report.backfill:
        console.print(f"backfill of sales: {report.backfill.words()}: ./retail backfill resumes it")
    _print_notes(report, console)


def _print_notes(report: Report, console: Console) -> None:
    """What a person should know of the data: gaps, tables that are kept, histories that are not whole, quarantine."""
    if report.gaps.open_ids or report.gaps.expired_ids:
        open_ids = f"{counted(report.gaps.open_ids, 'sale id')} not seen yet: the next pull asks for them again"
        console.print(f"gaps: {open_ids}; {report.gaps.expired_ids:,} expired (meta.sales_gap)")
    for one in report.history:
        console.print(one.words(), style="yellow", markup=False)
    if report.kept:
        console.print(f"kept: {', '.join(report.kept)}: no longer declared, no run changes them", markup=False)
    _print_new_fields(report.new_fields, console)
    if report.rejected:
        words = f"quarantine: {counted(report.rejected, 'record')}: ./retail rejects list"
        console.print(words, style="yellow")


def _print_new_fields(fields: tuple[NewField, ...], console: Console) -> None:
    """A line for each of the first fields, with when it was first seen, and what to do."""
    if not fields:
        return
    for one in fields[:_MOST_LINES]:
        console.print(f"new field: {one.since()}", style="yellow", markup=False)
    more = f"{len(fields) - _MOST_LINES:,} more in meta.new_field; " if len(fields) > _MOST_LINES else ""
    console.print(f"{more}kept in Bronze, in no table: docs/operations.md, a new field", markup=False)


def summarize_run(report: Report) -> str:
    """What the run added, in one line. It may have loaded what an earlier run had left in Bronze."""
    if brought := _named(report.new["bronze"]):
        return f"new from the source: {brought}"
    if left := _named(report.new["silver"]):
        return f"nothing new from the source; loaded what an earlier run had pulled: {left}"
    return "nothing new: the source has no record after the watermarks"


def _named(counts: dict[str, int]) -> str:
    """The counts that are not zero, with the names of their records."""
    return ", ".join(counted_records(table, counts[name]) for name, table in TABLES.items() if counts.get(name))


def _news(report: Report, layer: str, name: str) -> tuple[str, str]:
    """The cells of what a run added and of what it replaced. Bronze files never change."""
    new = report.new.get(layer, {}).get(name, 0)
    changed = report.changed.get(layer, {}).get(name, 0)
    return (f"+{new:,}" if new else "0", "" if layer == "bronze" else f"{changed:,}")


def _count(conn: connection, schema: str, table: str, largest_exact: int = _LARGEST_EXACT) -> Rows | None:
    """Number of rows of a table, for a large one Postgres' last estimate; None when it does not exist yet."""
    with conn.cursor() as cursor:
        cursor.execute("select reltuples::bigint from pg_class where oid = to_regclass(%s)", (f"{schema}.{table}",))
        found = cursor.fetchone()
        if found is None:
            return None
        if found[0] > largest_exact:
            return Rows(found[0], is_exact=False)
        cursor.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(schema, table)))
        (rows,) = cursor.fetchone() or (0,)
        return Rows(int(rows), is_exact=True)
