"""What the DAGs share stands in a folder that may be Airflow's own for plugins, and none of it is one."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest

from medallion.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "airflow" / "plugins"
SHARED = sorted(file.stem for file in FOLDER.glob("*.py"))
PROGRAM = """
import importlib.util, sys
from airflow.plugins_manager import ensure_plugins_loaded
ensure_plugins_loaded()
names = [name for name in sys.argv[1:] if name in sys.modules]
print([names, [name for name in sys.argv[1:] if importlib.util.find_spec(name)]])
"""

pytestmark = pytest.mark.airflow


def test_airflow_finds_the_shared_modules_and_imports_none_as_a_plugin() -> None:
    environment = os.environ | {"AIRFLOW__CORE__PLUGINS_FOLDER": str(FOLDER), "PYTHONPATH": ""}
    command = [sys.executable, "-c", PROGRAM, *SHARED]
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, check=True)
    imported, found = ast.literal_eval(done.stdout.strip().splitlines()[-1])
    assert found == SHARED != []
    assert imported == []
