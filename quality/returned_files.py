"""Files with wrong cells go back to their senders, in the inbox: `top_up_2026-11-01.errors.xlsx` next to the file.

The copy has the same cells at the same places, the wrong ones red, each with a comment, and after the last column a
sentence for each row. A sheet before them says what to do. The sender corrects the copy and saves it where it is: once
its content has changed, the next run takes it as a file for the same period.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ingestion.deliveries.inbox import ERRORS, Inbox
from loaders.dataset import DATASETS
from loaders.shaping import RowDecoder
from medallion.bronze.reader import read_blocks
from medallion.database import transaction
from medallion.entities.registry import DELIVERED
from medallion.errors import InboxUnreadable, NothingToDo
from medallion.state.deliveries import deliveries, note_copy, note_returned, sightings
from medallion.state.receipts import Receipt
from medallion.statements import Statements
from medallion.wording import counted
from quality.marked_copy import marked_copy

if TYPE_CHECKING:
    from psycopg2.extensions import connection

    from medallion.settings import Settings
    from medallion.state.deliveries import Delivery
    from quality.marked_copy import Wrong

_SQL = Statements(__file__)


@dataclass(frozen=True)
class Returned:
    """The files that went back, by the name of the copy, and why others did not."""

    files: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def summary(self) -> str:
        """One line for a person."""
        went = f"{counted(len(self.files), 'file')} returned to their senders"
        return "; ".join([f"{went}: {', '.join(self.files)}" if self.files else went, *self.notes])


def return_files(conn: connection, settings: Settings, *, run_id: str) -> Returned:
    """Return each file that has rows in quarantine or was refused, once, into its folder of the inbox.

    Raises NothingToDo where no file is wrong. An inbox that cannot be written to is noted and fails nothing.
    """
    del run_id
    files, notes = list[str](), list[str]()
    for name in DELIVERED:
        with transaction(conn):
            waiting = {number for (number,) in _SQL.rows(conn, "to_return", {"entity": name})}
            found = [one for one in deliveries(conn, name) if one.delivery_id in waiting]
        inbox = Inbox.open(settings.inbox_location, name, 0)
        for one in found:
            copy = name_of_copy(one.name)
            try:
                if _is_saved_by_its_sender(conn, inbox, one, copy):
                    notes.append(f"{one.name} stays: {copy} was saved, and the next run reads it first")
                else:
                    _return(conn, settings, inbox, one, copy)
                    files.append(copy)
            except InboxUnreadable as error:
                notes.append(f"{one.name} stays: {error.message}")
    if not files and not notes:
        raise NothingToDo("no file is wrong", remedy="nothing to do")
    return Returned(tuple(files), tuple(notes))


def _return(conn: connection, settings: Settings, inbox: Inbox, delivery: Delivery, name: str) -> None:
    wrong = _wrong_cells(conn, settings, delivery)
    with tempfile.TemporaryDirectory(prefix="retail-returned-") as folder:
        original = Path(folder) / PurePosixPath(delivery.name).name
        sha256, _ = inbox.fetch(delivery.name, original)
        layout = DELIVERED[delivery.entity].layout
        totals = layout.totals if layout else ()
        content = marked_copy(delivery, original if sha256 == delivery.sha256 else None, wrong, totals)
    # Noted first: whatever happens between the two, no run takes the copy for a correction.
    with transaction(conn):
        note_copy(conn, delivery.delivery_id, hashlib.sha256(content).hexdigest())
    inbox.put(name, content)
    with transaction(conn):
        note_returned(conn, delivery.delivery_id)


def name_of_copy(name: str) -> str:
    """The name of the marked copy: `a.errors.xlsx` of `a.xlsx` and of itself, `a.csv.errors.xlsx` of `a.csv`."""
    path = PurePosixPath(name)
    stem = path.stem if path.suffix.lower() in (".xlsx", ".xlsm") else path.name
    return f"{stem.removesuffix(ERRORS)}{ERRORS}.xlsx"


def _is_saved_by_its_sender(conn: connection, inbox: Inbox, delivery: Delivery, name: str) -> bool:
    """Whether a file of that name is neither a copy of ours nor one that was read already."""
    if name != delivery.name and not inbox.holds(name):
        return False
    with transaction(conn):
        known = {one.returned_sha256 for one in deliveries(conn, delivery.entity)}
        known.add(sightings(conn, delivery.entity).get(name))
    with tempfile.TemporaryDirectory(prefix="retail-returned-") as folder:
        sha256, _ = inbox.fetch(name, Path(folder) / "there")
    return sha256 not in known


def _wrong_cells(conn: connection, settings: Settings, delivery: Delivery) -> Wrong:
    """What is wrong with each row of a delivery that landed, by today's rules."""
    decoder = DATASETS[delivery.entity].decoder
    if delivery.path is None or not isinstance(decoder, RowDecoder):
        return {}
    with transaction(conn):
        receipt = Receipt(*_SQL.one(conn, "receipt", {"path": delivery.path}))
    found: Wrong = {}
    for block in read_blocks(settings.bronze_location, receipt, settings.load_chunk_bytes):
        for line in block.removesuffix(b"\n").split(b"\n"):
            sheet, row, cells = decoder.complaints(line)
            if cells:
                found[sheet, row] = cells
    return found
