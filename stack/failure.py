"""Why a run failed, and with which exit code: one line that names the step, the cause and what to do.

The ETL log in the warehouse has the words. Which *kind* of error it was is read from the traceback, by the names of
our error classes; should that be gone, the layer tells the likeliest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from loaders.errors import DatabaseError, DataQualityError, RetailError, SourceError
from loaders.gold import GoldBuildFailed  # noqa: F401 - so that it is among the subclasses
from stack.metadata import BROKEN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from stack.home import Home
    from stack.metadata import DagRun, TaskState
    from stack.report import Report

_BY_LAYER = {
    "bronze": SourceError.exit_code,
    "silver": DatabaseError.exit_code,
    "gold": DataQualityError.exit_code,
}
_MOST_LOG_BYTES = 2_000_000


class RunFailed(RetailError):
    """The DAG's run failed. `exit_code` is that of the error that failed it."""

    def __init__(self, message: str, *, remedy: str, exit_code: int = 1) -> None:
        super().__init__(message, remedy=remedy)
        self.exit_code = exit_code


def explain(home: Home, dag_run: DagRun, tasks: Iterable[TaskState], report: Report, *, log_offset: int) -> RunFailed:
    """The error for a failed run."""
    failed = [task.task_id for task in tasks if task.state == "failed"]
    blocked = [task.task_id for task in tasks if task.state in BROKEN and task.state != "failed"]
    logs = [home.logs / "run.log", *_task_logs(home, dag_run.run_id)]
    words = "\n".join(_read(log, log_offset if log.name == "run.log" else 0) for log in logs)
    names = ", ".join(failed) or "the run"
    log = logs[1] if len(logs) > 1 else logs[0]
    if not report.failures:
        return _from_log(names, words, log)
    first = report.failures[0]
    message, _, remedy = first.message.partition(" — ")
    held_back = f" (not started: {', '.join(blocked)})" if blocked else ""
    return RunFailed(
        f"{names} failed: {message}{held_back}",
        remedy=remedy or f"mend the cause (see {log}), then ./retail run carries on where it stopped",
        exit_code=_exit_code(words, first.message, first.layer),
    )


def _exit_code(words: str, message: str, layer: str) -> int:
    """That of the error which has these words; should the log not have them, of its last one."""
    named = _errors(words)
    said = [kind for kind, text in named if text == message.partition("\n")[0].strip()]
    kinds = said or [kind for kind, _ in named]
    return kinds[-1].exit_code if kinds else _BY_LAYER.get(layer, 1)


def _from_log(names: str, words: str, log: Path) -> RunFailed:
    """The error when the ETL log has none: the last one of ours that the log names."""
    kind, text = (_errors(words) or [(RunFailed, f"see {log}")])[-1]
    message, _, remedy = text.partition(" — ")
    return RunFailed(
        f"{names} failed: {message}",
        remedy=remedy or "mend the cause, then ./retail run carries on",
        exit_code=kind.exit_code,
    )


def _errors(words: str) -> list[tuple[type[RetailError], str]]:
    """Errors of ours that tracebacks in the log name, and their words. What is no error, exit code 0, is none."""
    classes = {one.__name__: one for one in _subclasses(RetailError) if one.exit_code}
    named = re.findall(rf"\b({'|'.join(classes)}): ([^\n]*)", words)
    return [(classes[name], text.strip()) for name, text in named]


def _subclasses(root: type[RetailError]) -> list[type[RetailError]]:
    direct = [one for one in root.__subclasses__() if one.__module__.split(".")[0] != "stack"]
    return [*direct, *(deeper for one in direct for deeper in _subclasses(one))]


def _task_logs(home: Home, run_id: str) -> list[Path]:
    return sorted((home.airflow / "logs").glob(f"dag_id=*/run_id={run_id}/task_id=*/attempt=*.log"))


def _read(log: Path, offset: int) -> str:
    try:
        with log.open("rb") as stream:
            size = log.stat().st_size
            stream.seek(max(offset if offset <= size else 0, size - _MOST_LOG_BYTES))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
