"""The parent's side of the process that reads a workbook: it is asked, waited for, and always ended."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ingestion.spreadsheets.cells import Row, Sheet
from ingestion.spreadsheets.endings import how_it_ended, out_of_time
from ingestion.spreadsheets.guard import FROM_EXCEL, SEND_AGAIN
from ingestion.spreadsheets.wire import Complete, Message, Refused, Survey
from medallion.errors import WorkbookRefused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingestion.spreadsheets.limits import Limits

_ROOT = Path(__file__).parents[2]
_PIECE = 1 << 18  # bytes
_LONGEST_LINE = 64_000_000  # bytes
WORKBOOKS = f"{__package__}.child"
_LAST_WORDS = 2_000  # bytes
_rows = msgspec.json.Decoder(list[Row])
_messages = msgspec.json.Decoder(Message)


class Session:
    """A process that reads one workbook. `end` it, whatever happens. `reader` is the module that it runs."""

    def __init__(self, path: Path, limits: Limits, reader: str = WORKBOOKS) -> None:
        self._file, self._limits, self._left = path.name, limits, limits.seconds
        self._buffer = bytearray()
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - `end` closes it
        self.process = subprocess.Popen(
            [sys.executable, "-m", reader, str(path.absolute()), msgspec.json.encode(limits).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
            cwd=_ROOT,
            env={"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"},  # none of ours, so no secret
        )

    def survey(self) -> tuple[Sheet, ...]:
        """Have the process open the workbook; returns its sheets. Raises WorkbookRefused."""
        self._ask("")
        message = _messages.decode(self._line())
        if not isinstance(message, Survey):
            raise self._unexpected(message)
        return message.sheets

    def rows(self, sheet: Sheet) -> Iterator[Row]:
        """All rows of a sheet. Raises WorkbookRefused, also if they do not have as many cells as were counted."""
        self._ask(sheet.name)
        while (line := self._line()).startswith(b"["):
            yield from _rows.decode(line)
        message = _messages.decode(line)
        if not isinstance(message, Complete):
            raise self._unexpected(message)
        if message.cells != sheet.cells:
            finding = f"sheet {sheet.name} has changed: {sheet.cells:,} cells at first, {message.cells:,} now"
            raise self._refused(finding, SEND_AGAIN)

    def end(self) -> None:
        """End the process, at once."""
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self._words):
            with suppress(OSError):  # what was not sent yet
                if stream:
                    stream.close()
        self.process.wait()

    def _ask(self, name: str) -> None:
        """Ask for the rows of a sheet, or first, by an empty name, for the survey."""
        if self.process.stdin:
            with suppress(BrokenPipeError):  # it has ended: the answer says how
                self.process.stdin.write(msgspec.json.encode(name) + b"\n")
                self.process.stdin.flush()

    def _line(self) -> bytes:
        """The next line. What the caller does in between takes none of the process's time."""
        while (end := self._buffer.find(b"\n")) < 0:
            self._receive()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line

    def _receive(self) -> None:
        if self.process.stdout is None or not self._is_ready(self.process.stdout.fileno()):
            raise self._refused(*out_of_time(self._limits))
        piece = os.read(self.process.stdout.fileno(), _PIECE)
        if not piece:
            raise self._ended()
        self._buffer += piece
        if len(self._buffer) > _LONGEST_LINE:
            raise self._refused("a row of it holds more text than a row of Excel can", FROM_EXCEL)

    def _is_ready(self, descriptor: int) -> bool:
        """Wait until there is something to read, as long as there is time left."""
        started = time.monotonic()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        is_ready = self._left > 0 and bool(poll.poll(self._left * 1000))
        self._left -= time.monotonic() - started
        return is_ready

    def _ended(self) -> WorkbookRefused:
        code = self.process.wait()
        self._words.seek(max(0, self._words.seek(0, os.SEEK_END) - _LAST_WORDS))
        return self._refused(*how_it_ended(code, self._words.read(), self._limits))

    def _unexpected(self, message: Message) -> WorkbookRefused:
        if isinstance(message, Refused):
            return self._refused(message.finding, message.remedy)
        return self._refused("its reader answered out of turn", FROM_EXCEL)

    def _refused(self, finding: str, remedy: str) -> WorkbookRefused:
        return WorkbookRefused(file=self._file, finding=finding, remedy=remedy)
