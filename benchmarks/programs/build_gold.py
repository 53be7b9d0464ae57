"""Gold as the DAG's tasks build it: core with its tests, then the mart; seconds without dbt's own start to stdout."""

from __future__ import annotations

import contextlib
import json
import sys
import time

import dbt.cli.main  # noqa: F401 - loaded before the clock of the steps begins

from loaders.config import load_settings
from loaders.database import connect
from loaders.gold import build_core, build_mart, prepare

_STEPS = {"deps": prepare, "core": build_core, "mart": build_mart}


def main() -> None:
    """Run the steps one after the other."""
    settings, steps = load_settings(), {}
    with connect(settings.require_database_url()) as conn, contextlib.redirect_stdout(sys.stderr):
        for name, step in _STEPS.items():
            began = time.perf_counter()
            step(conn, settings, run_id="benchmark")
            steps[name] = time.perf_counter() - began
    json.dump(steps, sys.stdout)


if __name__ == "__main__":
    main()
