"""Versions of files that Silver took before it kept versions: read again, without touching the tables themselves.

Each load of a table does this first, and finds nothing to do but once, after an upgrade. A file whose versions are kept
is marked in the transaction that appended them, so a process that is killed resumes. A file that retention has removed
cannot be read again: `meta.vw_history_start` says since when the history of a table is complete.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from loaders.ahead import one_ahead
from loaders.blocks import latest_date, prepared_blocks
from loaders.merge import staged
from loaders.versions import Versions
from medallion.database import transaction
from medallion.errors import BronzeDamaged
from medallion.state.receipts import files_without_versions, mark_versions_kept
from medallion.wording import counted

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.settings import Settings
    from medallion.state.receipts import Receipt

log = logging.getLogger(__name__)


def take_history(dataset: Dataset, conn: connection, settings: Settings, *, run_id: str) -> None:
    """Append the versions of these files; the caller holds the lock of the table.

    A damaged file is reported and left out, as Silver itself does not need it: the nightly check of Bronze fails.
    """
    if dataset.versions is None:
        return
    with transaction(conn):
        receipts = files_without_versions(conn, dataset.name)
    taken = sum(_take_file(dataset, conn, settings, receipt, run_id) for receipt in receipts)
    if receipts:
        log.info("silver.%s: versions of %s read again", dataset.name, counted(taken, "earlier file"))


def _take_file(dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt, run_id: str) -> bool:
    try:
        with transaction(conn):
            _append(dataset, conn, settings, receipt, run_id)
            mark_versions_kept(conn, receipt)
    except BronzeDamaged as damage:
        log.warning("%s: its older versions are missing in silver.%s", damage, dataset.versions)
        return False
    return True


def _append(dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt, run_id: str) -> None:
    versions, latest = Versions(dataset, run_id), latest_date(dataset, conn, settings, receipt)
    with one_ahead(prepared_blocks(dataset, settings, receipt, 0, latest)) as blocks:
        for batch, *_ in blocks:
            if batch.rows:
                with staged(conn, dataset, batch) as stage:
                    versions.append(conn, stage, batch.rows)
    versions.close(conn)
