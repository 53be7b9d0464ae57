"""What the scheduler imports once for all tasks, which no other process pays for, and how all collect garbage."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from stack.services.airflow.service import CONFIG_FOLDER

TELL = """
import gc, json, sys
sys.argv[1:] = {words!r}
import airflow_local_settings
print(json.dumps([sorted(sys.modules), gc.get_threshold()[0], gc.get_freeze_count()]))
"""


def begun(*words: str) -> tuple[set[str], int, int]:
    """Modules that `airflow WORDS` has imported once it has read its local settings, and how it collects garbage.

    Objects after which it looks for garbage, and objects that it leaves out.
    """
    done = subprocess.run(
        [sys.executable, "-c", TELL.format(words=list(words))],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(CONFIG_FOLDER), str(CONFIG_FOLDER.parents[1])))},
        capture_output=True,
        text=True,
        check=True,
    )
    modules, threshold, frozen = json.loads(done.stdout.splitlines()[-1])
    return set(modules), threshold, frozen


@pytest.mark.slow
def test_the_scheduler_has_dbt_at_hand_for_every_task_that_is_forked_from_it() -> None:
    found, _, frozen = begun("scheduler", "--skip-serve-logs")
    assert found >= {"dbt.cli.main", "dbt.adapters.postgres", "ingestion.sales", "gold.build"}
    assert "polars" not in found  # its threads would not live on in a fork
    assert frozen > 100_000


@pytest.mark.parametrize("command", ["api-server", "dag-processor", "db"])
def test_other_processes_import_nothing_of_it(command: str) -> None:
    found, threshold, frozen = begun(command)
    assert not found & {"dbt", "ingestion", "loaders", "gold", "quality", "medallion"}
    assert (threshold, frozen) == (50_000, 0)
