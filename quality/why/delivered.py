"""A row that came in files, from Gold back to its cells: each file that holds its key, and which of them counts.

Every row of a file stays in Silver's table of versions with its file, sheet and row, or is in quarantine: so the files
to read are known, but for those that no load has taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import sql

from loaders.dataset import DATASETS
from loaders.shaping import SHEETLESS, RowDecoder, address_of
from medallion.bronze.reader import read_blocks
from medallion.process.steps import MEMBERSHIP
from medallion.state.deliveries import deliveries
from medallion.statements import Statements
from quality.why.answer import (
    MISSING,
    QUARANTINED,
    REFUSED,
    SUPERSEDED,
    WAITING,
    WON,
    BronzeLine,
    BronzeReceipt,
    RecordTrace,
)
from quality.why.bronze import file_of, read_whole, receipt_of
from quality.why.fates import of_quarantine
from quality.why.rows import table_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from psycopg2.extensions import connection

    from loaders.dataset import Dataset
    from medallion.entities.entity import Entity
    from medallion.settings import Settings
    from medallion.state.deliveries import Delivery
    from medallion.state.receipts import Receipt
    from quality.why.answer import TableRow
    from quality.why.bronze import BronzeFile

    Found = tuple[int, bytes, str, int, tuple[str, ...]]  # number and bytes of a line, sheet and row of its file, key

_SQL = Statements(__file__)


def key_columns(entity: Entity) -> tuple[str, ...]:
    """The columns that name a row of a delivered entity."""
    return entity.tables[0].key


def trace_delivered(conn: connection, settings: Settings, entity: Entity, key: Sequence[str]) -> RecordTrace:
    """Where the row with this key is and where it came from, in the caller's transaction. Raises DatabaseError."""
    dataset = DATASETS[entity.name]
    silver = _rows(conn, "silver", dataset.name, dataset.key, key)
    versions = _rows(conn, "silver", str(dataset.versions), dataset.key, key)
    versions.sort(key=lambda one: (int(one.values["delivery_id"] or 0), int(one.values["row_no"] or 0)), reverse=True)
    known = {one.delivery_id: one for one in deliveries(conn, entity.name)}
    quarantine = _Quarantine(conn, entity.name)
    files = {int(one.values["delivery_id"] or 0) for one in versions}
    files |= {
        number for number, one in known.items() if one.path in quarantine.paths or one.status in ("LANDED", "REFUSED")
    }
    lines, receipts = list[BronzeLine](), list[BronzeReceipt]()
    for number in sorted(files & known.keys(), reverse=True):
        delivery = known[number]
        if delivery.path is None:
            continue
        file, found = _read(conn, settings, dataset, delivery, tuple(key))
        fates = _Fates(dataset.name, delivery, silver, known, quarantine)
        lines += [fates.of(*one) for one in found][::-1]
        if found or file.state != "READ":
            receipts.append(receipt_of(file, f"as {delivery.name}"))
    return RecordTrace(
        entity=entity.name,
        id=" ".join(key),
        gold=tuple(_gold(conn, entity, key)),
        silver=tuple(silver),
        versions=tuple(versions),
        lines=tuple(lines),
        files=tuple(receipts),
        notes=() if lines or silver or versions else tuple(_absence(entity.name, [*known.values()])),
    )


class _Quarantine:
    """Lines of an entity that are or were in quarantine, by Bronze file and line."""

    def __init__(self, conn: connection, entity: str) -> None:
        found = _SQL.rows(conn, "quarantine", {"entity": entity})
        self.by_place = {(path, line_no): rest for path, line_no, *rest in found}
        self.paths = {path for path, *_ in found}


@dataclass(frozen=True)
class _Fates:
    """What became of the lines of one file. `silver` is the row that has their key now, or none."""

    table: str
    delivery: Delivery
    silver: Sequence[TableRow]
    known: Mapping[int, Delivery]
    quarantine: _Quarantine

    def of(self, line_no: int, raw: bytes, sheet: str, row: int, key: tuple[str, ...]) -> BronzeLine:
        """A line with its fate."""
        path = str(self.delivery.path)
        rejected = self.quarantine.by_place.get((path, line_no))
        fate, detail = self._fate(sheet, row, rejected)
        return BronzeLine(
            path=path,
            line_no=line_no,
            dataset=self.table,
            key=key,
            fate=fate,
            detail=f"{self._place(self.delivery, sheet, row)}: {detail}",
            raw=raw.decode("utf-8", errors="backslashreplace"),
            rejected_record_id=rejected[0] if rejected else None,
        )

    def _fate(self, sheet: str, row: int, rejected: Sequence[Any] | None) -> tuple[str, str]:
        delivery = self.delivery
        if delivery.status == "REFUSED":
            return REFUSED, f"the file was refused: {delivery.reason}"
        if delivery.status == "LANDED":
            return WAITING, f"no load has taken its file yet: ./retail load {self.table} does so"
        if rejected is not None and not rejected[-1]:
            number, reason, status, resolved_by, _ = rejected
            return QUARANTINED, of_quarantine(number, reason, status, resolved_by)
        if not self.silver:
            return self._gone()
        wins = self.silver[0].values
        place = (str(delivery.delivery_id), sheet or SHEETLESS, str(row))
        if place == (wins["delivery_id"], wins["sheet"], wins["row_no"]):
            return WON, f"load {self.silver[0].load_id} wrote it to silver.{self.table}"
        winner = self.known.get(int(wins["delivery_id"] or 0))
        there = "" if wins["sheet"] == SHEETLESS else str(wins["sheet"])
        held = self._place(winner, there, int(wins["row_no"] or 0)) if winner else "a later row"
        return SUPERSEDED, f"{held} has the same key, and counts"

    def _gone(self) -> tuple[str, str]:
        """The fate of a line whose key Silver has no more."""
        later = self.known.get(self.delivery.superseded_by or 0)
        if later is None:
            return MISSING, f"a load took it, and silver.{self.table} has no such row"
        return SUPERSEDED, f"{later.name} replaced the file for {self.delivery.period}, and has no such row"

    @staticmethod
    def _place(delivery: Delivery, sheet: str, row: int) -> str:
        return address_of(sheet, row, "", file=delivery.name)


def _rows(conn: connection, schema: str, table: str, columns: Sequence[str], key: Sequence[str]) -> list[TableRow]:
    """Rows of a table with these texts in its columns."""
    texts = sql.SQL(", ").join(sql.SQL("one.{}::text").format(sql.Identifier(name)) for name in columns)
    return table_rows(conn, schema, table, sql.SQL("array[{}]").format(texts), list(key))


def _gold(conn: connection, entity: Entity, key: Sequence[str]) -> Iterator[TableRow]:
    """Rows of the membership in Gold that are made of it alone: those of tables with all columns of its key."""
    columns = list(key_columns(entity)) if entity.key else []
    for (model,) in _SQL.rows(conn, "models", {"models": list(MEMBERSHIP), "columns": columns}) if columns else []:
        yield from _rows(conn, "gold", model, columns, key)


def _read(
    conn: connection, settings: Settings, dataset: Dataset, delivery: Delivery, key: tuple[str, ...]
) -> tuple[BronzeFile, list[Found]]:
    """The Bronze file of a delivery, and its lines that hold the key. One that is damaged or gone has none."""
    file = file_of(*_SQL.one(conn, "file", {"path": delivery.path}))
    return read_whole(file, lambda receipt: _lines(settings, dataset, receipt, key))


def _lines(settings: Settings, dataset: Dataset, receipt: Receipt, key: tuple[str, ...]) -> Iterator[Found]:
    """Lines of a file that hold the key. Raises BronzeDamaged after the last one."""
    if not isinstance(dataset.decoder, RowDecoder):
        raise TypeError(f"{dataset.name} does not come in files")
    blocks = read_blocks(settings.bronze_location, receipt, settings.load_chunk_bytes)
    lines = (line for block in blocks for line in block.removesuffix(b"\n").split(b"\n"))
    for number, line in enumerate(lines, 1):
        sheet, row, values = dataset.decoder.texts(line, dataset.key)
        if values == key:
            yield number, line, sheet, row, values


def _absence(entity: str, known: Sequence[Delivery]) -> Iterator[str]:
    """What could explain that no file holds it."""
    if not known:
        yield f"no file of {entity} has come yet (docs/sources.md)"
        return
    yield f"no file holds it; the last one that came is {known[-1].name}"
    refused = [one.name for one in known if one.status == "REFUSED" and one.path is None]
    if refused:
        yield f"files were refused unread, the last one {refused[-1]}: ./retail deliveries says why"
