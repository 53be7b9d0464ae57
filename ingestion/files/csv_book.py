"""The rows of a CSV or TSV file: every field that holds something is a cell, with its exact text.

A field that is empty, quoted or not, is no cell. A row with fewer fields than the header lacks cells, one with more has
cells under no header: nothing moves to another column. A row has the number of the line in which it begins, which is
what an editor shows.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from typing import TYPE_CHECKING

from ingestion.files.book import NAMELESS
from ingestion.files.csv_count import CLOSE_THE_QUOTE, FieldCounter
from ingestion.files.delimiters import delimiter_of
from ingestion.files.encodings import checked_utf8, encoding_of, opened_text
from ingestion.files.packed import SMALLER
from ingestion.spreadsheets.addresses import column_letters
from ingestion.spreadsheets.cells import Cell, Row, Sheet
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingestion.files.packed import Packed
    from medallion.entities.layout import Layout

_START_LINES = 60


class CsvBook:
    """An open CSV file. Opening it checks the whole text and counts its fields. Raises DeliveryRefused."""

    notes = ()

    def __init__(self, file: Packed, layout: Layout, known: Mapping[str, str]) -> None:
        self._file = file
        start = file.start()
        self.encoding = encoding_of(file, start, layout.encoding)
        self.delimiter = layout.delimiter or delimiter_of(_first_lines(start, self.encoding), known)
        cells = FieldCounter(file, self.delimiter).of(checked_utf8(file, self.encoding))
        if cells > file.limits.most_cells:
            raise file.refused(f"it has more than {file.limits.most_cells:,} cells", SMALLER)
        self.sheets = (Sheet(NAMELESS, is_visible=True, cells=cells, merged=()),)

    def rows(self, sheet_name: str) -> Iterator[Row]:
        """Its rows. Raises DeliveryRefused, which names the line; KeyError for a sheet: it has none."""
        if sheet_name != NAMELESS:
            raise KeyError(sheet_name)
        csv.field_size_limit(self._file.limits.most_of_field)  # of the whole process: there is no other
        with opened_text(self._file, self.encoding) as text:
            yield from self._rows(text)

    def _rows(self, text: io.TextIOWrapper) -> Iterator[Row]:
        limits, letters = self._file.limits, list[str]()
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        line = found = 0
        try:
            for record in reader:
                if len(record) > len(letters):
                    letters = self._letters(len(record), line + 1)
                cells = tuple(
                    [Cell(column, "s", value) for column, value in zip(letters, record, strict=False) if value]
                )
                if cells:
                    found += 1
                    yield Row(line + 1, cells)
                line = reader.line_num
                if found > limits.most_rows:
                    raise self._file.refused(f"it has more than {limits.most_rows:,} rows", SMALLER)
        except csv.Error as error:
            finding = f"the row that begins in line {line + 1:,}: {_words(error)}"
            raise self._file.refused(finding, CLOSE_THE_QUOTE) from error

    def _letters(self, width: int, line: int) -> list[str]:
        """The letters of so many columns."""
        if width > self._file.limits.most_columns:
            finding = f"the row that begins in line {line:,} has {width:,} fields"
            raise self._file.refused(f"{finding}: more than {self._file.limits.most_columns:,}", SMALLER)
        return [column_letters(number) for number in range(1, width + 1)]


def _first_lines(start: bytes, encoding: str) -> list[str]:
    return list(islice(io.StringIO(start.decode(encoding, errors="replace"), newline=""), _START_LINES))


def _words(error: csv.Error) -> str:
    if "field larger" in str(error):
        return "a field of it is longer than 1,000,000 characters. A quote that is not closed makes one, too"
    return shown(error)
