"""A task that has failed for good, described for an operator: its entity, the cause, the remedy."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from medallion.errors import RetailError
from medallion.process.steps import logged_as

RUN = "run"  # in place of a task: the run as a whole
SILENT_END = "its process ended without reporting an error: killed, out of memory, or marked as failed by hand"
# Text that differs between tasks that fail for the same cause: brackets, paths, addresses, numbers. An HTTP status is a
# cause itself.
_VARYING = re.compile(r"\((?!\d{3}\))[^()]*\)|(?<!\S)(?<!status )(?!\(\d{3}\))[^\s(]*[/\d]\S*")


@dataclass(frozen=True)
class Failure:
    """A task of a run that has failed for good. `is_explained` is False where only the failure itself is known.

    `kind` is the type of the error, empty where it is not known. `own_remedy` and `exit_code` are the error's, for the
    ETL log; `remedy` also says how to run the DAG again.
    """

    dag_id: str
    task_id: str
    run_id: str
    try_number: int | None
    cause: str
    remedy: str
    is_explained: bool = True
    kind: str = ""
    own_remedy: str = ""
    exit_code: int = RetailError.exit_code

    @property
    def layer(self) -> str | None:
        """The layer under which the task writes into the ETL log."""
        return logged_as(self.task_id)[0]

    @property
    def entity(self) -> str:
        """What failed, under its name in the ETL log: customers, sales_product, dbt_run_core, run."""
        return logged_as(self.task_id)[1]

    @property
    def cause_key(self) -> str:
        """Equal for failures of the same cause: the error's type and its text without what differs between tasks."""
        without_entity = re.sub(rf"\b{re.escape(self.entity)}\b", "#", self.cause)
        words = " ".join(_VARYING.sub("#", without_entity).split())
        return hashlib.sha256(f"{self.kind}\n{words}".encode()).hexdigest()


def failure_of(
    error: BaseException | None, *, dag_id: str, task_id: str, run_id: str, try_number: int | None, command: str
) -> Failure:
    """The failure that `error` reports; None: the process ended without one. `command` runs the DAG again."""
    ours = _ours(error)
    root = ours or _behind_airflow(error)
    if ours:
        cause, remedy = ours.message, ours.remedy
    elif root:
        text = str(root).strip()
        cause = f"{type(root).__name__}: {text}" if text else type(root).__name__
        remedy = "see the end of the task's log"
    else:
        cause, remedy = SILENT_END, "see the end of the task's log, and the system's for a lack of memory"
    return Failure(
        dag_id,
        task_id,
        run_id,
        try_number,
        cause,
        f"{remedy}; then {command}",
        is_explained=root is not None,
        kind=type(root).__name__ if root else "",
        own_remedy=remedy,
        exit_code=ours.exit_code if ours else RetailError.exit_code,
    )


def _ours(error: BaseException | None) -> RetailError | None:
    """The platform's error at the root of an exception, if there is one."""
    while error is not None and not isinstance(error, RetailError):
        error = error.__cause__
    return error


def _behind_airflow(error: BaseException | None) -> BaseException | None:
    """The cause of Airflow's own exception: the error that the step has logged."""
    while error is not None and error.__cause__ is not None and type(error).__module__.split(".")[0] == "airflow":
        error = error.__cause__
    return error
