"""The load of any dataset: each unloaded file in one transaction, from receipt to row counts.

The transaction that writes a file's rows also writes its rejections, marks its receipt and closes its load,
so a crash leaves the file either loaded completely or not at all, and loading it again changes nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from loaders.ahead import one_ahead
from loaders.blocks import latest_date, prepared_blocks
from loaders.history import take_history
from loaders.merge import write_rows
from loaders.new_fields import FieldWatch, warn_of_fields
from loaders.quarantine import Corrections
from loaders.superseding import check_worth, settle_empty, supersede
from loaders.versions import Versions
from medallion.database import transaction
from medallion.errors import BronzeDamaged, DataQualityError
from medallion.process.fail_points import fail_point
from medallion.state.deliveries import refuse_landed
from medallion.state.loads import RowCounts, close_load, logged_load
from medallion.state.locks import locked, table_lock
from medallion.state.new_fields import add_new_fields, known_fields
from medallion.state.quarantine import reject_records
from medallion.state.receipts import Receipt, mark_loaded, unloaded_files
from medallion.state.repairs import take_repairs
from medallion.wording import counted

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.settings import Settings
    from medallion.state.new_fields import SeenField

log = logging.getLogger(__name__)
_MANY_ROWS = 100_000


@dataclass(frozen=True)
class LoadResult:
    """What one run loaded into a Silver table."""

    dataset: str
    files: int
    counts: RowCounts

    def summary(self) -> str:
        """One line for a person."""
        if not self.files:
            return f"silver.{self.dataset}: nothing new"
        counts = self.counts
        fates = {
            "inserted": counts.inserted,
            "updated": counts.updated,
            "unchanged": counts.unchanged,
            "superseded": counts.superseded,
            "REJECTED": counts.rejected,
        }
        said = ", ".join(f"{count:,} {fate}" for fate, count in fates.items() if count)
        records = counted(counts.read, "record")
        return f"silver.{self.dataset}: {records} of {counted(self.files, 'file')}: {said}"


def load(dataset: Dataset, conn: connection, settings: Settings, *, run_id: str) -> LoadResult:
    """Load every receipted file that Silver has not loaded, in the order they landed.

    Raises BronzeDamaged, DatabaseError (EntityLocked when another run loads this table), or
    DataQualityError when a record is not accounted for. Files before the failing one stay loaded.
    """
    counts, files = RowCounts(), 0
    with locked(conn, table_lock(dataset.name)):
        take_history(dataset, conn, settings, run_id=run_id)
        with transaction(conn):
            receipts = unloaded_files(conn, dataset.name)
            watch = _watch(dataset, conn) if receipts else None
        for receipt in receipts:
            counts += _load_or_refuse(dataset, conn, settings, receipt, run_id, watch)
            files += 1
        settle_empty(conn, dataset, run_id)
    if counts.inserted + counts.updated > _MANY_ROWS:
        _analyze(conn, dataset)
    loaded = LoadResult(dataset.name, files, counts)
    if files:
        log.log(logging.WARNING if counts.rejected else logging.INFO, "%s", loaded.summary())
    return loaded


def _watch(dataset: Dataset, conn: connection) -> FieldWatch | None:
    """Notices new fields; of a delivered file, the pull has noticed them."""
    return None if dataset.is_delivered else FieldWatch(dataset, known_fields(conn, dataset.name))


def _load_or_refuse(
    dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt, run_id: str, watch: FieldWatch | None
) -> RowCounts:
    """Load a file. A delivered one that does not fit is refused, so that it keeps no other file from being loaded."""
    try:
        return _load_watched(dataset, conn, settings, receipt, run_id, watch)
    except BronzeDamaged:
        raise
    except DataQualityError as error:
        if not dataset.is_delivered:
            raise
        with transaction(conn):
            refuse_landed(conn, receipt.path, error.message, error.remedy)
        log.warning("silver.%s: %s", dataset.name, error.message)
        return RowCounts()


def _analyze(conn: connection, dataset: Dataset) -> None:
    """Analyze the table, so that Gold's queries are planned for it as it is now, before autovacuum has seen it.

    It is skipped while a vacuum is at work on the table: it would have to wait for the vacuum, or cancel it.
    """
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(sql.SQL("analyze (skip_locked) {}").format(sql.Identifier("silver", dataset.name)))


def _load_watched(
    dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt, run_id: str, watch: FieldWatch | None
) -> RowCounts:
    """Load a file, and warn of each new field once. Those of a file that does not fit are kept, too: they say why."""
    try:
        counts, fields = _load_file(dataset, conn, settings, receipt, run_id, watch)
    except BronzeDamaged:
        raise
    except DataQualityError:
        if watch is not None:
            with transaction(conn):
                fields = add_new_fields(conn, receipt, watch.take())
            warn_of_fields(receipt, fields, is_full=watch.is_full)
        raise
    if watch is not None:
        warn_of_fields(receipt, fields, is_full=watch.is_full)
    return counts


def _load_file(
    dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt, run_id: str, watch: FieldWatch | None
) -> tuple[RowCounts, list[SeenField]]:
    """Load a file. Returns its counts, and the fields that were first seen in it."""
    with logged_load(conn, run_id=run_id, layer="silver", dataset=dataset.name) as load_id, transaction(conn):
        versions = Versions(dataset, run_id)
        counts, ahead, rejected = _fold_file(dataset, conn, settings, receipt, load_id, versions, watch)
        _check_accounted(receipt, counts)
        if dataset.is_delivered:
            check_worth(conn, receipt, counts, settings)
        else:
            _check_rejected(receipt, counts, ahead, settings)
        versions.close(conn)
        fields = add_new_fields(conn, receipt, watch.take()) if watch is not None else []
        supersede(conn, dataset, receipt, load_id, rejected)
        mark_loaded(conn, receipt, load_id)
        close_load(conn, load_id, counts, receipt.bytes)
        fail_point("silver.marked")
    fail_point("silver.loaded")
    return counts, fields


def _fold_file(
    dataset: Dataset,
    conn: connection,
    settings: Settings,
    receipt: Receipt,
    load_id: int,
    versions: Versions,
    watch: FieldWatch | None,
) -> tuple[RowCounts, int, list[int]]:
    """Load the file's records. Returns their counts, how many were dated in the future, and the refused lines.

    While Postgres takes one block, the next is parsed and prepared; the connection is this thread's alone.
    """
    counts, ahead, corrections, rejected = RowCounts(), 0, Corrections(dataset, receipt), list[int]()
    latest, repairs = latest_date(dataset, conn, settings, receipt), take_repairs(conn, receipt, load_id)
    with one_ahead(prepared_blocks(dataset, settings, receipt, load_id, latest, repairs, watch)) as blocks:
        for batch, keys, rejections, superseded in blocks:
            reject_records(conn, receipt, rejections)
            counts += RowCounts(read=superseded, superseded=superseded)
            counts += write_rows(conn, dataset, batch, versions)
            counts += RowCounts(read=len(rejections), rejected=len(rejections))
            ahead += sum(one.is_ahead for one in rejections)
            rejected += [one.line_no for one in rejections]
            corrections.look(conn, keys)
    corrections.settle(conn, load_id)
    return counts, ahead, rejected


def _check_accounted(receipt: Receipt, counts: RowCounts) -> None:
    if counts.read == counts.accounted == receipt.records:
        return
    raise DataQualityError(
        f"{receipt.path}: {receipt.records:,} records in the receipt, {counts.read:,} read, "
        f"{counts.accounted:,} accounted for",
        remedy="nothing of the file was kept; this is a defect of the loader: report it with the file",
    )


def _check_rejected(receipt: Receipt, counts: RowCounts, ahead: int, settings: Settings) -> None:
    """Raise when too many records are refused: a few are quarantined, many mean that the source has changed."""
    few = counts.rejected <= settings.reject_limit_count
    if few or counts.rejected <= settings.reject_limit_share * counts.read:
        return
    if 2 * ahead > counts.rejected:
        raise _clock_is_wrong(receipt, counts, ahead, settings)
    raise DataQualityError(
        f"{receipt.path}: {counts.rejected:,} of {counts.read:,} records do not fit silver.{receipt.dataset}: "
        f"more than REJECT_LIMIT_SHARE={settings.reject_limit_share:g} allows",
        remedy="nothing of the file was loaded; see whether the source changed its records, then fix it or the "
        "dataset's columns, or raise REJECT_LIMIT_SHARE to quarantine them",
    )


def _clock_is_wrong(receipt: Receipt, counts: RowCounts, ahead: int, settings: Settings) -> DataQualityError:
    return DataQualityError(
        f"{receipt.path}: {ahead:,} of {counts.read:,} records are dated more than "
        f"SOURCE_CLOCK_TOLERANCE_MINUTES={settings.source_clock_tolerance_minutes:g} after they landed: the clock of "
        "the source, or that of the warehouse, is wrong",
        remedy="nothing of the file was loaded; correct the clock, then load the file with a larger "
        "SOURCE_CLOCK_TOLERANCE_MINUTES to take the records as they are, or with a larger REJECT_LIMIT_SHARE to "
        "quarantine them",
    )
