"""Imports that the scheduler makes once for all tasks. Each Airflow process reads this file when it starts.

The LocalExecutor forks its workers from the scheduler, and workers fork each task: what is imported here is already
imported in every task, in shared memory. dbt alone takes a second and a half, four times an hour. Polars is left out:
it starts threads, which do not survive a fork.
"""

import sys
from importlib import import_module

PRELOADED = (
    "airflow.providers.postgres.hooks.postgres",
    "dbt.adapters.postgres",
    "dbt.cli.main",
    "ingestion.sales",
    "gold.build",
)

if sys.argv[1:2] == ["scheduler"]:
    for _name in PRELOADED:
        import_module(_name)
