"""Records as NDJSON, as a Bronze file holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Ndjson:
    """`text` holds `records` records, a line break after each."""

    text: bytes
    records: int

    @classmethod
    def of(cls, records: Sequence[bytes]) -> Ndjson:
        """Records that hold no line break themselves."""
        return cls(b"\n".join(records) + b"\n" if records else b"", len(records))

    @classmethod
    def joined(cls, parts: Sequence[Ndjson]) -> Ndjson:
        """The records of the parts, in their order."""
        return cls(b"".join(part.text for part in parts), sum(part.records for part in parts))
