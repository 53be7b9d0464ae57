"""dbt's locks in the process that builds Gold: it leaves nothing of the system's to be cleaned up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from psycopg2.extensions import connection

from medallion.settings import PROJECT_ROOT, Settings
from tests.pipeline import hour

BUILD = """
import os, sys
from multiprocessing import resource_tracker
from gold.build import build_core, prepare
from medallion.database import connect
from medallion.settings import load_settings
settings = load_settings()
with connect(settings.require_database_url()) as conn:
    prepare(conn, settings, run_id="a run")
    build_core(conn, settings, run_id="a run")
print("tracker:", resource_tracker._resource_tracker._pid, flush=True)
os._exit(0)  # as a task of Airflow ends
"""


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "import gold.dbt_locks, dbt.cli.main"])
def test_a_process_that_ends_without_cleaning_up_leaks_no_semaphore(
    conn: connection, settings: Settings, database_url: str, before: str
) -> None:
    hour(conn, settings)
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "RETAIL_HOME": str(settings.retail_home),
        "PYTHONPATH": str(PROJECT_ROOT),
        "SOURCE_API_URL": settings.source_api_url or "",
    }
    program = [sys.executable, "-c", f"{before}\n{BUILD}"]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "tracker: None" in done.stdout
    assert "leaked" not in done.stderr
