"""`./retail run` builds the routes of one version of Airflow's API, which are those that its tasks ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stack.services.airflow.service import CONFIG_FOLDER

TELL = """
import json
from airflow.api_fastapi.execution_api.app import create_task_execution_api_app
from airflow.sdk.api.datamodels._generated import API_VERSION
from retail_api_version import answer_the_newest_version_only

def routes():
    app = create_task_execution_api_app()
    app._cadwyn_initialize()
    built = {
        str(version): sorted([*route.methods, route.path] for route in router.routes if hasattr(route, "methods"))
        for version, router in app.router.versioned_routers.items()
    }
    return {version: found for version, found in built.items() if found}

all_versions = routes()
answer_the_newest_version_only()
print(json.dumps([API_VERSION, all_versions, routes()]))
"""


@pytest.mark.slow
def test_a_run_builds_the_routes_that_its_tasks_ask_for_and_no_others() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TELL],
        env=os.environ | {"PYTHONPATH": str(CONFIG_FOLDER)},
        capture_output=True,
        text=True,
        check=True,
    )
    asked_for, all_versions, built = json.loads(done.stdout.splitlines()[-1])
    assert len(all_versions) > 1  # else Airflow has changed, and retail_api_version is needless
    assert len(all_versions[asked_for]) > 1
    assert built == {asked_for: all_versions[asked_for]}
