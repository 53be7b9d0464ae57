"""Steps of the pipeline, one after the other in this process, each timed by itself."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from typing import TYPE_CHECKING

from loaders.config import load_settings
from loaders.database import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def run_steps(steps: Mapping[str, Callable[..., object]]) -> None:
    """Run them as the DAG's tasks do; seconds of each, by name, to standard output as JSON."""
    settings, seconds = load_settings(), {}
    with connect(settings.require_database_url()) as conn, contextlib.redirect_stdout(sys.stderr):
        for name, step in steps.items():
            began = time.perf_counter()
            step(conn, settings, run_id="benchmark")
            seconds[name] = time.perf_counter() - began
    json.dump(seconds, sys.stdout)
