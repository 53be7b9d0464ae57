"""How large a file that is no workbook may be. One that exceeds a limit is refused, and the limit is named."""

from __future__ import annotations

from dataclasses import dataclass

_MB = 1_000_000


@dataclass(frozen=True)
class FileLimits:
    """`most_bytes` is the size of the file, `most_unpacked` that of what a gzip file, or the texts of Parquet, hold.

    `most_of_line` (bytes) is about what one line may have, `most_of_field` (characters) what one value may have.
    `memory` (bytes) is the address space of the process that reads Parquet.
    """

    most_bytes: int = 1_000 * _MB
    most_unpacked: int = 4_000 * _MB
    most_rows: int = 20 * _MB
    most_columns: int = 5_000
    most_cells: int = 200 * _MB
    most_of_line: int = 16 * _MB
    most_of_field: int = _MB
    memory: int = 2_000 * _MB
