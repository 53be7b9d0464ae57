"""The sales report, made from the warehouse on request and kept for a few seconds: many readers cost as much as one."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from report.write import make_page, save_page

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

KEPT_SECONDS = 10.0


class ReportPage:
    """The page, written at most every few seconds."""

    def __init__(
        self, database_url: str, folder: Path, now: Callable[[], datetime], clock: Callable[[], float]
    ) -> None:
        self._database_url, self._folder, self._now, self._clock = database_url, folder, now, clock
        self._lock, self._written_at, self._html = Lock(), float("-inf"), ""

    def html(self) -> str:
        """The page. Raises DatabaseError."""
        with self._lock:
            if self._clock() - self._written_at > KEPT_SECONDS:
                self._html = make_page(self._database_url, self._now())
                self._written_at = self._clock()
                with suppress(OSError):  # a folder that takes no file is no reason to refuse the page
                    save_page(self._html, self._folder)
            return self._html
