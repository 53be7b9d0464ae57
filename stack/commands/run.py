"""`./retail run`: one hourly run, start to finish, through the real DAG.

While the scheduler of `up` runs, the DAG is triggered there and followed. Otherwise `airflow dags test` runs it in one
process: the same file, tasks and states, without starting a scheduler. Never both: the scheduler would also pick up the
tasks of the test run. Either way the run is followed in Airflow's metadata, which knows when a task ends.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.errors import RetailError, RunFailed
from medallion.schema import prepare_schema
from stack.commands.last_report import read_layers, save_report
from stack.commands.report import write_page
from stack.commands.run_failure import explain
from stack.commands.run_progress import RunProgress
from stack.host.interrupts import raise_if_told
from stack.services.airflow.metadata import DagRun, Metadata, TaskState
from stack.services.airflow.migrate import prepare_metadata
from stack.services.airflow.service import AIRFLOW, DAG_ID, airflow_environment
from stack.services.processes import Service, running, start, stop
from stack.services.warehouse import platform

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping

    from stack.commands.layer_report import Report
    from stack.host.console import Talk
    from stack.host.home import Home
    from stack.host.settings import StackSettings
    from stack.services.endpoints import Endpoints

NAME = "run"
SCHEDULING = "scheduling"  # the lock for executing tasks: of a run without a scheduler, or of `up` as it starts one
_POLL_SECONDS = 0.2
_FIRST_SIGN_SECONDS = 180


@dataclass(frozen=True)
class RunOutcome:
    """A successful run. `page` is the file of the sales report, None if it could not be written."""

    run_id: str
    seconds: float
    tasks: tuple[TaskState, ...]
    report: Report
    page: str | None = None


def run_hour(home: Home, settings: StackSettings, talk: Talk) -> RunOutcome:
    """Run the DAG once on services that are started if need be. Raises a RetailError that says what failed."""
    began = time.monotonic()
    with home.try_locked("run") as mine:
        if not mine:
            raise RetailError(
                f"another ./retail run is under way (process {home.holder('run')})",
                remedy="wait for it to end, or stop it with ./retail down",
                why="one command of its kind at a time may work in a RETAIL_HOME",
            )
        with platform(home, settings, talk) as endpoints:
            environment = {**airflow_environment(home, settings, endpoints), "RETAIL_FAIL_AT_ONCE": "1"}
            metadata = Metadata(endpoints.airflow_database_url)
            prepare(home, endpoints, environment, metadata, talk)
            try:
                outcome = _run_dag(home, endpoints, environment, metadata, talk)
            except RunFailed:
                if page := write_page(home, endpoints.database_url, talk):
                    talk.say(f"report: {page}")
                raise
            page = write_page(home, endpoints.database_url, talk)
    return replace(outcome, seconds=time.monotonic() - began, page=str(page) if page else None)


def prepare(home: Home, endpoints: Endpoints, environment: Mapping[str, str], metadata: Metadata, talk: Talk) -> None:
    """Prepare the schemas of the warehouse and of Airflow."""
    with connect(endpoints.database_url) as conn:
        applied = prepare_schema(conn)
    if applied:
        talk.say(f"warehouse: migrated to {applied[-1]}")
    prepare_metadata(home, environment, metadata, talk)


def _run_dag(
    home: Home, endpoints: Endpoints, environment: Mapping[str, str], metadata: Metadata, talk: Talk
) -> RunOutcome:
    moment = datetime.now(timezone.utc).replace(microsecond=0)  # `dags trigger` keeps whole seconds only
    log = home.logs / f"{NAME}.log"
    with _with_or_without_scheduler(home) as triggers:
        if triggers and metadata.paused(DAG_ID):
            raise RunFailed(
                f"{DAG_ID} is paused: the scheduler would let the run wait",
                remedy="unpause it in the Airflow UI (the switch next to its name), then run again",
            )
        verb = ("dags", "trigger", "--logical-date") if triggers else ("dags", "test")
        arguments = (*verb, moment.isoformat(), DAG_ID) if triggers else (*verb, DAG_ID, moment.isoformat())
        progress = RunProgress(talk, log)
        try:
            process = start(home, Service(NAME, (*AIRFLOW, *arguments), environment))
            dag_run = _follow(process, metadata, moment, progress, triggers=triggers)
        finally:
            stop(home, [NAME])
    if dag_run is None:
        raise RunFailed(
            "Airflow ended before it began the DAG",
            remedy=f"see the end of {log}; ./retail doctor checks the parts",
        )
    tasks = tuple(metadata.tasks(DAG_ID, dag_run.run_id))
    found = read_layers(endpoints.database_url, dag_run, datetime.now(timezone.utc))
    save_report(home, found)
    if dag_run.state != "success":
        raise explain(home, dag_run, tasks, found.report)
    return RunOutcome(dag_run.run_id, 0.0, tasks, found.report)


@contextmanager
def _with_or_without_scheduler(home: Home) -> Iterator[bool]:
    """Yields whether a scheduler runs. If none does, `up` starts none within the block."""
    with home.locked(SCHEDULING):
        if not running(home, "airflow-scheduler"):
            yield False
            return
    yield True


def _follow(
    process: subprocess.Popen[bytes], metadata: Metadata, moment: datetime, progress: RunProgress, *, triggers: bool
) -> DagRun | None:
    """Show each task as it ends, until the run has ended or can no longer continue."""
    deadline = time.monotonic() + _FIRST_SIGN_SECONDS
    while True:
        raise_if_told()
        code = process.poll()
        dag_run = metadata.find_run(DAG_ID, logical_date=moment)
        progress.show_waits()
        if dag_run is not None:
            progress.show(metadata.tasks(DAG_ID, dag_run.run_id))
            if dag_run.state in ("success", "failed") and (triggers or code is not None):
                return dag_run
        if code is not None and (code != 0 or not triggers):
            return dag_run
        if dag_run is None and time.monotonic() > deadline:
            return None
        time.sleep(_POLL_SECONDS)
