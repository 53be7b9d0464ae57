"""The rows of a Parquet file, some thousands at a time, each value of the kind that its type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ingestion.files.book import NAMELESS
from ingestion.files.limits import FileLimits
from ingestion.files.parquet_values import TEXTS, cells_of_column
from ingestion.spreadsheets.cells import Sheet
from ingestion.spreadsheets.wire import WireCell, WireRow
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.spreadsheets.limits import Limits

WRITE_AGAIN = "write it again with a current version of the program that made it, or deliver it as CSV"
SMALLER = "split it into smaller files, and deliver them"
_ROWS = 5_000


class ParquetReader:
    """A Parquet file. Errors of the file are raised as WorkbookRefused."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits = path, limits
        self._scan = pl.scan_parquet(path, glob=False, hive_partitioning=False)
        try:
            self._schema = self._scan.collect_schema()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._refused(f"it is half copied or damaged ({error})", WRITE_AGAIN) from error

    def survey(self) -> tuple[Sheet, ...]:
        """Its one sheet, the values counted column by column."""
        limits, width = self._limits, len(self._schema)
        if width > limits.most_columns:
            raise self._refused(f"it has more than {limits.most_columns:,} columns", SMALLER)
        rows = self._scan.select(pl.len()).collect().item()  # of the footer
        if rows > limits.most_rows or rows * width > limits.most_cells:
            finding = f"it has {rows:,} rows of {width:,} columns: more than {limits.most_rows:,} rows"
            raise self._refused(f"{finding} or {limits.most_cells:,} values", SMALLER)
        self._check_texts()
        counts = [_count(name, kind) for name, kind in self._schema.items()]
        counted = self._scan.select(counts).collect(engine="streaming").row(0) if counts else ()
        return (Sheet(NAMELESS, is_visible=True, cells=sum(counted) + width, merged=()),)

    def rows(self, _: str, /) -> Iterator[WireRow]:
        """The names of its columns as row 0, then its rows, numbered from 1."""
        yield WireRow(0, [WireCell(f".{name}", "s", name) for name in self._schema])
        number = 0
        for batch in self._scan.collect_batches(chunk_size=_ROWS, maintain_order=True):
            for part in batch.iter_slices(_ROWS):
                columns = [cells_of_column(f".{name}", part[name]) for name in self._schema]
                for cells in zip(*columns, strict=True):
                    number += 1
                    if found := [cell for cell in cells if cell]:
                        yield WireRow(number, found)

    def _check_texts(self) -> None:
        texts = [name for name, kind in self._schema.items() if kind == pl.String]
        if not texts:
            return
        longest = self._scan.select(pl.max_horizontal(pl.col(texts).str.len_bytes().max()))
        if (longest.collect(engine="streaming").item() or 0) > FileLimits.most_of_field:
            raise self._refused(f"a text of it is longer than {FileLimits.most_of_field:,} bytes", SMALLER)

    def _refused(self, finding: str, remedy: str) -> WorkbookRefused:
        return WorkbookRefused(file=self._path.name, finding=finding, remedy=remedy)


def _count(name: str, kind: pl.DataType) -> pl.Expr:
    """How many values of a column hold something."""
    column = pl.col(name)
    return (column.cast(pl.String) != "").sum().alias(name) if kind in TEXTS else column.count().alias(name)
