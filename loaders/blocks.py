"""Blocks of a Bronze file, parsed and prepared for Postgres one after the other. It needs no connection meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loaders.batch import Batch, batch_of
from loaders.quarantine import accepted_lines
from loaders.records import parse_block
from loaders.source_clock import latest_of_file
from medallion.bronze.reader import read_blocks
from medallion.state.repairs import Repairs

if TYPE_CHECKING:
    from collections.abc import Generator

    import polars as pl
    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from loaders.new_fields import FieldWatch
    from loaders.source_clock import Latest
    from medallion.settings import Settings
    from medallion.state.quarantine import Rejection
    from medallion.state.receipts import Receipt


def latest_date(dataset: Dataset, conn: connection, settings: Settings, receipt: Receipt) -> Latest | None:
    """The latest date that records of the file may have; None for a dataset without versions."""
    if dataset.version is None:
        return None
    accepted = accepted_lines(conn, receipt.path)
    return latest_of_file(receipt.landed_at, settings.source_clock_tolerance_minutes, accepted)


def prepared_blocks(
    dataset: Dataset,
    settings: Settings,
    receipt: Receipt,
    load_id: int,
    latest: Latest | None,
    repairs: Repairs = Repairs(),  # noqa: B008 - it is frozen
    watch: FieldWatch | None = None,
) -> Generator[tuple[Batch, pl.DataFrame, list[Rejection], int], None, None]:
    """For each block: its batch, the keys in it, the lines that were refused, and how many rows a repair replaces.

    Raises BronzeDamaged.
    """
    line_no = 1
    for block in read_blocks(settings.bronze_location, receipt, settings.load_chunk_bytes):
        parsed = parse_block(dataset, block, line_no, latest, watch)
        rows = repairs.current(parsed.rows)
        superseded = parsed.rows.height - rows.height
        yield batch_of(dataset, rows, load_id), rows.select(dataset.key), parsed.rejections, superseded
        line_no += parsed.rows.height + len(parsed.rejections)
