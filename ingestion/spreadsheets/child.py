"""The process that reads one workbook: `python -m ingestion.spreadsheets.child PATH [LIMITS]`.

It reads what other people made, with libraries that were not made for enemies: so it has limits of its own, gets no
secret, and its crash is only an error of that file. `wire.py` says what it sends. It ends when its input ends.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec

from ingestion.spreadsheets.book_reader import BookReader
from ingestion.spreadsheets.endings import out_of_memory
from ingestion.spreadsheets.guard import FROM_EXCEL
from ingestion.spreadsheets.limits import Limits
from ingestion.spreadsheets.wire import Complete, Message, Refused, Survey, WireRow
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ingestion.spreadsheets.cells import Sheet

_PR_SET_PDEATHSIG = 1
_encoder = msgspec.json.Encoder()


class Reader(Protocol):
    """What reads a file here. Errors of the file are raised as WorkbookRefused."""

    cells_of_line: int  # after so many, a line is sent

    def survey(self) -> tuple[Sheet, ...]:
        """The sheets, their cells counted."""

    def rows(self, name: str, /) -> Iterable[WireRow]:
        """Rows of a sheet that was surveyed."""


def main(arguments: list[str], read: Callable[[Path, Limits], Reader] = BookReader) -> None:
    """Read the file of these arguments."""
    path = Path(arguments[0])
    limits = msgspec.json.decode(arguments[1], type=Limits) if len(arguments) > 1 else Limits()
    gc.disable()  # millions of cells, and no cycles among them
    _end_with_parent()
    _bind(limits)
    with suppress(BrokenPipeError):  # the parent has what it wants
        try:
            _serve(read(path, limits))
        except WorkbookRefused as error:
            _send(Refused(error.finding, error.remedy))
        except MemoryError:
            _send(Refused(*out_of_memory(limits)))
        except BrokenPipeError:
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the library is no Exception
            _send(Refused(f"its reader failed ({type(error).__name__}: {error})", FROM_EXCEL))
    with suppress(BrokenPipeError):
        sys.stdout.flush()
    os._exit(0)  # nothing is left to do: giving gigabytes back cell by cell takes long


def _serve(reader: Reader) -> None:
    if not sys.stdin.buffer.readline():  # the guard has refused the file
        return
    _send(Survey(reader.survey()))
    for line in sys.stdin.buffer:
        cells = _send_rows(reader.rows(msgspec.json.decode(line, type=str)), reader.cells_of_line)
        _send(Complete(cells))


def _send(message: Message) -> None:
    sys.stdout.buffer.write(_encoder.encode(message) + b"\n")
    sys.stdout.buffer.flush()


def _send_rows(rows: Iterable[WireRow], cells_of_line: int) -> int:
    """Send rows, many on a line. Returns how many cells they have."""
    cells = sent = 0
    line = list[WireRow]()
    for row in rows:
        line.append(row)
        cells += len(row.cells)
        if cells - sent >= cells_of_line:
            sys.stdout.buffer.write(_encoder.encode(line) + b"\n")
            line, sent = [], cells
    if line:
        sys.stdout.buffer.write(_encoder.encode(line) + b"\n")
    return cells


def _bind(limits: Limits) -> None:
    """Limit what this process takes, whatever the file makes it do."""
    seconds = max(1, math.ceil(limits.seconds))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory, limits.memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """Have the kernel end this process with its parent, even one that is killed while the library is at work."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
