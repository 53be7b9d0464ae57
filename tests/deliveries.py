"""Files of people for a test: made by hand, put into the inbox, pulled and loaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import polars as pl
from psycopg2.extensions import connection

from ingestion.deliveries.collector import collect_deliveries
from ingestion.entity import PullResult
from loaders.load_table import load_table
from loaders.silver import LoadResult
from medallion.entities.entity import PROVENANCE
from medallion.entities.registry import DELIVERED
from medallion.settings import Settings
from tests.queries import rows

HEADER = ("Top-up no", "Card no", "Channel", "Time", "Amount (EUR)", "Devise", "Tier")
FIRST, SECOND = "top_up_2026-10-01.xlsx", "top_up_2026-10-02.xlsx"
SILVER = "select top_up_id, amount, period, row_no from silver.top_up order by top_up_id"


def put(inbox: Path, name: str, content: bytes, entity: str = "top_up") -> None:
    """Put a file into the folder of an entity."""
    folder = inbox / entity
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def sheet(*lines: Sequence[Any], title: str = "Nov") -> bytes:
    """A workbook of one sheet with these rows."""
    book, stream = openpyxl.Workbook(), io.BytesIO()
    book.active.title = title  # type: ignore[union-attr]
    for line in lines:
        book.active.append(line)  # type: ignore[union-attr]
    book.save(stream)
    return stream.getvalue()


def as_csv(table: Sequence[Sequence[Any]]) -> bytes:
    """A CSV file as Excel writes it where decimals have a comma; its first row is the header."""
    stream = io.StringIO()
    csv.writer(stream, delimiter=";").writerows(table)
    return stream.getvalue().encode("utf-8-sig")


def as_ndjson(table: Sequence[Sequence[Any]]) -> bytes:
    """An NDJSON file; its first row has the keys."""
    header, *lines = table
    encode = msgspec.json.Encoder(decimal_format="number").encode
    return b"".join(encode(dict(zip(header, line, strict=True))) + b"\n" for line in lines)


def as_parquet(table: Sequence[Sequence[Any]]) -> bytes:
    """A Parquet file; its first row is the header."""
    header, *lines = table
    stream = io.BytesIO()
    pl.DataFrame(lines, schema=list(header), orient="row").write_parquet(stream)
    return stream.getvalue()


def top_up(number: str, amount: Any = 10, member: Any = "0000001") -> tuple[Any, ...]:
    """A row under HEADER."""
    return (number, member, "app", "2026-10-01 10:00:00", amount, "EUR", "gold")


def day(conn: connection, settings: Settings, entity: str = "top_up") -> tuple[PullResult, LoadResult]:
    """What a day does for an entity, up to Silver."""
    pulled = collect_deliveries(conn, settings, subject=entity, run_id="day")
    return pulled, load_table(conn, settings, subject=entity, run_id="day")


def statuses(conn: connection) -> list[tuple[Any, ...]]:
    """Name and status of each delivery, in the order in which they came."""
    return rows(conn, "select name, status from meta.delivery order by delivery_id")


def require_every_cell(conn: connection, entity: str = "top_up") -> None:
    """Cells of the files = cells of their rows in Silver, of today or replaced, + cells in quarantine."""
    columns = len(DELIVERED[entity].tables[0].columns) - len(PROVENANCE)
    cells = f"""
        select
            file.name, file.cell_count,
            (select count(*) * {columns} from silver.{entity}_version as row where row.delivery_id = file.delivery_id)
            + (
                select count(*)
                from meta.rejected_record as rejected
                cross join lateral json_object_keys(convert_from(rejected.raw, 'UTF8')::json -> 'cells') as cell
                where rejected.path = file.path
            )
        from meta.delivery as file
        where file.status <> 'REFUSED'
    """
    found = rows(conn, cells)
    assert found
    assert [(name, cells) for name, cells, _ in found] == [(name, int(kept)) for name, _, kept in found]
