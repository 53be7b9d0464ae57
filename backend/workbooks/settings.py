"""What chooses the content of the workbooks. The same values give the same files, in any process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backend.workbooks.fault_kinds import parse_faults

MOST_MEMBERS = 1_000_000
_BITS_OF_SEED = 63


@dataclass(frozen=True)
class WorkbookSettings:
    """`members`: how many there will ever be. `start`: the first business date. `faults`: see `parse_faults`.

    Raises ValueError, naming the setting that is wrong.
    """

    seed: int = 42
    members: int = 500
    start: date = date(2025, 9, 22)
    faults: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**_BITS_OF_SEED:
            raise ValueError(f"seed: {self.seed} is no number from 0 to {2**_BITS_OF_SEED - 1}")
        if not 1 <= self.members <= MOST_MEMBERS:
            raise ValueError(f"members: {self.members} is no number from 1 to {MOST_MEMBERS}")
        parse_faults(self.faults)

    def day_number(self, day: date) -> int:
        """Days from `start` to `day`. Raises ValueError for a day before `start`."""
        if day < self.start:
            raise ValueError(f"{day} is before the first business date, {self.start}: ask for a later day")
        return (day - self.start).days
