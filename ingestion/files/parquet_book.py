"""An open Parquet file, read in a process of its own, as a workbook is."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.files.parquet_reader import SMALLER, WRITE_AGAIN
from ingestion.spreadsheets.guard import FROM_EXCEL
from ingestion.spreadsheets.guard import SMALLER as SMALLER_WORKBOOK
from ingestion.spreadsheets.limits import Limits
from ingestion.spreadsheets.workbook import open_workbook
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.files.limits import FileLimits
    from ingestion.spreadsheets.workbook import Workbook

_READER = f"{__package__}.parquet_child"
_SECONDS = 600.0  # a library that runs out of memory may also stop without a word
# What a workbook's sender is advised, as words for a file that no Excel made.
_REMEDIES = {FROM_EXCEL: WRITE_AGAIN, SMALLER_WORKBOOK: SMALLER}


@contextmanager
def open_parquet(path: Path, limits: FileLimits) -> Iterator[Workbook]:
    """Open a Parquet file. Raises WorkbookRefused, also in the `with` block."""
    bounds = Limits(
        most_bytes=limits.most_bytes,
        most_unpacked=limits.most_unpacked,
        most_rows=limits.most_rows,
        most_columns=limits.most_columns,
        most_cells=limits.most_cells,
        memory=limits.memory,
        seconds=_SECONDS,
    )
    try:
        with open_workbook(path, bounds, _require_size, _READER) as book:
            yield book
    except WorkbookRefused as error:
        remedy = _REMEDIES.get(error.remedy, error.remedy)
        raise WorkbookRefused(file=error.file, finding=error.finding, remedy=remedy) from error


def _require_size(path: Path, limits: Limits) -> bool:
    if path.stat().st_size > limits.most_bytes:
        finding = f"it is larger than {limits.most_bytes / 1e6:,g} MB"
        raise WorkbookRefused(file=path.name, finding=finding, remedy=SMALLER)
    return False
