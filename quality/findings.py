"""The result of a comparison with the source, whatever it compared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medallion.state.accepted_differences import Difference


@dataclass
class Findings:
    """Ids that differ and why, for one entity.

    `missing` are in the source alone, `unknown` in Silver alone; `differences` has the figures of all that differ.
    `unnamed` describes differences without an id. `late` and `accepted` are explained.
    """

    missing: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    late: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)

    @property
    def is_explained(self) -> bool:
        """Whether every difference is explained."""
        return not (self.differences or self.unnamed)
