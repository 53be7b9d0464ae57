"""What Airflow gives to the pipeline: a warehouse connection per layer, and a folder."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)
_LONGEST_NAME = 63  # bytes; Postgres cuts a longer name and sends a notice, which is logged


def airflow_home() -> Path:
    """A folder shared by every process of Airflow: it keeps what the warehouse cannot keep while it is down."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME)


def warehouse_address(connection: str) -> str:
    """The warehouse's URL for the role of that connection, or for its owner where the connection is not configured."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = PostgresHook.get_connection(connection)
    except AirflowNotFoundException:
        log.info("connection %s is not configured: working as the owner, by connection retail", connection)
        found = PostgresHook.get_connection("retail")
    return str(found.get_uri())  # the hook's own URI drops the TLS settings


def session_name(run_id: str, task_id: str) -> str:
    """The name of a task's session in Postgres: the task's id, after as much of the run's id as there is room for."""
    task = task_id.encode("ascii", "replace")[:_LONGEST_NAME].decode()
    run = run_id.encode("ascii", "replace")[: max(_LONGEST_NAME - 1 - len(task), 0)].decode()
    return f"{run} {task}".strip()
