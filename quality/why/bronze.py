"""The lines of Bronze that hold a record, found without reading all of Bronze.

Receipts and the ETL log say which files may hold it (`candidate_files`): Silver's row names the load that wrote it, so
its file is known, and any other file with the record must have left a row unchanged or superseded one. Only these files
are read, each checked against its receipt. What is in quarantine is there byte for byte, even if its file is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from loaders.records import parse_block
from medallion.bronze.reader import read_blocks
from medallion.entities.entity import ById
from medallion.errors import BronzeDamaged
from medallion.state.receipts import Receipt
from medallion.statements import Statements
from quality.why.answer import BronzeReceipt
from quality.why.rows import checksum_of, table_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.entities.entity import Entity
    from medallion.settings import Settings
    from quality.why.rows import SilverRow

    Key = tuple[int | str | None, ...]

_SQL = Statements(__file__)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Reject:
    """A line that is or was in quarantine. `is_accepted`: a retry has let it into Silver."""

    path: str
    line_no: int
    rejected_record_id: int
    reason: str
    status: str
    resolved_load_id: int | None
    is_accepted: bool
    raw: bytes
    key: Sequence[int | None]


@dataclass(frozen=True)
class Line:
    """A line of a file that holds the record. `content`: its row as JSON; None: it does not fit, by `reason`."""

    path: str
    line_no: int
    raw: bytes
    key: Key
    content: str | None
    reason: str = ""


@dataclass(frozen=True)
class BronzeFile:
    """A file that may hold the record: its receipt, its pull, the load that took it.

    `state` and `problem` are those of `quality.why.answer.BronzeReceipt`.
    """

    receipt: Receipt
    run_id: str
    silver_load_id: int | None
    state: str
    problem: str | None


@dataclass(frozen=True)
class Clues:
    """What the warehouse knows of a record in one dataset, before any file is read.

    `silver` are its rows, `version_loads` the loads of its versions, `repaired_by` the last load that replaced it.
    """

    silver: Sequence[SilverRow]
    version_loads: Sequence[int]
    rejects: Sequence[Reject]
    repaired_by: int | None


def rejects_of(conn: connection, dataset: Dataset, record_id: int) -> list[Reject]:
    """Lines of the record that are or were in quarantine, the oldest first."""
    values = {"dataset": dataset.name, "id": record_id}
    return [_reject(*row) for row in _SQL.rows(conn, "rejected_lines", values)]


def repaired_by(conn: connection, dataset: Dataset, record_id: int) -> int | None:
    """The last load of Bronze that has replaced the record in Silver. Only sales are repaired."""
    if dataset.key[0] != "sale_id":
        return None
    load_id: int | None = _SQL.one(conn, "repairs", {"id": record_id, "dataset": dataset.name})[0]
    return load_id


def candidate_files(
    conn: connection, entity: Entity, dataset: Dataset, record_id: int, clues: Clues
) -> list[BronzeFile]:
    """Files that may hold the record, in the order in which they landed; none of them was read yet."""
    loads = _known_loads(conn, dataset, clues)
    is_by_id = isinstance(entity.order, ById)
    values = {
        "dataset": dataset.name,
        "id": record_id,
        "paths": [one.path for one in clues.rejects],
        "loads": loads,
        "is_by_id": is_by_id,
        "has_moved": clues.repaired_by is not None or (is_by_id and _SQL.one(conn, "has_updated", {"loads": loads})[0]),
        "is_absent": not clues.silver,
    }
    return [file_of(*row) for row in _SQL.rows(conn, "candidate_files", values)]


def read_lines(settings: Settings, dataset: Dataset, file: BronzeFile, record_id: int) -> tuple[BronzeFile, list[Line]]:
    """The lines of a file that hold the record. A file that is damaged or gone has none, and says so."""
    return read_whole(file, lambda receipt: _lines(settings, dataset, receipt, record_id))


def read_whole(file: BronzeFile, lines: Callable[[Receipt], Iterable[Found]]) -> tuple[BronzeFile, list[Found]]:
    """What `lines` finds in a file, as a whole or not at all. A file that is damaged or gone has none, and says so."""
    if file.state != "READ":
        return file, []
    try:
        return file, list(lines(file.receipt))
    except BronzeDamaged as damage:
        return replace(file, state="DAMAGED", problem=damage.message), []


def quarantined_line(dataset: Dataset, record_id: int, reject: Reject) -> Line:
    """The line as the quarantine has it, by today's rules."""
    found = next(_parsed(dataset, reject.path, record_id, [(reject.line_no, reject.raw)]), None)
    return found or Line(reject.path, reject.line_no, reject.raw, tuple(reject.key), None, reject.reason)


def checksums_of(conn: connection, dataset: Dataset, lines: Sequence[Line]) -> list[int | None]:
    """The contract's checksum of the row that each line becomes; None for a line that does not fit."""
    fitting = [one.content for one in lines if one.content is not None]
    names = {"table": table_of(dataset), "checksum": checksum_of(dataset)}
    found = iter(_SQL.rows(conn, "checksums", {"rows": fitting}, names) if fitting else [])
    return [None if one.content is None else next(found)[0] for one in lines]


def _known_loads(conn: connection, dataset: Dataset, clues: Clues) -> list[int]:
    """Loads that are known to have taken a version of the record."""
    loads = {one.row.load_id for one in clues.silver}
    if clues.version_loads:
        values = {"dataset": dataset.name, "version_loads": list(clues.version_loads)}
        loads |= {load_id for (load_id,) in _SQL.rows(conn, "loads_of_versions", values)}
    return sorted(loads)


def _reject(*row: Any) -> Reject:
    values: list[Any] = [bytes(one) if isinstance(one, memoryview) else one for one in row]
    return Reject(*values)


def file_of(*row: Any) -> BronzeFile:
    """The file of a row: its receipt, the run of its pull, its load into Silver, when it was retired, and removed."""
    *receipt, run_id, silver_load_id, retired_at, expired_at = row
    state, problem = _state(retired_at, expired_at)
    return BronzeFile(Receipt(*receipt), run_id, silver_load_id, state, problem)


def receipt_of(file: BronzeFile, requested: str) -> BronzeReceipt:
    """The receipt of a file as it is shown. `requested`: what was asked for, in words."""
    receipt = file.receipt
    return BronzeReceipt(
        path=receipt.path,
        dataset=receipt.dataset,
        load_id=receipt.load_id,
        run_id=file.run_id,
        requested=requested,
        cursor_after=receipt.cursor_after,
        cursor_through=receipt.cursor_through,
        records=receipt.records,
        bytes=receipt.bytes,
        sha256=receipt.sha256,
        landed_at=receipt.landed_at,
        silver_load_id=file.silver_load_id,
        state=file.state,
        problem=file.problem,
    )


def _state(retired_at: datetime | None, expired_at: datetime | None) -> tuple[str, str | None]:
    if expired_at is not None:
        return "REMOVED", f"retention removed it on {expired_at:%Y-%m-%d}; its receipt is still there"
    if retired_at is not None:
        return "RETIRED", f"it was damaged, and is not read since {retired_at:%Y-%m-%d}"
    return "READ", None


def _lines(settings: Settings, dataset: Dataset, receipt: Receipt, record_id: int) -> Iterator[Line]:
    """Lines with the record, by the loader's own parser. Raises BronzeDamaged after the last one."""
    digits, first = str(record_id).encode(), 1
    for block in read_blocks(settings.bronze_location, receipt, settings.load_chunk_bytes):
        if digits in block:  # an id is written in plain digits, or it is no id
            lines = enumerate(block.removesuffix(b"\n").split(b"\n"), first)
            yield from _parsed(dataset, receipt.path, record_id, [(no, raw) for no, raw in lines if digits in raw])
        first += block.count(b"\n")


def _parsed(dataset: Dataset, path: str, record_id: int, numbered: Sequence[tuple[int, bytes]]) -> Iterator[Line]:
    if not numbered:
        return
    parsed = parse_block(dataset, b"".join(raw + b"\n" for _, raw in numbered), 1)
    refused = {one.line_no: one for one in parsed.rejections}
    fitting = parsed.rows.iter_rows(named=True)
    for place, (line_no, raw) in enumerate(numbered, 1):
        if place in refused:
            key = tuple(refused[place].key or ())
            if key[:1] == (record_id,):
                yield Line(path, line_no, raw, key, None, refused[place].reason)
        elif (row := next(fitting))[dataset.key[0]] == record_id:
            key = tuple(row[name] for name in dataset.key)
            yield Line(path, line_no, raw, key, msgspec.json.encode(row).decode())
