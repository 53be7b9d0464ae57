"""What the DAGs of this folder share: a task that calls the pipeline, the assets it writes, and the notes beside it.

No DAG is defined here (see .airflowignore). Nothing touches a database, reads a Variable or imports the pipeline while
a file is parsed.
"""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, get_current_context, task
from retail_alerts import TASK_CALLBACKS

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

# Airflow connections, each with a login of its own (sql/roles.sql).
INGESTION, TRANSFORMATION = "retail_ingestion", "retail_transformation"
DEFAULTS = {
    "owner": "data-engineering",
    "retries": int(os.environ.get("RETAIL_TASK_RETRIES", "2")),
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
    **TASK_CALLBACKS,
}


def notes_of(dag_file: str) -> dict[str, str]:
    """Sections of the `.md` beside a DAG file, by heading: the DAG's id and its tasks' ids."""
    notes = Path(dag_file).with_suffix(".md").read_text(encoding="utf-8")
    return dict(section.split("\n", 1) for section in notes.removeprefix("# ").split("\n## "))


def asset(name: str) -> Asset:
    """A table or a set of files, so that the web UI shows what comes from what."""
    return Asset(name=name, uri=f"retail://{name.replace('.', '/')}")


def warehouse_address(connection: str) -> str:
    """Where the warehouse is, as the role of that connection; as its owner where that one is not configured."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = PostgresHook.get_connection(connection)
    except AirflowNotFoundException:
        log.info("connection %s is not configured: working as the owner, by connection retail", connection)
        found = PostgresHook.get_connection("retail")
    return found.get_uri()  # the hook's own drops the TLS settings


def step(
    task_id: str,
    *work: str,
    connection: str,
    notes: dict[str, str],
    entity: str | None = None,
    refreshes: bool = False,
    **wiring: Any,
) -> Any:
    """A task that calls each `work` (`module:function`) with the warehouse, the settings and the run's id.

    `connection` says as which role. `notes` has the task's section. `entity` skips the task unless the run's params
    name it; `refreshes` hands the param full_refresh on.
    """

    @task(task_id=task_id, doc_md=notes[task_id], **wiring)
    def call(login: str) -> str:
        from airflow.sdk.exceptions import AirflowSkipException

        params = get_current_context()["params"]
        if entity and entity not in params["entities"]:
            raise AirflowSkipException(f"{entity} is not among the run's entities")
        options = {"full_refresh": params["full_refresh"]} if refreshes else {}
        return "; ".join(str(one.summary()) for one in _carry_out(work, login, **options))

    return call(login=connection)  # shown among the task's rendered fields


def plan(task_id: str, work: str, *, connection: str, notes: dict[str, str], **wiring: Any) -> Any:
    """A task that calls `work` and hands on what `step_for_each` is to be given, one task for each."""

    @task(task_id=task_id, doc_md=notes[task_id], **wiring)
    def call(login: str) -> list[dict[str, Any]]:
        (planned,) = _carry_out([work], login)
        log.info("%s", planned.summary())
        return list(planned.calls())

    return call(login=connection)


def step_for_each(calls: Any, task_id: str, work: str, *, connection: str, notes: dict[str, str], **wiring: Any) -> Any:
    """A task for each of the `calls` of a plan: `work` with these arguments, as `step` does.

    An incident of them is one, whichever failed, and is closed by the end of a run in which all of them are well.
    """

    @task(task_id=task_id, doc_md=notes[task_id], on_success_callback=[], **wiring)
    def call(login: str, arguments: dict[str, Any]) -> str:
        (done,) = _carry_out([work], login, **arguments)
        return str(done.summary())

    return call.partial(login=connection).expand(arguments=calls)


def _carry_out(work: Sequence[str], login: str, **options: Any) -> list[Any]:
    """Call each `module:function` with the warehouse as that role, and return what they gave.

    What has nothing to do skips the task. An error that a retry cannot mend fails it at once; with
    RETAIL_FAIL_AT_ONCE every error does.
    """
    from importlib import import_module

    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    from loaders.config import load_settings
    from loaders.database import connect
    from loaders.errors import NothingToDo, RetailError

    context = get_current_context()
    name = f"{context['run_id']} {context['task'].task_id}"
    try:
        with connect(warehouse_address(login), application_name=name) as conn:
            parts = (one.split(":") for one in work)
            functions = [getattr(import_module(module), function) for module, function in parts]
            return [call(conn, load_settings(), run_id=context["run_id"], **options) for call in functions]
    except NothingToDo as nothing:
        raise AirflowSkipException(str(nothing)) from nothing
    except Exception as error:
        # Read now and not when the file was parsed: what was parsed, Airflow keeps for other processes too.
        may_pass = error.retryable if isinstance(error, RetailError) else True
        if may_pass and not os.environ.get("RETAIL_FAIL_AT_ONCE", ""):
            raise
        raise AirflowFailException(str(error)) from error
