"""What the DAGs share stands in a folder that may be Airflow's own for plugins; one module of it is a plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medallion.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "airflow" / "plugins"
SHARED = sorted(file.stem for file in FOLDER.glob("*.py"))
PLUGIN = "retail_navigation"
PROGRAM = """
import importlib.util, json, sys
from airflow.plugins_manager import _get_plugins, get_plugin_info
plugins, errors = _get_plugins()
print(json.dumps({
    "errors": errors,
    "plugins": [one.name for one in plugins],
    "views": {one["name"]: one["external_views"] for one in get_plugin_info()}.get("retail_navigation"),
    "imported": [name for name in sys.argv[1:] if name in sys.modules],
    "found": [name for name in sys.argv[1:] if importlib.util.find_spec(name)],
    "ours": [name for name in sys.modules if name.partition(".")[0] in ("medallion", "portal", "stack", "dbt")],
}))
"""
ADDRESS = "http://127.0.0.1:8000"

pytestmark = pytest.mark.airflow


def load_plugins(**environment: str) -> Any:
    """What Airflow finds in a process of its own."""
    command = [sys.executable, "-c", PROGRAM, *SHARED]
    done = subprocess.run(command, env=os.environ | environment, cwd="/", capture_output=True, text=True, check=True)
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_airflow_finds_the_shared_modules_and_imports_none_as_a_plugin() -> None:
    """Airflow is pointed to the folder, as an installation elsewhere may do: it has no start page."""
    found = load_plugins(AIRFLOW__CORE__PLUGINS_FOLDER=str(FOLDER), PYTHONPATH="")
    assert found["found"] == SHARED != []
    assert found["imported"] == []
    assert found["errors"] == {}


def test_the_plugin_leaves_airflows_folder_for_plugins_to_the_user(tmp_path: Path) -> None:
    """As `./retail up` sets it up: our folder is on the path, and the user's own plugins load as well."""
    own = "from airflow.plugins_manager import AirflowPlugin\n\n\nclass Own(AirflowPlugin):\n    name = 'own'\n"
    (tmp_path / "own.py").write_text(own)
    found = load_plugins(AIRFLOW__CORE__PLUGINS_FOLDER=str(tmp_path), PYTHONPATH=str(FOLDER), RETAIL_PORTAL_URL=ADDRESS)
    assert {"own", PLUGIN} <= set(found["plugins"])
    assert found["ours"] == []  # a task imports it, too
    framed, link = found["views"]
    assert (framed["name"], framed["href"], framed["nav_top_level"]) == ("Retail", f"{ADDRESS}/airflow", True)
    assert (link["name"], link["href"], link["category"]) == ("Retail start page", ADDRESS, "browse")


@pytest.mark.slow
def test_without_a_start_page_there_is_no_entry() -> None:
    assert load_plugins(PYTHONPATH=str(FOLDER), RETAIL_PORTAL_URL="")["views"] == []
