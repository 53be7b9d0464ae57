"""The error for a failed run, with its exit code: one line that names the step, the cause and what to do.

The ETL log in the warehouse has the error, as columns. A step that did not reach the warehouse has written it to a file
(`medallion.process.failure_file`). For a killed step, its callback or the next step may have logged that it was killed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from medallion.error_record import ErrorRecord
from medallion.errors import RunFailed
from medallion.process.failure_file import read_failure, task_file
from medallion.process.steps import logged_as
from medallion.wording import counted
from stack.services.airflow.metadata import BROKEN
from stack.services.airflow.service import DAG_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from stack.commands.layer_report import Failure, Report
    from stack.host.home import Home
    from stack.services.airflow.metadata import DagRun, TaskState


def explain(home: Home, dag_run: DagRun, tasks: Sequence[TaskState], report: Report) -> RunFailed:
    """The error for a failed run."""
    failed = [task.task_id for task in tasks if task.state == "failed"]
    under_way = [task.task_id for task in tasks if task.state == "running"]
    if under_way and not failed:
        return RunFailed(
            f"the run was killed during {', '.join(under_way)}",
            why="its process ended without an error: out of memory, a signal, or a power cut",
            remedy="./retail run resumes where it stopped; what was committed stays, the rest was rolled back",
        )
    blocked = [task.task_id for task in tasks if task.state in BROKEN and task.state != "failed"]
    log = _log(home, dag_run.run_id, failed)
    logged = _of_log(report.failures, failed)
    known = logged if logged and logged.error_type else _of_files(home, dag_run.run_id, failed)
    error = known or logged or ErrorRecord(f"see {log}")
    not_started = f", {counted(len(blocked), 'step')} not started" if blocked else ""
    return RunFailed(
        f"{', '.join(failed) or 'the run'} failed{not_started}: {error.error_message}",
        remedy=error.remedy or f"fix the cause (see {log}), then ./retail run resumes where it stopped",
        exit_code=error.exit_code,
    )


def _of_log(failures: Iterable[Failure], failed: list[str]) -> ErrorRecord | None:
    """The last error of the first failed task that the ETL log knows, unless a later attempt succeeded."""
    last = {(one.layer, one.dataset): one for one in failures}
    places = [logged_as(task_id) for task_id in failed]
    found = next((one for place, one in last.items() if place in places or not failed), None)
    if found is None:
        return None
    record = ErrorRecord(found.message, found.error_type, found.remedy)
    return replace(record, exit_code=found.exit_code) if found.exit_code else record


def _of_files(home: Home, run_id: str, failed: list[str]) -> ErrorRecord | None:
    """The error of the first failed task that has written one to a file."""
    found = (read_failure(task_file(home.airflow, DAG_ID, task_id), run_id) for task_id in failed)
    return next((one for one in found if one), None)


def _log(home: Home, run_id: str, failed: list[str]) -> Path:
    """The log of the last attempt of the first failed task that has one, else the log of the complete run."""
    folders = (home.airflow / "logs" / f"dag_id={DAG_ID}" / f"run_id={run_id}" / f"task_id={one}" for one in failed)
    tries = (max(folder.glob("attempt=*.log"), key=_try_number, default=None) for folder in folders)
    return next((one for one in tries if one), home.logs / "run.log")


def _try_number(log: Path) -> int:
    number = log.stem.removeprefix("attempt=")
    return int(number) if number.isdigit() else 0
