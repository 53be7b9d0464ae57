"""Gold as the DAG's tasks build and test it; seconds of each step, without dbt's own start, to stdout."""

from __future__ import annotations

import dbt.cli.main  # noqa: F401 - loaded before the clock of the steps begins

from benchmarks.programs.steps import run_steps
from gold.build import build_core, build_mart, check_gold, prepare

if __name__ == "__main__":
    run_steps({"deps": [prepare], "core": [build_core], "mart": [build_mart], "tests": [check_gold]})
