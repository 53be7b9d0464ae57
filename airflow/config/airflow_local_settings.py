"""Imports that the scheduler makes once for all tasks. Airflow reads this file in each of its processes at its start.

The LocalExecutor forks its workers from the scheduler, and those fork each task: what is imported here, a task finds
imported, in memory that all of them share. dbt alone takes a second and a half, four times an hour. Polars is left
out: it starts threads, which a fork does not take along.
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
