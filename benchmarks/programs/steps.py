"""Steps of the pipeline, as the DAG's tasks do them: those that may run at once in processes of their own."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import sys
import time
from typing import TYPE_CHECKING

from medallion.database import connect
from medallion.process.exit import skip_gc_at_exit
from medallion.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from medallion.settings import Settings

    Step = Callable[..., object]


def run_steps(stages: Mapping[str, Sequence[Step]]) -> None:
    """Run stage after stage, the steps of each at once; seconds of each stage to standard output as JSON."""
    skip_gc_at_exit()
    settings, seconds = load_settings(), {}
    with contextlib.redirect_stdout(sys.stderr):
        for name, steps in stages.items():
            began = time.perf_counter()
            if len(steps) == 1:
                _run(steps[0], settings)
            else:
                _run_at_once(steps, settings)
            seconds[name] = time.perf_counter() - began
    json.dump(seconds, sys.stdout)


def _run(step: Step, settings: Settings) -> None:
    with connect(settings.require_database_url()) as conn:
        step(conn, settings, run_id="benchmark")


def _run_at_once(steps: Sequence[Step], settings: Settings) -> None:
    """Forked, as Airflow's tasks are. polars is imported before, once: a task would import it by itself.

    It must not have been used by then, as a fork takes none of its threads along.
    """
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_run, args=(step, settings)) for step in steps]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a step failed: see its words above")
