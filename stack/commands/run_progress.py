"""A run as it proceeds: a line for each task that ends, each attempt that failed, and each wait of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from stack.host.console import Talk
    from stack.services.airflow.metadata import TaskState

# A request that waits before its next attempt, as `ingestion.api.client` logs it, with a wait that a person notices.
_WAIT = re.compile(rb"(source: .+; attempt [0-9]+ in (?:[2-9]|[1-9][0-9]+))[.][0-9] s")
# An optional entity that the source does not offer, as `ingestion.collector` logs it.
_NOT_OFFERED = re.compile(rb"\b([a-z_]+: the source does not offer them \(status [0-9]+\); nothing is pulled)")
# Nightly tables that failed in an hourly run, and lines that late versions have changed, as `gold.build` logs them.
_NIGHTLY_FAILED = re.compile(
    rb"gold: (the nightly tables failed, and wait for the nightly run: [^\n]+?)(?: +\[[\w.]+\](?: loc=\S+)?)?\n"
)
_REPOINTED = re.compile(rb"gold: ([0-9,]+ lines? re-pointed by late versions)")
_LONGEST_READ = 1 << 20


class RunProgress:
    """Prints what is new since the last call. `log` is the file that the process of the run writes to."""

    def __init__(self, talk: Talk, log: Path) -> None:
        self._talk, self._log = talk, log
        self._read = _size(log)
        self._shown: set[tuple[str, int]] = set()
        self._ended: set[str] = set()

    def show(self, tasks: list[TaskState]) -> None:
        """Print the tasks that have ended, and those that failed and will be retried."""
        for task in tasks:
            if task.finished and task.task_id not in self._ended:
                self._ended.add(task.task_id)
                self._show_end(task)
            elif task.state == "up_for_retry" and (task.task_id, task.tries) not in self._shown:
                self._shown.add((task.task_id, task.tries))
                which = f"attempt {task.tries} of {task.most_tries} failed; Airflow tries again"
                self._talk.failed(task.task_id, task.seconds, which)

    def show_waits(self) -> None:
        """Print what was logged since the last call: waits, what the source does not offer, what Gold has to say."""
        unread = self._unread()
        for found in _WAIT.findall(unread):
            self._talk.say(f"  waiting: {found.decode(errors='replace')} s")
        for pattern in (_NOT_OFFERED, _NIGHTLY_FAILED):
            for found in dict.fromkeys(pattern.findall(unread)):
                self._talk.warn(found.decode(errors="replace"))
        for found in dict.fromkeys(_REPOINTED.findall(unread)):
            self._talk.say(f"  {found.decode()}")

    def _show_end(self, task: TaskState) -> None:
        if task.state == "skipped":
            self._talk.skipped(task.task_id)
        elif task.state == "upstream_failed":
            self._talk.not_started(task.task_id)
        elif task.state in ("failed", "removed"):
            self._talk.failed(task.task_id, task.seconds, task.state)
        else:
            self._talk.done(task.task_id, task.seconds)

    def _unread(self) -> bytes:
        """Complete lines after those that were read. A log that was started again is read from its beginning."""
        if _size(self._log) < self._read:
            self._read = 0
        try:
            with self._log.open("rb") as stream:
                stream.seek(self._read)
                text = stream.read(_LONGEST_READ)
        except FileNotFoundError:
            return b""
        whole = text[: text.rfind(b"\n") + 1] or (text if len(text) == _LONGEST_READ else b"")
        self._read += len(whole)
        return whole


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
