"""Airflow for the tests: a home of its own, before anything imports Airflow."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator

import pytest

from medallion.database import connect
from medallion.settings import PROJECT_ROOT, Settings
from stack.services.airflow.service import CONFIG_FOLDER, PLUGINS_FOLDER
from tests.airflow_run import AIRFLOW, METADATA, Hour
from tests.conftest import KEY, Source
from tests.postgres_server import PostgresServer

sys.path.append(str(PLUGINS_FOLDER))  # as Airflow's processes do
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-tests-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"


@pytest.fixture(scope="session")
def airflow_template(postgres_server: PostgresServer) -> str:
    """A metadata database brought to the installed version once; each test's is cloned from it."""
    name = "template_airflow"
    _administer(postgres_server, f"create database {name}")
    environment = os.environ | {METADATA: _metadata_url(postgres_server, name)}
    subprocess.run([*AIRFLOW, "db", "migrate"], env=environment, check=True, capture_output=True)
    return name


@pytest.fixture
def runs(
    settings: Settings, source: Source, postgres_server: PostgresServer, airflow_template: str, database_url: str
) -> Iterator[Hour]:
    """Runs of a DAG on the warehouse and the source of the test."""
    home = settings.retail_home
    metadata = f"airflow_{uuid.uuid4().hex[:12]}"
    _administer(postgres_server, f"create database {metadata} template {airflow_template}")
    environment = os.environ | {
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "airflow" / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        METADATA: _metadata_url(postgres_server, metadata),
        "AIRFLOW_CONN_RETAIL": database_url.replace("postgresql://", "postgres://"),
        "PYTHONPATH": os.pathsep.join(map(str, (PROJECT_ROOT, PLUGINS_FOLDER, CONFIG_FOLDER))),
        "RETAIL_HOME": str(home),
        "RETAIL_FAIL_AT_ONCE": "1",
        "SOURCE_API_URL": source.url,
        "SOURCE_API_KEY": KEY,
    }
    (home / "airflow").mkdir()
    yield Hour(environment, home / "run.log")
    _administer(postgres_server, f"drop database {metadata} with (force)")


def _metadata_url(server: PostgresServer, database: str) -> str:
    return server.url(database).replace("postgresql://", "postgresql+psycopg2://")


def _administer(server: PostgresServer, statement: str) -> None:
    with connect(server.url("postgres")) as admin, admin.cursor() as cursor:
        admin.autocommit = True
        cursor.execute(statement)
