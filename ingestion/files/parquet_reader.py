"""The rows of a Parquet file, some thousands at a time, each value of the kind that its type has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ingestion.files.book import NAMELESS
from ingestion.files.limits import FileLimits
from ingestion.files.parquet_values import TEXTS, cells_of_column
from ingestion.spreadsheets.cells import Sheet
from ingestion.spreadsheets.wire import CELLS_OF_LINE, WireCell, WireRow
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingestion.spreadsheets.limits import Limits

WRITE_AGAIN = "write it again with a current version of the program that made it, or deliver it as CSV"
SMALLER = "split it into smaller files, and deliver them"
_ROWS = 5_000
_BYTES_OF_LINE = 8_000_000  # to the process that asked: its limit, less what JSON adds
_BYTES = 64_000_000  # of the texts of the rows that are read at once, at most


class ParquetReader:
    """A Parquet file. Errors of the file are raised as WorkbookRefused."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self._path, self._limits, self._rows = path, limits, _ROWS
        self.cells_of_line = CELLS_OF_LINE
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
        for batch in self._scan.collect_batches(chunk_size=self._rows, maintain_order=True):
            for part in batch.iter_slices(self._rows):
                columns = [cells_of_column(f".{name}", part[name]) for name in self._schema]
                for cells in zip(*columns, strict=True):
                    number += 1
                    if found := [cell for cell in cells if cell]:
                        yield WireRow(number, found)

    def _check_texts(self) -> None:
        """Refuse texts that are few bytes in the file and many in memory, and see how many rows fit into it at once."""
        texts = [pl.col(name).str.len_bytes() for name, kind in self._schema.items() if kind == pl.String]
        if not texts:
            return
        measures = [
            *(one.max().name.suffix(" max") for one in texts),
            *(one.sum().name.suffix(" sum") for one in texts),
        ]
        found = [one or 0 for one in self._scan.select(measures).collect(engine="streaming").row(0)]
        longest, total = found[: len(texts)], sum(found[len(texts) :])
        if max(longest) > FileLimits.most_of_field:
            raise self._refused(f"a text of it is longer than {FileLimits.most_of_field:,} bytes", SMALLER)
        if total > self._limits.most_unpacked:
            raise self._refused(f"its texts unpack to more than {self._limits.most_unpacked / 1e6:,g} MB", SMALLER)
        self.cells_of_line = max(1, min(CELLS_OF_LINE, _BYTES_OF_LINE // (max(longest) or 1)))
        self._rows = max(1, min(_ROWS, _BYTES // (sum(longest) or 1)))

    def _refused(self, finding: str, remedy: str) -> WorkbookRefused:
        return WorkbookRefused(file=self._path.name, finding=finding, remedy=remedy)


def _count(name: str, kind: pl.DataType) -> pl.Expr:
    """How many values of a column hold something."""
    column = pl.col(name)
    return (column.cast(pl.String) != "").sum().alias(name) if kind in TEXTS else column.count().alias(name)
