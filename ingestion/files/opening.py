"""Opening a file of any kind: `with open_delivery(path, layout, names) as book: book.rows(book.sheets[0].name)`.

What a file is, its first bytes say where they can; a name can lie. Texts look alike, so the name decides among them.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.files.csv_book import CsvBook
from ingestion.files.limits import FileLimits
from ingestion.files.names import known_words
from ingestion.files.ndjson_book import NdjsonBook
from ingestion.files.packed import GZIP, SEND_AGAIN, Packed
from ingestion.files.parquet_book import open_parquet
from ingestion.spreadsheets.workbook import open_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ingestion.files.book import Book
    from medallion.entities.layout import Layout

_PARQUET = b"PAR1"
_DELIMITED, _JSON = (".csv", ".tsv"), (".ndjson", ".jsonl")
# First bytes of what no name makes a text: the guard of workbooks reads these, or names them.
_NO_TEXT = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0", b"%PDF", b"{\\rtf")
_PACKED = {b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"7z\xbc\xaf": "7z", b"Rar!": "rar"}


@contextmanager
def open_delivery(
    path: Path,
    layout: Layout,
    names: Sequence[str],
    limits: FileLimits = FileLimits(),  # noqa: B008 - it is frozen
) -> Iterator[Book]:
    """Open a file for an entity with the columns `names`.

    Raises WorkbookRefused or DeliveryRefused: the file, what is wrong with it, and what its sender can do.
    """
    known = known_words(names, layout)
    plain = Packed(path, limits)
    start = plain.start()
    ending = path.name.lower()
    if start.startswith(_PARQUET):
        with open_parquet(path, limits) as parquet:
            yield parquet
    elif start.startswith(GZIP):
        yield _text(Packed(path, limits, is_gzip=True), ending.removesuffix(".gz"), layout, known)
    elif start.startswith(_NO_TEXT) or not ending.endswith((*_DELIMITED, *_JSON, ".gz", ".parquet")):
        with open_workbook(path) as book:
            yield book
    elif ending.endswith((".gz", ".parquet")):
        kind = "a gzip file" if ending.endswith(".gz") else "a Parquet file"
        raise plain.refused(f"it is named like {kind}, and is none: half copied, or of another kind", SEND_AGAIN)
    else:
        yield _text(plain, ending, layout, known)


def _text(file: Packed, ending: str, layout: Layout, known: Mapping[str, str]) -> Book:
    start = file.start()
    if start.startswith((GZIP, _PARQUET, *_NO_TEXT)):
        raise file.refused("it is packed, and what is in it is no text", "unpack it, and deliver what is in it")
    if packer := next((packer for mark, packer in _PACKED.items() if start.startswith(mark)), ""):
        raise file.refused(f"it is a {packer} file", "unpack it, or pack it with gzip, and deliver it again")
    if ending.endswith(_JSON):
        return NdjsonBook(file, known)
    return CsvBook(file, layout, known)
