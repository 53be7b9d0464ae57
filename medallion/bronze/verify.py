"""Check of every Bronze receipt against its file: `python -m medallion.bronze.verify`.

A receipt whose file is missing or different is an error and is named. A file without a receipt is not an error: a crash
leaves such debris, and nothing reads it; it is only counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from medallion.bronze.reader import verify_file
from medallion.bronze.store import open_store
from medallion.database import transaction
from medallion.errors import BronzeDamaged, FilesDamaged
from medallion.process.step import run_step
from medallion.state.receipts import all_receipts, retire_file
from medallion.wording import counted, megabytes

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings
    from medallion.state.receipts import Receipt


@dataclass(frozen=True)
class VerifyResult:
    """The result of a check. `damaged` has a message for each damaged path; sizes are in bytes."""

    files: int
    records: int
    bytes: int
    damaged: dict[str, str]
    without_receipt: tuple[str, ...]

    def summary(self) -> str:
        """One line for a person."""
        debris = f"; {counted(len(self.without_receipt), 'file')} without a receipt, which no step reads"
        intact = self.files - len(self.damaged)
        files = counted(self.files, "file")
        said = f"{intact:,} of {files} match their receipts ({megabytes(self.bytes)})"
        return said + (debris if self.without_receipt else "")


def verify_bronze(conn: connection, settings: Settings) -> VerifyResult:
    """Read every receipted file and return all damage. A damaged file raises no error."""
    with transaction(conn):
        receipts = all_receipts(conn)
    damaged = {one.path: words for one in receipts if (words := _damage(settings.bronze_location, one))}
    if damaged:
        with transaction(conn):  # files may have expired or been retired meanwhile
            still = {one.path for one in all_receipts(conn)}
        receipts = [one for one in receipts if one.path in still]
        damaged = {path: words for path, words in damaged.items() if path in still}
    return VerifyResult(
        files=len(receipts),
        records=sum(one.records for one in receipts),
        bytes=sum(one.bytes for one in receipts),
        damaged=damaged,
        without_receipt=tuple(_debris(settings.bronze_location, {one.path for one in receipts})),
    )


def verify_receipts(conn: connection, settings: Settings, *, run_id: str) -> VerifyResult:  # noqa: ARG001 - as every step
    """Read every receipted file. Raises BronzeDamaged, naming all files that differ from their receipts."""
    return require_intact(verify_bronze(conn, settings))


def require_intact(verified: VerifyResult) -> VerifyResult:
    """Raise BronzeDamaged, naming the files, unless all files match their receipts."""
    if not verified.damaged:
        return verified
    raise FilesDamaged(damages=list(verified.damaged.values()), files=verified.files)


def retire_damaged(conn: connection, verified: VerifyResult) -> list[str]:
    """Retire damaged files whose records a later pull from the beginning has landed again. Returns their paths.

    Other damaged files stay: their records are nowhere else.
    """
    with transaction(conn):
        return [path for path in verified.damaged if retire_file(conn, path)]


def _damage(location: str, receipt: Receipt) -> str | None:
    try:
        verify_file(location, receipt)
    except BronzeDamaged as error:
        return error.message
    return None


def _debris(location: str, known: set[str]) -> list[str]:
    return [path for path in open_store(location).paths() if path not in known]


if __name__ == "__main__":
    run_step(lambda conn, settings: require_intact(verify_bronze(conn, settings)).summary())
