"""Imports that the scheduler makes once for all tasks. Each Airflow process reads this file when it starts.

The LocalExecutor forks its workers from the scheduler, and workers fork each task: what is imported here is already
imported in every task, in shared memory. dbt alone takes a second and a half, four times an hour. Polars is left out:
it starts threads, which do not survive a fork.
"""

import gc
import sys
from importlib import import_module

PRELOADED = (
    "airflow.providers.postgres.hooks.postgres",
    "gold.dbt_locks",  # before dbt
    "dbt.adapters.postgres",
    "dbt.cli.main",
    "ingestion.sales",
    "gold.build",
)

# What Airflow and dbt load lives as long as the process: looking for garbage in it after every 700 objects took 2.1 of
# the 13.4 processor seconds of a run that brings nothing.
gc.set_threshold(50_000, 20, 20)

if sys.argv[1:2] == ["scheduler"]:
    for _name in PRELOADED:
        import_module(_name)
    gc.freeze()  # so that looking for garbage in a fork copies no memory of it

if sys.argv[1:3] == ["dags", "test"]:  # ./retail run, without a scheduler
    import_module("retail_task_logs").keep_task_logs()
    import_module("retail_api_version").answer_the_newest_version_only()
