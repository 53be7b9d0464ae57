"""Rebuild of Silver and Gold from Bronze alone: next to the live tables, to compare with them, or in their place.

The source is not asked. The rebuild next to them proves that Bronze is enough: another database gets the receipts,
loads every file that the live Silver has loaded, builds Gold, and each table is compared by a hash over its rows. The
rebuild in place is the remedy when Silver cannot be trusted any more.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql
from psycopg2.extras import execute_values

from gold.build import build_core, build_mart, build_nightly_as_of, check_gold, gold_due, prepare
from loaders.dataset import DATASETS
from loaders.load_all_silver import load_all_silver
from medallion.bronze.retention import require_whole_bronze
from medallion.bronze.verify import require_intact, verify_bronze
from medallion.database import transaction
from medallion.entities.registry import TABLES
from medallion.errors import DataQualityError, EntityLocked
from medallion.process.steps import CORE, MARTS, NIGHTLY_MARTS
from medallion.schema import prepare_schema
from medallion.state.gold_progress import want_gold_rebuild
from medallion.state.locks import RETENTION, locked, table_lock
from medallion.state.nightly_builds import nightly_builds
from medallion.state.receipts import files_without_versions
from medallion.statements import Statements
from medallion.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from psycopg2.extensions import connection

    from medallion.settings import Settings

_SQL = Statements(__file__)
GOLD = (*CORE, *MARTS)
VERSIONS = {name: table.versions for name, table in TABLES.items() if table.versions}
# A dataset that is no longer declared is not loaded: its table stays as it is.
_DECLARED = {"datasets": list(DATASETS)}
# Equal rows have equal hashes on both sides, in any order; the sum is exact.
_FINGERPRINT = sql.SQL(
    "select count(*), coalesce(sum(hashtextextended(row({columns})::text, 0)::numeric), 0) from {table}"
)


@dataclass(frozen=True)
class TableComparison:
    """A table live and rebuilt: rows of each, and whether they are the same rows."""

    table: str
    live_rows: int
    rebuilt_rows: int
    same: bool


@dataclass(frozen=True)
class RebuildResult:
    """A rebuild next to the live tables, compared with them. `skipped` says of tables why they were not compared."""

    tables: tuple[TableComparison, ...]
    skipped: tuple[str, ...]

    def summary(self) -> str:
        """One line for a person."""
        rows = sum(one.rebuilt_rows for one in self.tables)
        tables = counted(len(self.tables), "table")
        said = f"{tables} rebuilt from Bronze, {counted(rows, 'row')}, the same as the live ones"
        return said + "".join(f"; not compared, {why}" for why in self.skipped)


def rebuild_beside(live: connection, beside: connection, settings: Settings, *, run_id: str) -> RebuildResult:
    """Build all tables in the empty database `beside` and compare.

    Raises BronzeDamaged, DataQualityError, or ConfigurationError when retention has removed files it needs.
    """
    with locked(live, RETENTION):
        require_whole_bronze(live)
        require_intact(verify_bronze(live, settings))
        prepare_schema(beside)
        receipts = _copy_receipts(live, beside)
        behind = bool(gold_due(live))
        nightly = {} if behind else _nightly_dates(live, only_current=True)
        _load_and_build(beside, settings, run_id, nightly)
    _require_unchanged(live, receipts, {} if behind else nightly)
    begun = _with_versions_to_read(live)
    tables = [f"silver.{name}" for name in (*DATASETS, *(one for one in VERSIONS.values() if one not in begun))]
    tables += [] if behind or begun else [*GOLD, *nightly]
    outdated = [name for name in _nightly_dates(live) if name not in nightly]
    skipped = _skipped(begun, outdated, behind=behind)
    rebuilt = RebuildResult(tuple(_compare(live, beside, table) for table in tables), skipped)
    _require_same(rebuilt)
    return rebuilt


def rebuild_in_place(conn: connection, settings: Settings, *, run_id: str) -> None:
    """Empty Silver, load all of Bronze, build Gold again. If it is killed, the next run completes it.

    Raises BronzeDamaged, EntityLocked, or ConfigurationError (retention has removed files it needs), before anything
    is touched. Gold's readers keep the old tables until the new ones are built.
    """
    nightly = _nightly_dates(conn)
    with ExitStack() as locks:
        locks.enter_context(locked(conn, RETENTION))
        require_whole_bronze(conn)
        require_intact(verify_bronze(conn, settings))
        for name in DATASETS:
            locks.enter_context(locked(conn, table_lock(name)))
        with transaction(conn), conn.cursor() as cursor:
            for name in DATASETS:
                for table in filter(None, (name, VERSIONS.get(name))):
                    cursor.execute(sql.SQL("truncate {}").format(sql.Identifier("silver", table)))
                _SQL.execute(conn, "forget_loaded", {"dataset": name})
            want_gold_rebuild(conn)
    _load_and_build(conn, settings, run_id, nightly)


def _with_versions_to_read(conn: connection) -> list[str]:
    """Tables of versions that lack what Bronze has: an upgrade has made them, and no load has come by since."""
    with transaction(conn):
        return [table for name, table in VERSIONS.items() if files_without_versions(conn, name)]


def _skipped(begun: list[str], outdated: list[str], *, behind: bool) -> tuple[str, ...]:
    """Why tables are not compared."""
    gold = ", ".join((*GOLD, *NIGHTLY_MARTS))
    if begun:
        names = ", ".join(f"silver.{name}" for name in begun)
        return (f"as the next load reads older versions from Bronze first: {names}, {gold}",)
    if behind:
        return (f"as Gold is behind Silver: {gold}",)
    why = "as Gold has changed since they were built (./retail nightly builds them)"
    return (f"{why}: {', '.join(outdated)}",) if outdated else ()


def _nightly_dates(conn: connection, *, only_current: bool = False) -> dict[str, date]:
    """The business date of each nightly table that was built, or of those that were built from Gold as it is now."""
    with transaction(conn):
        found = nightly_builds(conn)
    dates = {f"gold.{one.model}": one.business_date for one in found if one.is_current or not only_current}
    return {name: dates[name] for name in NIGHTLY_MARTS if name in dates}


def _load_and_build(conn: connection, settings: Settings, run_id: str, nightly: Mapping[str, date]) -> None:
    # Records that were quarantined before are quarantined again, whatever their share of the file.
    load_all_silver(conn, settings.model_copy(update={"reject_limit_share": 1.0}), run_id=run_id)
    prepare(conn, settings, run_id=run_id, full_refresh=True)
    build_core(conn, settings, run_id=run_id, full_refresh=True)
    build_mart(conn, settings, run_id=run_id, full_refresh=True)
    for as_of in sorted({*nightly.values()}):
        tables = [name for name, day in nightly.items() if day == as_of]
        build_nightly_as_of(conn, settings, tables, as_of, run_id=run_id)
    check_gold(conn, settings, run_id=run_id)


def _copy_receipts(live: connection, beside: connection) -> int:
    """Copy all that Silver needs of Bronze: receipts, their loads, deliveries, repairs, lines that a retry has let in.

    And the public holidays, which are not from Bronze: another version of their library may have others. Returns how
    many receipts.
    """
    with transaction(live):
        loads = _SQL.rows(live, "loads_of_bronze")
        receipts = _SQL.rows(live, "receipts_in_silver", _DECLARED)
        accepted = _SQL.rows(live, "accepted_records", _DECLARED)
        repairs = _SQL.rows(live, "repairs_in_silver")
        handed_over = _SQL.rows(live, "deliveries_in_silver")
        holidays = _SQL.rows(live, "holidays")
    with transaction(beside), beside.cursor() as cursor:
        execute_values(cursor, _SQL["copy_load"], loads)
        _SQL.execute(beside, "continue_load_ids")
        execute_values(cursor, _SQL["copy_receipt"], receipts)
        if accepted:
            execute_values(cursor, _SQL["copy_accepted"], accepted)
        if repairs:
            execute_values(cursor, _SQL["copy_repair"], repairs)
        if handed_over:
            execute_values(cursor, _SQL["copy_delivery"], handed_over)
        if holidays:
            execute_values(cursor, _SQL["copy_holiday"], holidays)
    return len(receipts)


def _require_unchanged(live: connection, receipts: int, nightly: Mapping[str, date]) -> None:
    """Raise if a run has loaded files, or built nightly tables, meanwhile: the two sides then differ without damage."""
    with transaction(live):
        has_loaded = len(_SQL.rows(live, "receipts_in_silver", _DECLARED)) != receipts
    dates = _nightly_dates(live)
    if has_loaded or any(dates.get(name) != day for name, day in nightly.items()):
        raise EntityLocked(
            "a run loaded files or built nightly tables during the rebuild: the two cannot be compared",
            remedy="run it again between two runs; the live tables were not changed",
        )


def _compare(live: connection, beside: connection, table: str) -> TableComparison:
    live_rows, live_hash = _fingerprint(live, table)
    rows, rebuilt_hash = _fingerprint(beside, table)
    return TableComparison(table, live_rows, rows, same=(live_rows, live_hash) == (rows, rebuilt_hash))


def _fingerprint(conn: connection, table: str) -> tuple[int, int]:
    schema, name = table.split(".")
    with transaction(conn), conn.cursor() as cursor:
        found = _SQL.rows(conn, "columns_of", {"schema": schema, "table": name})
        columns = sql.SQL(", ").join(sql.Identifier(column) for (column,) in found)
        cursor.execute(_FINGERPRINT.format(columns=columns, table=sql.Identifier(schema, name)))
        rows, total = cursor.fetchone() or (0, 0)
    return int(rows), int(total)


def _require_same(rebuilt: RebuildResult) -> None:
    different = [one for one in rebuilt.tables if not one.same]
    if not different:
        return
    words = "; ".join(
        f"{one.table}: {counted(one.live_rows, 'row')} live, {one.rebuilt_rows:,} rebuilt" for one in different
    )
    raise DataQualityError(
        f"what Bronze gives differs from the live tables: {words}",
        remedy="rows were changed or lost outside the pipeline; ./retail rebuild --in-place makes them what "
        "Bronze says",
    )
