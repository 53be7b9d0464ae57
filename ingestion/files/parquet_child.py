"""The process that reads one Parquet file: `python -m ingestion.files.parquet_child PATH [LIMITS]`.

A small file may unpack to any size, and what unpacks it is no code of ours: so it happens where memory has a limit.
"""

from __future__ import annotations

import os
import sys

os.environ["POLARS_MAX_THREADS"] = "1"  # each takes address space, which has a limit here

from ingestion.files.parquet_reader import ParquetReader
from ingestion.spreadsheets.child import main

if __name__ == "__main__":
    main(sys.argv[1:], ParquetReader)
