"""What each layer now holds, and what a run brought: read from the warehouse, printed or given as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from rich.table import Table

from loaders.backfill import read_progress
from loaders.config import PROJECT_ROOT
from loaders.database import connect, transaction

if TYPE_CHECKING:
    from psycopg2.extensions import connection
    from rich.console import Console

    from loaders.backfill import Progress

_STATEMENTS = PROJECT_ROOT / "stack" / "sql"
_COUNTED = {
    "silver": ("customers", "products", "sales_customer", "sales_product"),
    "gold": ("dim_customer", "dim_product", "sales_item", "mart_sales_by_customer"),
}
# Counting reads every row: what is larger than this is not counted for each report.
_LARGEST_EXACT = 2_000_000
# Datasets as a person calls them, in the order they are told.
_NEWS = {
    "customers": "customers",
    "products": "products",
    "sales_customer": "sales",
    "sales_product": "sales lines",
}


@dataclass(frozen=True)
class BronzeHolding:
    """Receipted files of a dataset."""

    dataset: str
    files: int
    records: int
    bytes: int


@dataclass(frozen=True)
class Watermark:
    """Where an entity stands at the source."""

    entity: str
    cursor_name: str
    cursor_value: str | None


@dataclass(frozen=True)
class Failure:
    """A step that failed, as the ETL log has it."""

    layer: str
    dataset: str
    message: str


@dataclass(frozen=True)
class Gaps:
    """Sale ids that were passed over: ranges and ids still asked for, and ids that never came."""

    open_ranges: int = 0
    open_ids: int = 0
    expired_ids: int = 0


@dataclass(frozen=True)
class Rows:
    """Rows of a table: counted, or as Postgres last estimated them."""

    count: int
    is_exact: bool


@dataclass(frozen=True)
class Report:
    """What the warehouse holds. `rows` by layer and table, None for a table that is not there yet.

    `estimated` names tables too large to be counted each time, whose rows are Postgres' estimate. `new` is what the
    run brought: records by dataset, in Bronze and in Gold. `backfill` is the one under way.
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

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def read_report(database_url: str, run_id: str | None) -> Report:
    """What the layers hold now, and what `run_id` brought. Raises DatabaseError."""
    with connect(database_url, application_name="retail report") as conn, transaction(conn):
        new: dict[str, dict[str, int]] = {"bronze": {}, "silver": {}, "gold": {}}
        for layer, dataset, records in _select(conn, "new_records", run_id):
            new[layer][dataset] = records
        found = {layer: {table: _count(conn, layer, table) for table in tables} for layer, tables in _COUNTED.items()}
        return Report(
            bronze=tuple(BronzeHolding(*row) for row in _select(conn, "bronze_holdings")),
            rows={
                layer: {t: rows.count if rows else None for t, rows in tables.items()}
                for layer, tables in found.items()
            },
            watermarks=tuple(Watermark(*row) for row in _select(conn, "watermarks")),
            new=new,
            rejected=_select(conn, "open_rejects")[0][0],
            failures=tuple(Failure(*row) for row in _select(conn, "failures", run_id)),
            gaps=Gaps(*_select(conn, "gaps")[0]),
            estimated=tuple(
                f"{layer}.{table}"
                for layer, tables in found.items()
                for table, rows in tables.items()
                if rows and not rows.is_exact
            ),
            backfill=read_progress(conn),
        )


def read_watermarks(conn: connection) -> list[Watermark]:
    """Where each entity stands."""
    with transaction(conn):
        return [Watermark(*row) for row in _select(conn, "watermarks")]


def print_report(report: Report, console: Console) -> None:
    """The report as a table and two lines."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, side in (("layer", "left"), ("holds", "left"), ("rows", "right"), ("new", "right")):
        table.add_column(title, justify=side)  # type: ignore[arg-type]
    for one in report.bronze:
        words = f"{one.dataset} ({one.files} {'file' if one.files == 1 else 'files'}, {one.bytes / 1e6:.1f} MB)"
        table.add_row("bronze", words, f"{one.records:,}", _new(report, "bronze", one.dataset))
    for layer, tables in report.rows.items():
        for name, rows in tables.items():
            about = "≈ " if f"{layer}.{name}" in report.estimated else ""
            table.add_row(layer, name, "-" if rows is None else f"{about}{rows:,}", _new(report, layer, name))
    console.print(table)
    console.print(
        "watermarks: " + ", ".join(f"{w.entity} {w.cursor_name}={w.cursor_value or 'none'}" for w in report.watermarks)
    )
    if report.backfill:
        console.print(f"backfill of sales: {report.backfill.words()}: ./retail backfill goes on with it")
    if report.gaps.open_ids or report.gaps.expired_ids:
        open_ids = f"{report.gaps.open_ids:,} sale ids not seen yet are asked for again"
        console.print(f"gaps: {open_ids}, {report.gaps.expired_ids:,} never came (meta.sales_gap)")
    if report.rejected:
        words = f"quarantine: {report.rejected:,} records set aside: ./retail rejects list"
        console.print(words, style="yellow")


def news(report: Report) -> str:
    """What the run brought, in one line."""
    brought = {name: count for name, count in report.new["bronze"].items() if count}
    if not brought:
        return "nothing new: the source had no record past the watermarks, so only they were asked for"
    named = [f"{brought[name]:,} {words}" for name, words in _NEWS.items() if name in brought]
    return "new from the source: " + ", ".join(named)


def _new(report: Report, layer: str, name: str) -> str:
    count = report.new[layer].get(name, 0)
    return f"+{count:,}" if count else "0"


def _select(conn: connection, name: str, run_id: str | None = None) -> list[tuple[Any, ...]]:
    with conn.cursor() as cursor:
        cursor.execute((_STATEMENTS / f"{name}.sql").read_text(encoding="utf-8"), {"run_id": run_id})
        return cursor.fetchall()


def _count(conn: connection, schema: str, table: str, largest_exact: int = _LARGEST_EXACT) -> Rows | None:
    """Rows of a table, of a large one as Postgres last estimated them; None when it is not there yet."""
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
