"""A range of ids."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class IdRange:
    """Ids from `first` to `last`, both of them included."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last
