"""The last lines of a failed task's log: what failed, why, what to do, and the task's notes.

Airflow folds away what it logs after a task has failed, callbacks included. So these lines stand outside of its group.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medallion.alerting.failure import Failure

log = logging.getLogger(__name__)


def log_ending(task: Any, failure: Failure) -> None:
    """Log the error in three lines, and the notes of the task, which list its usual causes."""
    log.info("::endgroup::")
    for line in notes(task):
        log.info("%s", line)
    log.error("%s failed", failure.task_id)
    log.error("why: %s", failure.cause)
    log.error("do: %s", failure.remedy)
    log.info("::group::End")  # Airflow ends a group after this


def notes(task: Any) -> list[str]:
    """The notes of the task, line by line, under a heading."""
    lines = [line for line in (task.doc_md or "").splitlines() if line.strip()]
    return [f"notes of {task.task_id} (the book icon on the page of the task):", *lines] if lines else []
