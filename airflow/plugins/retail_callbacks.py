"""Callbacks of the DAGs that open and close incidents. The work is in `medallion.alerting.incidents`.

Which callbacks Airflow runs, and where, was found by experiment: docs/decisions/0010. In short: a task's own callbacks
run in its process and know the exception; a killed task runs none, and the end of the run reports it. So a failure may
be reported more than once, and counts once. No callback raises, whatever fails in it.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import wraps
from typing import TYPE_CHECKING, Any

from retail_connections import airflow_home, warehouse_address

from medallion.process.steps import INGESTION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Context = Any
    Callback = Callable[[Context], None]

HOURLY = "retail_etl_hourly"
WATCHES = "judge_kpis"  # the task whose anomalies are incidents
AUDITED = {"dbt_run_core", "dbt_run_mart", "dbt_run_nightly"}  # tasks that build models, which have audits
FIRST_TASK = "bronze_sales"  # looks for missing runs before its own
COMMANDS = {
    HOURLY: "./retail run, or wait for the next hourly run",
    "retail_gold_nightly": "./retail nightly, or wait for the next night",
    "retail_quality_nightly": "trigger retail_quality_nightly, or wait for the next night",
    "retail_spreadsheets_daily": "trigger retail_spreadsheets_daily, or wait for the next day",
    "retail_backfill": "./retail backfill, or trigger retail_backfill again",
}
log = logging.getLogger(__name__)


def never_raising(callback: Callback) -> Callback:
    """Wrap a callback so that it logs its error instead of raising it."""

    @wraps(callback)
    def guarded(context: Context) -> None:
        try:
            callback(context)
        except Exception:
            log.exception("%s did not finish", callback.__name__)

    return guarded


@never_raising
def task_failed(context: Context) -> None:
    """Report a failure without retries left. After a lost heartbeat it runs in the dag-processor, with no exception."""
    ti = context["ti"]
    _report(context, ti.task_id, ti.try_number, context.get("exception"))
    if ti.task_id in AUDITED:  # models of the task that did not fail are published
        _report_audits(context)
    if ti.task_id == WATCHES:  # it fails for an anomaly if the settings ask for it
        _report_anomalies(context)
    task_tries_again(context)


@never_raising
def task_tries_again(context: Context) -> None:
    """End the log of a failed attempt with the error and the task's notes."""
    from retail_log_endings import log_ending

    ti, error = context["ti"], context.get("exception")
    if error is not None:
        log_ending(context["task"], _failure(context, ti.task_id, ti.try_number, error))


@never_raising
def task_succeeded(context: Context) -> None:
    """Close the incidents of this task, and report what the audits of its models have found."""
    _close(context, [context["ti"].task_id])
    if context["ti"].task_id in AUDITED:
        _report_audits(context)
    if context["ti"].task_id == WATCHES:
        _report_anomalies(context)


@never_raising
def nothing_left(context: Context) -> None:
    """Close the incidents of this task and of all that it skips because there is nothing to do."""
    task = context["task"]
    _close(context, [task.task_id, *sorted(task.get_flat_relative_ids(upstream=False))])


@never_raising
def task_begins(context: Context) -> None:
    """Open an incident of the hourly run if this run is late, or if scheduled runs before it are missing."""
    from medallion.alerting.deadline import missed_run_reason, overdue_reason

    run, settings = context["dag_run"], _settings()
    if settings is None:
        return
    now, ours = datetime.now(timezone.utc), run.dag_id == HOURLY
    cause = overdue_reason(now, run.start_date, settings.hour_deadline_minutes) if ours else None
    looks_back = context["ti"].task_id == FIRST_TASK or not ours
    if cause is None and looks_back and str(getattr(run.run_type, "value", run.run_type)) == "scheduled":
        cause = missed_run_reason(now, _hour_began(run.run_id), settings.hour_deadline_minutes)
    if cause:
        _report_run(HOURLY, run.run_id, cause)


@never_raising
def run_succeeded(context: Context) -> None:
    """Close the incidents of the run and of its mapped tasks, which only the end of the run can vouch for."""
    from medallion.alerting.failure import RUN

    _report_if_late(context)
    _close(context, [RUN, *(task.task_id for task in context["dag"].tasks if task.is_mapped)])


@never_raising
def run_failed(context: Context) -> None:
    """Report what no task could report: killed processes, and a run that was ended for taking too long."""
    run_id, reason = context["run_id"], str(context.get("reason"))
    failed = [task_id for task_id, state in _states(context).items() if state == "failed"]
    for task_id in failed:
        _report(context, task_id, None, None)
    if reason == "timed_out":
        limit = context["dag"].dagrun_timeout
        _report_run(context["dag"].dag_id, run_id, f"the run took longer than {limit} and was ended")


TASK_CALLBACKS: dict[str, Callback] = {
    "on_execute_callback": task_begins,
    "on_failure_callback": task_failed,
    "on_retry_callback": task_tries_again,
    "on_success_callback": task_succeeded,
}


def _report(context: Context, task_id: str, try_number: int | None, error: BaseException | None) -> None:
    _record(_failure(context, task_id, try_number, error))


def _failure(context: Context, task_id: str, try_number: int | None, error: BaseException | None) -> Any:
    from medallion.alerting.failure import failure_of

    dag_id, run_id = context["dag"].dag_id, context["run_id"]
    return failure_of(
        error, dag_id=dag_id, task_id=task_id, run_id=run_id, try_number=try_number, command=COMMANDS[dag_id]
    )


def _report_run(dag_id: str, run_id: str, cause: str) -> None:
    from medallion.alerting.failure import RUN, Failure

    remedy = f"see what the platform did then (./retail status, data/logs); then {COMMANDS[dag_id]}"
    _record(Failure(dag_id, RUN, run_id, None, cause, remedy))


def _report_if_late(context: Context) -> None:
    """Report a run that ended late, as its last task may have begun in time."""
    from medallion.alerting.deadline import overdue_reason

    run, settings = context.get("dag_run"), _settings()
    if run is None or settings is None or context["dag"].dag_id != HOURLY:
        return
    cause = overdue_reason(datetime.now(timezone.utc), run.start_date, settings.hour_deadline_minutes)
    if cause:
        _report_run(HOURLY, run.run_id, cause)


def _record(failure: Any) -> None:
    """Record the failure and notify. While the warehouse is down, one message says so, the rest is only logged."""
    from medallion.alerting.incidents import record_failure, report_unrecorded
    from medallion.errors import DatabaseError

    settings = _settings()
    try:
        with _warehouse() as conn:
            record_failure(conn, failure, settings, _channels(settings))
    except DatabaseError as error:
        report_unrecorded(
            failure, settings, error.message, airflow_home(), datetime.now(timezone.utc), _channels(settings)
        )
    else:
        _warehouse_answers(settings)


def _close(context: Context, task_ids: list[str]) -> None:
    from medallion.alerting.incidents import close_incidents
    from medallion.errors import DatabaseError

    settings = _settings()
    try:
        with _warehouse() as conn:
            close_incidents(conn, context["dag"].dag_id, task_ids, _channels(settings))
    except DatabaseError as error:
        log.warning("incidents are closed by the next success: %s", error.message)
    else:
        _warehouse_answers(settings)


def _report_audits(context: Context) -> None:
    from medallion.alerting.audits import report_audits
    from medallion.errors import DatabaseError

    settings = _settings()
    try:
        with _warehouse() as conn:
            report_audits(conn, context["dag"].dag_id, context["run_id"], settings, _channels(settings))
    except DatabaseError as error:
        log.warning("what the audits have found is not reported (see ./retail audits): %s", error.message)


def _report_anomalies(context: Context) -> None:
    from medallion.alerting.anomalies import report_anomalies
    from medallion.errors import DatabaseError

    settings = _settings()
    try:
        with _warehouse() as conn:
            report_anomalies(conn, context["dag"].dag_id, context["run_id"], settings, _channels(settings))
    except DatabaseError as error:
        log.warning("the anomalies are not reported (see ./retail anomalies): %s", error.message)


def _warehouse_answers(settings: Any) -> None:
    """Report the end of an outage, if the outage was reported."""
    from medallion.alerting.warehouse_outage import report_end

    report_end(airflow_home(), datetime.now(timezone.utc), _channels(settings))


def _hour_began(run_id: str) -> datetime | None:
    """When the last other run began; None also while the warehouse is down, which the task itself will report."""
    from medallion.alerting.incidents import hour_began
    from medallion.errors import DatabaseError

    try:
        with _warehouse() as conn:
            return hour_began(conn, besides=run_id)
    except DatabaseError:
        return None


@contextmanager
def _warehouse() -> Iterator[Any]:
    """A connection as the ingestion role, whatever the task's login: the end of a run belongs to no layer."""
    from medallion.database import connect

    with connect(warehouse_address(INGESTION), application_name="retail incidents") as conn:
        yield conn


def _settings() -> Any:
    """The settings; None when they cannot be read, which may be the failure to report."""
    from medallion.errors import ConfigurationError
    from medallion.settings import load_settings

    try:
        return load_settings()
    except ConfigurationError:
        return None


def _channels(settings: Any) -> Any:
    from retail_notifiers import channels

    return channels(settings)


def _states(context: Context) -> dict[str, str]:
    """States of the run's tasks. `airflow dags test` has no supervisor to ask; there, a killed task ends the run."""
    ti, run_id = context.get("ti"), context["run_id"]
    if ti is None:
        return {}
    try:
        found = ti.get_task_states(dag_id=context["dag"].dag_id, run_ids=[run_id])
    except NameError:  # no supervisor
        return {}
    return _by_task(found.get(run_id, {}), [task.task_id for task in context["dag"].tasks if task.is_mapped])


def _by_task(found: Mapping[str, Any], mapped: Sequence[str]) -> dict[str, str]:
    """States by task id. A mapped task comes as `{task_id}_{index}` for each index, and fails if any of them does."""
    states: dict[str, str] = {}
    for name, state in found.items():
        own, _, index = name.rpartition("_")
        task_id = own if own in mapped and index.isdigit() else name.split(".")[-1]
        if states.get(task_id) != "failed":
            states[task_id] = str(state)
    return states
