"""How large a workbook may be, and how much its reading may take."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What a file and its reading may take. A file that exceeds one of them is refused, and the limit is named.

    `most_bytes` is the size of the file, `most_unpacked` that of all its parts together, `most_ratio` how many times
    smaller a part may be packed. `most_columns` is the width from the first to the last column with a value, and
    `most_cells` counts those with a value, by sheet. `memory` (bytes) is the address space of the process that reads,
    `seconds` what the reader may compute, and what the caller waits for it in total.
    """

    most_bytes: int = 100 * _MB
    most_unpacked: int = 2_000 * _MB
    most_ratio: int = 200
    most_entries: int = 2_000
    most_sheets: int = 200
    most_rows: int = 1_048_576
    most_columns: int = 500
    most_cells: int = 20 * _MB
    memory: int = 2_000 * _MB
    seconds: float = 300.0
