"""What Airflow gives to the pipeline: connections to the warehouse, one a layer, and a folder."""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


def airflow_home() -> Path:
    """A folder that every process of Airflow shares: what a warehouse that is down cannot keep is kept there."""
    from airflow.configuration import AIRFLOW_HOME

    return Path(AIRFLOW_HOME)


def warehouse_address(connection: str) -> str:
    """Where the warehouse is, as the role of that connection; as its owner where that one is not configured."""
    from airflow.providers.postgres.hooks.postgres import PostgresHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = PostgresHook.get_connection(connection)
    except AirflowNotFoundException:
        log.info("connection %s is not configured: working as the owner, by connection retail", connection)
        found = PostgresHook.get_connection("retail")
    return str(found.get_uri())  # the hook's own drops the TLS settings
