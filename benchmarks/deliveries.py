"""Files from the inbox to Silver: `.venv/bin/python -m benchmarks.deliveries [--rows 1000000]`.

Each step runs as a process of its own, as a person would start it. Its seconds are those of the whole command, and the
kernel says how much it, or the process that reads for it, had resident at most. `COPY` of the same CSV into a table of
texts is the limit: nothing is checked there, and no cell has an address.

dlt is left out: its reader of CSV needs pandas, which its lock (`peers/dlt.txt`) does not have.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from openpyxl import Workbook
from rich.console import Console

from benchmarks.machine import describe
from benchmarks.world import clock_for, data_set
from medallion.database import connect, transaction
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import load_stack_settings
from stack.services.warehouse import platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HEADER = ("Top-up no", "Card no", "Channel", "Time", "Amount (EUR)", "Devise", "Tier")
_STEPS = {"to Bronze": "ingestion.deliveries.collector", "to Silver": "loaders.load_table"}
_CHANNELS, _LEVELS = ("app", "store", "web", "partner"), ("basic", "silver", "gold")
_FIRST = datetime(2026, 10, 1)  # noqa: DTZ001 - local, as the layout says
_NAME = "top_up_2026-10-01"
_DATA_SET = 100  # sales of the source, which nothing here reads


@dataclass(frozen=True)
class Figure:
    """What a step took. `peak` is in megabytes, None for the server's own work."""

    file: str
    rows: int
    step: str
    seconds: float
    peak: float | None

    def line(self) -> str:
        """One line for a person."""
        peak = "" if self.peak is None else f"{self.peak:8.0f} MB"
        return f"{self.file:<10}{self.rows:>10,}  {self.step:<22}{self.seconds:8.1f} s{peak}"


def main() -> None:
    """Print a line for each file and step, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="Files from the inbox to Silver, next to COPY.")
    arguments.add_argument("--rows", type=int, default=1_000_000, help="of the CSV file")
    arguments.add_argument("--workbook-rows", type=int, default=200_000)
    arguments.add_argument("--json", type=Path, help="file to write the figures to")
    given = arguments.parse_args()
    machine = describe()
    print(machine.line(), flush=True)
    os.environ.update(data_set(clock_for(_DATA_SET)))
    figures = [*_measured("xlsx", given.workbook_rows, _write_workbook), *_measured("csv", given.rows, _write_csv)]
    if given.json:
        content = {"machine": asdict(machine), "figures": [asdict(one) for one in figures]}
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def top_ups(count: int) -> Iterator[tuple[str, str, str, str, str, str, str]]:
    """Rows of a file, of which those of a person's own would hold about as many different values."""
    for number in range(count):
        at = (_FIRST + timedelta(seconds=number * 86_400 // count)).isoformat(sep=" ")
        amount = f"{5 + number * 7919 % 20_000 / 100:.2f}"
        member = f"{number * 104_729 % 9_999_999:07}"
        yield f"T{number:09}", member, _CHANNELS[number % 4], at, amount, "EUR", _LEVELS[number % 3]


def _measured(kind: str, rows: int, write: Callable[[Path, int], None]) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        os.environ["RETAIL_HOME"] = folder
        inbox = Path(folder) / "inbox" / "top_up"
        inbox.mkdir(parents=True)
        file = inbox / f"{_NAME}.{kind}"
        write(file, rows)
        settings = load_stack_settings()
        with platform(Home(settings.retail_home).prepare(), settings, Talk(Console(quiet=True))) as endpoints:
            with connect(endpoints.database_url) as conn:
                prepare_schema(conn)
            environment = os.environ | endpoints.connection() | {"INBOX_SETTLE_SECONDS": "0"}
            for step, module in _STEPS.items():
                yield _printed(Figure(kind, rows, step, *_run(module, environment)))
            _require(endpoints.database_url, rows)
            if kind == "csv":
                yield _printed(Figure(kind, rows, "limit: COPY into texts", _copy(endpoints.database_url, file), None))


def _printed(figure: Figure) -> Figure:
    print(figure.line(), flush=True)
    return figure


def _run(module: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and megabytes at most, of `python -m module top_up`."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", module, "top_up"], env=environment, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{module} failed")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def _require(database_url: str, rows: int) -> None:
    """The same rows, or no figure."""
    with connect(database_url) as conn, transaction(conn), conn.cursor() as cursor:
        cursor.execute("select count(*) from silver.top_up")
        found = cursor.fetchone()
    if found != (rows,):
        raise SystemExit(f"Silver has {found} rows, and the file {rows:,}")


def _copy(database_url: str, file: Path) -> float:
    """Seconds of COPY of a CSV file into a new table whose columns are texts."""
    with connect(database_url) as conn:
        with transaction(conn), conn.cursor() as cursor:
            cursor.execute("create schema bench")
            cursor.execute(
                "create table bench.top_up (top_up_id text, member_id text, channel text, topped_up_at text, "
                "amount text, currency text, level text)"
            )
        began = time.perf_counter()
        with transaction(conn), conn.cursor() as cursor, file.open("rb") as stream:
            cursor.copy_expert("copy bench.top_up from stdin with (format csv, header)", stream)
        return time.perf_counter() - began


def _write_csv(file: Path, rows: int) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        writer.writerows(top_ups(rows))


def _write_workbook(file: Path, rows: int) -> None:
    """With a column more, which the entity does not know."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Top-ups")
    sheet.append((*HEADER, "Note"))
    for row in top_ups(rows):
        sheet.append((*row[:4], float(row[4]), *row[5:], "ok"))
    book.save(file)


if __name__ == "__main__":
    main()
