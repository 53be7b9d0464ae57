"""Airflow for the tests: a home of its own, before anything imports Airflow."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from loaders.config import PROJECT_ROOT, Settings
from loaders.database import connect
from tests.airflow_run import AIRFLOW, Hour
from tests.conftest import KEY, Source
from tests.postgres_server import PostgresServer

sys.path.append(str(PROJECT_ROOT / "airflow" / "dags"))  # as Airflow's processes do
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-tests-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"


@pytest.fixture
def hour(
    settings: Settings, source: Source, postgres_server: PostgresServer, tmp_path: Path, database_url: str
) -> Iterator[Hour]:
    metadata = f"airflow_{tmp_path.name}"[:60].replace("-", "_")
    with connect(postgres_server.url("postgres")) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(f"create database {metadata}")
        environment = os.environ | {
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "airflow" / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres_server.url(metadata).replace(
                "postgresql://", "postgresql+psycopg2://"
            ),
            "AIRFLOW_CONN_RETAIL": database_url.replace("postgresql://", "postgres://"),
            "PYTHONPATH": str(PROJECT_ROOT),
            "RETAIL_HOME": str(tmp_path),
            "RETAIL_TASK_RETRIES": "0",
            "SOURCE_API_URL": source.url,
            "SOURCE_API_KEY": KEY,
        }
        (tmp_path / "airflow").mkdir()
        subprocess.run([*AIRFLOW, "db", "migrate"], env=environment, check=True, capture_output=True)
        yield Hour(environment, tmp_path / "run.log")
        cursor.execute(f"drop database {metadata} with (force)")
