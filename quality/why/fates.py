"""What became of each line of Bronze that holds a record: it won, or lost to another line, or was not taken at all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from quality.why.answer import IDENTICAL, MISSING, QUARANTINED, REPLACED, SUPERSEDED, WAITING, WON, BronzeLine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.why.bronze import BronzeFile, Clues, Key, Line, Reject
    from quality.why.rows import SilverRow


@dataclass
class Fates:
    """Decides line by line, in the order in which they landed. A row of Silver is won by one line only."""

    dataset: str
    clues: Clues
    files: Mapping[str, BronzeFile]
    _won: set[Key] = field(default_factory=set)

    def of(self, lines: Sequence[Line], checksums: Sequence[int | None]) -> list[BronzeLine]:
        """The lines with their fates, the newest first. `checksums` are those of their rows."""
        pairs = sorted(zip(lines, checksums, strict=True), key=lambda pair: self._place(pair[0]))
        decided = [self._decided(line, checksum) for line, checksum in pairs]
        winners = {one.key: f"{one.path} line {one.line_no}" for one in decided if one.fate == WON}
        return [_with_winner(one, winners) for one in decided][::-1]

    def _place(self, line: Line) -> tuple[int, int, int]:
        receipt = self.files[line.path].receipt
        return receipt.load_id, receipt.part, line.line_no

    def _decided(self, line: Line, checksum: int | None) -> BronzeLine:
        places = ((one.path, one.line_no) for one in self.clues.rejects)
        reject = dict(zip(places, self.clues.rejects, strict=True)).get((line.path, line.line_no))
        fate, detail = self._fate(line, checksum, self.files[line.path], reject)
        return BronzeLine(
            path=line.path,
            line_no=line.line_no,
            dataset=self.dataset,
            key=line.key,
            fate=fate,
            detail=detail,
            raw=line.raw.decode("utf-8", errors="backslashreplace"),
            rejected_record_id=reject.rejected_record_id if reject else None,
        )

    def _fate(self, line: Line, checksum: int | None, file: BronzeFile, reject: Reject | None) -> tuple[str, str]:
        """Fate and detail. A line that a retry has let in counts like any other."""
        if reject is not None and not reject.is_accepted:
            return QUARANTINED, of_quarantine(
                reject.rejected_record_id, reject.reason, reject.status, reject.resolved_load_id
            )
        if file.silver_load_id is None:
            return WAITING, "no load has taken its file yet: ./retail run has it do so"
        if self.clues.repaired_by is not None and file.receipt.load_id < self.clues.repaired_by:
            return REPLACED, f"load {self.clues.repaired_by} has pulled the sale again, as a repair"
        row = next((one for one in self.clues.silver if one.key == line.key), None)
        if row is None or checksum is None:
            why = f"; by today's rules it does not fit: {line.reason}" if line.reason else ""
            return MISSING, f"load {file.silver_load_id} took it, and silver.{self.dataset} has no such row{why}"
        return self._against(row, checksum, file, reject)

    def _against(self, row: SilverRow, checksum: int, file: BronzeFile, reject: Reject | None) -> tuple[str, str]:
        """The fate of a line that Silver has taken, next to the row of its key."""
        writer = row.row.load_id
        if checksum != row.checksum:
            return SUPERSEDED, f"by the version that load {writer} wrote to silver.{self.dataset}"
        if writer not in _loads_of(file, reject) or row.key in self._won:
            return IDENTICAL, f"the same content as the row that load {writer} wrote"
        self._won.add(row.key)
        let_in = f", after a retry let it out of quarantine ({reject.reason})" if reject else ""
        return WON, f"load {writer} wrote it to silver.{self.dataset}{let_in}"


def _with_winner(line: BronzeLine, winners: Mapping[Key, str]) -> BronzeLine:
    """The line, with the place of the one that won instead of it."""
    if line.fate not in (SUPERSEDED, IDENTICAL) or line.key not in winners:
        return line
    return replace(line, detail=f"{line.detail}: {winners[line.key]}")


def _loads_of(file: BronzeFile, reject: Reject | None) -> set[int | None]:
    """Loads that took the line: that of its file, or that of a retry. After a rebuild, the first took it both times."""
    return {file.silver_load_id, reject.resolved_load_id if reject else None}


def of_quarantine(reject_id: int, reason: str, status: str, resolved_by: int | None) -> str:
    """The reason of a line in quarantine, and whether a correction has resolved it since."""
    if status == "RESOLVED":
        return f"{reason}; load {resolved_by} has taken a correction since"
    if status == "DISCARDED":
        return f"{reason}; it was discarded"
    return f"{reason}; it is open: ./retail rejects show {reject_id}"
