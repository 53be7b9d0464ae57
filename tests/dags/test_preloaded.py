"""What the scheduler imports once for all tasks, and that no other process of Airflow pays for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stack.services.airflow.service import CONFIG_FOLDER

LIST = (
    "import json, sys; sys.argv[1:] = {words!r}; import airflow_local_settings; print(json.dumps(sorted(sys.modules)))"
)


def imported_by(*words: str) -> set[str]:
    """Modules that `airflow WORDS` has imported once it has read its local settings."""
    done = subprocess.run(
        [sys.executable, "-c", LIST.format(words=list(words))],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(CONFIG_FOLDER), str(CONFIG_FOLDER.parents[1])))},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_scheduler_has_dbt_at_hand_for_every_task_that_is_forked_from_it() -> None:
    found = imported_by("scheduler", "--skip-serve-logs")
    assert found >= {"dbt.cli.main", "dbt.adapters.postgres", "ingestion.sales", "gold.build"}
    assert "polars" not in found  # its threads would not live on in a fork


@pytest.mark.parametrize("command", ["api-server", "dag-processor", "db"])
def test_other_processes_import_nothing_of_it(command: str) -> None:
    assert not imported_by(command) & {"dbt", "ingestion", "loaders", "gold", "quality", "medallion"}
