"""Shared parts of the DAGs: tasks that call a step of the pipeline, the assets they write, and their notes.

Nothing here touches a database, reads a Variable or imports the pipeline while a file is parsed.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, get_current_context, task
from retail_callbacks import TASK_CALLBACKS
from retail_connections import airflow_home, session_name, warehouse_address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from medallion.process.steps import Step

    Operator = Any  # Airflow's tasks and their results have no common type

log = logging.getLogger(__name__)

_RETRIES = int(os.environ.get("RETAIL_TASK_RETRIES", "2"))
DEFAULTS = {
    "owner": "data-engineering",
    "retries": _RETRIES,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    **TASK_CALLBACKS,
}

# A night that meets an hourly run at work on Gold tries again, for three quarters of an hour by default.
MORE_RETRIES = {"retries": 4 * _RETRIES}

# Airflow's own backfill runs a DAG for dates of the past. Here a run takes whatever is new, whatever its date.
RUN_TYPES: Any = ("scheduled", "manual", "operator_triggered", "asset_materialization")  # of airflow's DagRunType


def notes_of(dag_file: str) -> dict[str, str]:
    """Sections of the `.md` next to a DAG file, by heading: the DAG's id and its tasks' ids."""
    notes = Path(dag_file).with_suffix(".md").read_text(encoding="utf-8")
    return dict(section.split("\n", 1) for section in notes.removeprefix("# ").split("\n## "))


def asset(name: str) -> Asset:
    """The asset of a table or a set of files, in the group of its layer, so that the web UI shows lineage."""
    layer, _, dataset = name.partition(".")
    return Asset(name=name, uri=f"retail://{layer}/{dataset}", group=layer)


def task_of(step: Step, notes: Mapping[str, str], **wiring: Any) -> Operator:
    """The task of a step: it calls each function with the warehouse, the settings and the run's id.

    `notes` has the task's section; a step of Bronze or Silver without one gets the section of its layer. `wiring` is
    what a DAG adds.
    """

    @task(task_id=step.id, doc_md=_note_of(step, notes), **_wiring(step), **wiring)
    def call(login: str) -> str:
        from airflow.sdk.exceptions import AirflowSkipException

        context = get_current_context()
        params = context["params"]
        if step.entity and step.entity not in params["entities"]:
            raise AirflowSkipException(f"{step.entity} is not among the run's entities")
        options = {"full_refresh": params["full_refresh"]} if step.takes_full_refresh else {}
        if step.takes_clock:
            options["now"] = context["dag_run"].run_after  # stays the same when the task is tried again
        return "; ".join(one.summary() for one in _carry_out(step, login, **options))

    return call(login=step.login)  # shown among the task's rendered fields


def plan_of(step: Step, notes: Mapping[str, str], **wiring: Any) -> Operator:
    """The task of a step that returns the arguments for `task_for_each`, one mapped task for each."""

    @task(task_id=step.id, doc_md=notes[step.id], **_wiring(step), **wiring)
    def call(login: str) -> list[dict[str, Any]]:
        (planned,) = _carry_out(step, login)
        log.info("%s", planned.summary())
        return list(planned.calls())

    return call(login=step.login)


def task_for_each(calls: Operator, step: Step, notes: Mapping[str, str], **wiring: Any) -> Operator:
    """A task for each of the `calls` of a plan: the step's function with these arguments.

    They share one incident, whichever fails, and a run in which all of them succeed closes it at its end.
    """

    @task(task_id=step.id, doc_md=notes[step.id], on_success_callback=[], **_wiring(step), **wiring)
    def call(login: str, arguments: dict[str, Any]) -> str:
        (done,) = _carry_out(step, login, **arguments)
        return str(done.summary())

    return call.partial(login=step.login).expand(arguments=calls)


def connect_tasks(steps: Sequence[Step], tasks: Mapping[str, Operator]) -> None:
    """Have each task wait for those that its step needs."""
    for step in steps:
        for needed in step.needs:
            tasks[needed] >> tasks[step.id]


# Notes for a step that is like the others of its layer.
_LIKE_OTHERS = {
    "bronze": "Pulls {0} that are new or changed into `bronze/{0}/`. Triage as for `bronze_customers`.",
    "silver": "Folds receipted files of {0} into `silver.{0}`. Triage as for `silver_load_customers`.",
}


def _note_of(step: Step, notes: Mapping[str, str]) -> str:
    if step.id in notes or step.layer not in _LIKE_OTHERS:
        return notes[step.id]
    return _LIKE_OTHERS[step.layer].format(step.writes[0].partition(".")[2])


def _wiring(step: Step) -> dict[str, Any]:
    """Arguments of the operator: the assets, and whether a skipped task skips this one."""
    rule = {"trigger_rule": "none_failed"} if step.runs_after_skipped else {}
    ports = {"inlets": [asset(name) for name in step.reads], "outlets": [asset(name) for name in step.writes]}
    return rule | ports


def _carry_out(step: Step, login: str, **options: Any) -> list[Any]:
    """Call each function of the step with the warehouse as that role, and return their results.

    A step that has nothing to do skips the task. An error that a retry cannot fix fails the task at once; with
    RETAIL_FAIL_AT_ONCE every error does. The error is kept for `./retail run`, until the task begins again.
    """
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    from medallion.database import connect
    from medallion.errors import NothingToDo, RetailError
    from medallion.process.failure_file import forget_failure, task_file, write_failure
    from medallion.process.steps import functions_of
    from medallion.settings import load_settings

    context = get_current_context()
    task_id = context["task"].task_id
    name = session_name(context["run_id"], task_id)
    file = task_file(airflow_home(), context["dag"].dag_id, task_id)
    forget_failure(file)
    try:
        with connect(warehouse_address(login), application_name=name) as conn:
            settings, run_id = load_settings(), context["run_id"]
            done = [call(conn, settings, run_id=run_id, **options) for call in functions_of(step)]
            _describe_events(step, conn, context)
            return done
    except NothingToDo as nothing:
        raise AirflowSkipException(str(nothing)) from nothing
    except Exception as error:
        write_failure(file, error, context["run_id"])
        # Read now and not at parse time: Airflow keeps what was parsed for other processes too.
        may_pass = error.retryable if isinstance(error, RetailError) else True
        if may_pass and not os.environ.get("RETAIL_FAIL_AT_ONCE", ""):
            raise
        raise AirflowFailException(str(error)) from error


def _describe_events(step: Step, conn: Any, context: Any) -> None:
    """Have the event of each asset that the task writes say how many rows it wrote, and in which load."""
    from medallion.state.written import written_by

    if not step.writes:
        return
    written = written_by(conn, context["run_id"])
    for name in step.writes:
        context["outlet_events"][asset(name)].extra = {"rows": 0, **written.get(name, {})}
