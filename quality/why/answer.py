"""What `./retail why` answers: rows of Gold and Silver, their lines in Bronze, and the sales that a mart is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - the page of the JSON reads the types at run time
from decimal import Decimal  # noqa: TC003

# What became of a line of Bronze.
WON, IDENTICAL, SUPERSEDED, REPLACED = "WON", "IDENTICAL", "SUPERSEDED", "REPLACED"
QUARANTINED, WAITING, MISSING, REFUSED = "QUARANTINED", "WAITING", "MISSING", "REFUSED"


@dataclass(frozen=True)
class TableRow:
    """A row of Gold or Silver, without columns that identify a person, and the load that wrote it.

    `values` are texts, by column. `run_id` is null where the ETL log no longer has the load.
    """

    table: str
    values: dict[str, str | None]
    load_id: int
    run_id: str | None
    loaded_at: datetime


@dataclass(frozen=True)
class BronzeLine:
    """A line of Bronze that holds a version of the record, and what became of it.

    `fate` is WON (Silver's row is this line), IDENTICAL (the same content as Silver's row), SUPERSEDED (another version
    won), REPLACED (a repair pulled the sale again), QUARANTINED, WAITING (no load has taken its file yet), REFUSED (its
    file was refused) or MISSING (Silver should have it). `detail` says by what. `key` is the natural key. `raw` is the
    line; bytes that are not UTF-8 are escapes. `rejected_record_id` is that of `./retail rejects show`; null: it never
    was in quarantine.
    """

    path: str
    line_no: int
    dataset: str
    key: tuple[int | str | None, ...]
    fate: str
    detail: str
    raw: str
    rejected_record_id: int | None


@dataclass(frozen=True)
class BronzeReceipt:
    """The receipt of a file, and the pull that landed it.

    `requested` is where that pull or its part began, in words. `state` is READ, REMOVED (by retention), RETIRED or
    DAMAGED; a file that is not READ may hold more versions, and `problem` says why. `silver_load_id` is null until a
    load has taken the file.
    """

    path: str
    dataset: str
    load_id: int
    run_id: str
    requested: str
    cursor_after: str | None
    cursor_through: str
    records: int
    bytes: int
    sha256: str
    landed_at: datetime | None
    silver_load_id: int | None
    state: str
    problem: str | None


@dataclass(frozen=True)
class RecordTrace:
    """A record of the source, from Gold back to Bronze, newest first. `id`: of a row of a file, its key as text.

    `gold` and `silver` are its rows now, `versions` those of Silver's table of versions, `lines` its lines in Bronze,
    `files` their receipts and those of files that could not be read. `notes` say what else has touched the record, and
    what could explain that it is not there.
    """

    entity: str
    id: int | str
    gold: tuple[TableRow, ...]
    silver: tuple[TableRow, ...]
    versions: tuple[TableRow, ...]
    lines: tuple[BronzeLine, ...]
    files: tuple[BronzeReceipt, ...]
    notes: tuple[str, ...]

    @property
    def has_come(self) -> bool:
        """Whether any of it is in Silver or Bronze."""
        return bool(self.silver or self.versions or self.lines)


@dataclass(frozen=True)
class SaleShare:
    """What a sale contributes to a row of a mart: its lines there, and their net amount."""

    sale_id: int
    currency: str
    line_count: int
    net_amount: Decimal


@dataclass(frozen=True)
class FigureTrace:
    """Rows of a mart, and the sales that they are made of.

    `key` is what was asked for, as texts, by column. `sale_count` and `line_count` are those of the fact; `sales` are
    the first of them by id. `notes` say whether the rows equal the sum of the sales, and if not, why.
    """

    mart: str
    key: dict[str, str]
    rows: tuple[TableRow, ...]
    sale_count: int
    line_count: int
    sales: tuple[SaleShare, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Why:
    """The answer: one of the two, by what was asked for. The other is null."""

    record: RecordTrace | None
    figure: FigureTrace | None

    @property
    def is_found(self) -> bool:
        """Whether there is anything to explain."""
        if self.record is not None:
            return self.record.has_come
        return self.figure is not None and bool(self.figure.rows or self.figure.line_count)
