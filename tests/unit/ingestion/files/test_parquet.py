"""Values of Parquet files come typed and exact, from a process whose memory has a limit."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.files.limits import FileLimits
from ingestion.files.parquet_book import open_parquet
from medallion.errors import WorkbookRefused


def rows(path: Path, limits: FileLimits | None = None) -> list[tuple[int, dict[str, tuple[str, object]]]]:
    with open_parquet(path, limits or FileLimits()) as book:
        (sheet,) = book.sheets
        found = list(book.rows(sheet.name))
    assert (sheet.name, sheet.cells) == ("", sum(len(row.cells) for row in found))
    return [(row.number, {cell.column: (cell.kind, cell.value) for cell in row.cells}) for row in found]


def written(path: Path, **columns: Any) -> Path:
    pl.DataFrame(columns).write_parquet(path)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.parquet"


def test_each_type_has_its_kind_and_no_value_changes(path: Path) -> None:
    zoned = datetime(2026, 10, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    columns: dict[str, tuple[Any, tuple[str, object]]] = {
        "text": (["007 "], ("s", "007 ")),
        "category": (pl.Series(["a"], dtype=pl.Categorical), ("s", "a")),
        "whole": ([7], ("n", 7)),
        "large": ([2**63 - 1], ("n", "9223372036854775807")),
        "unsigned": (pl.Series([2**64 - 1], dtype=pl.UInt64), ("n", "18446744073709551615")),
        "float": ([12.5], ("n", 12.5)),
        "whole_float": ([12.0], ("n", 12)),
        "short_float": (pl.Series([12.1], dtype=pl.Float32), ("n", "12.1")),
        "none": ([float("nan")], ("e", "nan")),
        "endless": ([float("-inf")], ("e", "-inf")),
        "short_none": (pl.Series([float("nan")], dtype=pl.Float32), ("e", "NaN")),
        "decimal": (pl.Series([Decimal("12.10")], dtype=pl.Decimal(20, 2)), ("n", "12.10")),
        "tiny": (pl.Series([Decimal("0.0000000000")], dtype=pl.Decimal(20, 10)), ("n", "0.0000000000")),
        "flag": ([False], ("b", False)),
        "day": ([date(2026, 10, 1)], ("d", "2026-10-01")),
        "local": (pl.Series(["2026-10-01T10:05"]).str.to_datetime(), ("d", "2026-10-01T10:05:00")),
        "zoned": ([zoned], ("s", "2026-10-01T10:00:00Z")),
        "nanos": (
            pl.Series([1_790_000_000_123_456_789]).cast(pl.Datetime("ns")),
            ("d", "2026-09-21T14:13:20.123456789"),
        ),
        "clock": ([time(1, 2, 3)], ("t", "01:02:03")),
        "span": ([timedelta(hours=30)], ("t", "30:00:00")),
        "bytes": ([b"x"], ("e", "a value of type Binary: b'x'")),
        "nested": ([[1]], ("e", "a value of type List(Int64): [1]")),
    }
    found = rows(written(path, **{name: values for name, (values, _) in columns.items()}))
    assert found[0] == (0, {f".{name}": ("s", name) for name in columns})
    assert found[1] == (1, {f".{name}": cell for name, (_, cell) in columns.items()})
    for name, (_, cell) in columns.items():
        assert type(found[1][1][f".{name}"][1]) is type(cell[1])


def test_what_holds_nothing_is_no_cell_and_a_row_of_nothing_is_none(path: Path) -> None:
    categories = pl.Series(["", None, "c"], dtype=pl.Categorical)
    found = rows(written(path, a=[None, None, 1], b=["", None, "x"], c=categories, d=[None, None, None]))
    assert [(number, sorted(cells)) for number, cells in found[1:]] == [(3, [".a", ".b", ".c"])]


def test_all_rows_of_all_groups_come_in_order(path: Path) -> None:
    pl.DataFrame({"a": range(23_000)}).write_parquet(path, row_group_size=7_000)
    assert [(number, cells[".a"][1]) for number, cells in rows(path)[1:]] == [(n + 1, n) for n in range(23_000)]


def test_texts_that_are_few_bytes_in_the_file_and_many_in_memory_have_a_limit(path: Path) -> None:
    text = pl.Series("a", ["x" * 900_000])
    pl.concat([text] * 100, rechunk=False).to_frame().write_parquet(path)  # which share the one text
    assert path.stat().st_size < 100_000
    assert len(rows(path)) == 101
    with pytest.raises(WorkbookRefused, match="its texts unpack to more than 80 MB") as caught:
        rows(path, FileLimits(most_unpacked=80_000_000))
    assert "Excel" not in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (FileLimits(most_bytes=10), "larger than 1e-05 MB"),
        (FileLimits(most_rows=9), "it has 10 rows of 2 columns: more than 9 rows"),
        (FileLimits(most_cells=19), "or 19 values"),
        (FileLimits(most_columns=1), "more than 1 columns"),
    ],
)
def test_limits_are_kept_and_named(path: Path, limits: FileLimits, said: str) -> None:
    with pytest.raises(WorkbookRefused) as caught:
        rows(written(path, a=range(10), b=range(10)), limits)
    assert said in caught.value.finding


def test_a_file_that_is_half_copied_or_has_an_endless_text_is_refused(path: Path) -> None:
    written(path, a=["x" * 1_000_001])
    with pytest.raises(WorkbookRefused, match="a text of it is longer than"):
        rows(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WorkbookRefused, match="half copied or damaged"):
        rows(path)
