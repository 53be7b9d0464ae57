"""The cells of one .xlsx file that another party made: `with open_workbook(path) as book: book.rows("Sheet1")`.

The file is looked at by the guard, then read in a process of its own that has limits and no secrets. Rows come as they
are read, so memory stays small; every cell that holds something comes, or the file is refused.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ingestion.spreadsheets.cells import Cell, Kind, Row, Sheet
from ingestion.spreadsheets.guard import check_file
from ingestion.spreadsheets.limits import Limits
from ingestion.spreadsheets.session import WORKBOOKS, Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Cell", "Kind", "Limits", "Row", "Sheet", "Workbook", "open_workbook"]


class Workbook:
    """An open workbook. Its macros are never run; `has_macros` says whether it has any.

    `check` looks at the file before anything opens it, and says whether it has macros. `reader` is the module that
    reads it.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits,
        check: Callable[[Path, Limits], bool],
        reader: str,
    ) -> None:
        self.has_macros = False
        self._path, self._limits, self._check, self._reader = path, limits, check, reader
        self._sessions = list[Session]()
        self._idle: Session | None = None
        self._is_open = True
        self.sheets = tuple[Sheet, ...]()

    @property
    def notes(self) -> tuple[str, ...]:
        """What its sender should know, though nothing is wrong with it."""
        return ("its macros were not run",) if self.has_macros else ()

    def rows(self, sheet_name: str) -> Iterator[Row]:
        """Rows of a sheet that hold something, top to bottom, as they are read.

        Several sheets may be read at the same time, and a reading may be given up: each takes a process of its own
        then. Raises WorkbookRefused; KeyError for a sheet that is not there; ValueError for a closed workbook.
        """
        sheet = {one.name: one for one in self.sheets}[sheet_name]
        return self._rows(sheet)

    def _rows(self, sheet: Sheet) -> Iterator[Row]:
        session, self._idle = self._idle, None
        is_complete = False
        try:
            if session is None:
                session = self._started()
                session.survey()
            yield from session.rows(sheet)
            is_complete = True
        finally:
            if is_complete and self._is_open and self._idle is None:
                self._idle = session
            elif session:
                self._end(session)

    def _started(self) -> Session:
        """A new process, which waits to be asked for its survey."""
        if not self._is_open:
            raise ValueError("the workbook is closed")
        session = Session(self._path, self._limits, self._reader)
        self._sessions.append(session)
        return session

    def _end(self, session: Session) -> None:
        session.end()
        if session in self._sessions:  # `close` may have ended it before
            self._sessions.remove(session)

    def open(self) -> None:
        """Check the file and survey its sheets. Raises WorkbookRefused.

        The process starts while the guard looks at the file, and opens nothing before it is asked.
        """
        self._idle = self._started()
        self.has_macros = self._check(self._path, self._limits)
        self.sheets = self._idle.survey()

    def close(self) -> None:
        """End every process that reads it."""
        self._is_open, self._idle = False, None
        while self._sessions:
            self._sessions.pop().end()


@contextmanager
def open_workbook(
    path: Path,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
    check: Callable[[Path, Limits], bool] = check_file,
    reader: str = WORKBOOKS,
) -> Iterator[Workbook]:
    """Open a workbook, as `Workbook` says.

    Raises WorkbookRefused, which names the file, what is wrong, and what its sender can do.
    """
    book = Workbook(path, limits, check, reader)
    try:
        book.open()
        yield book
    finally:
        book.close()
