"""A file is read by what it is, whatever its name says; where only the name can say it, it decides."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from ingestion.files.opening import open_delivery
from medallion.entities.layout import Layout
from medallion.errors import DataQualityError

TABLE = [("day", "amount"), ("1", "x")]


def text(sign: str) -> bytes:
    return "".join(f"{sign.join(row)}\n" for row in TABLE).encode()


def workbook() -> bytes:
    book, stream = openpyxl.Workbook(), io.BytesIO()
    for row in TABLE:
        book.active.append(row)  # type: ignore[union-attr]
    book.save(stream)
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pl.DataFrame({"day": ["1"], "amount": ["x"]}).write_parquet(stream)
    return stream.getvalue()


def _without_content(value: object) -> str:
    """The name of a case: bytes that hold the time at which they were made would be another one for each worker."""
    return value if isinstance(value, str) else ""


NDJSON = b'{"day":"1","amount":"x"}\n'


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", text(",")),
        ("a.CSV", text(";")),
        ("a.tsv", text("\t")),
        ("a.csv.gz", gzip.compress(text("|"))),
        ("a.csv", gzip.compress(text(","))),
        ("a.ndjson", NDJSON),
        ("a.jsonl", NDJSON),
        ("a.ndjson.gz", gzip.compress(NDJSON)),
        ("a.jsonl.gz", gzip.compress(NDJSON)),
        ("a.parquet", parquet()),
        ("a.csv", parquet()),
        ("a.xlsx", parquet()),
        ("a.xlsx", workbook()),
        ("a.csv", workbook()),
        ("a.parquet", workbook()),
    ],
    ids=_without_content,
)
def test_the_same_table_comes_from_every_kind_of_file(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with open_delivery(tmp_path / name, Layout(), ("day", "amount")) as book:
        found = [[cell.value for cell in row.cells] for row in book.rows(book.sheets[0].name)]
    assert found == [list(row) for row in TABLE]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.xlsx", text(","), "it is text, such as CSV"),
        ("a.parquet", text(","), "named like a Parquet file, and is none"),
        ("a.csv.gz", text(","), "named like a gzip file, and is none"),
        ("a.csv.gz", gzip.compress(workbook()), "what is in it is no text"),
        ("a.csv.gz", gzip.compress(gzip.compress(text(","))), "what is in it is no text"),
        ("a.csv", b"\x28\xb5\x2f\xfd....", "it is a zstd file"),
        ("a.csv", b"%PDF-1.7", "it is a PDF"),
        ("a.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Excel file"),
    ],
    ids=_without_content,
)
def test_a_file_that_is_none_of_these_is_refused_by_what_it_is(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataQualityError) as caught:
        with open_delivery(tmp_path / name, Layout(), ("day", "amount")):
            pass
    assert said in caught.value.message
    assert caught.value.remedy
