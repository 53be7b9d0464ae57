"""Peak memory of the two steps that carry the data: `.venv/bin/python -m benchmarks.memory [--sales 100000 1000000]`.

Each step runs as a process of its own, as a person would start it, and the kernel says how much it had resident at
most. A step that held all of its data would need more for more sales; ours works by parts and chunks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from benchmarks.world import clock_for, data_set
from medallion.database import connect
from medallion.schema import prepare_schema
from medallion.settings import PROJECT_ROOT
from stack.host.console import Talk
from stack.host.home import Home
from stack.host.settings import load_stack_settings
from stack.services.warehouse import platform

_STEPS = ("ingestion.sales", "loaders.load_all_silver")


def main() -> None:
    """Print a line for each number of sales, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="Peak resident memory of ingestion and of a load.")
    arguments.add_argument("--sales", type=int, nargs="+", default=[100_000, 1_000_000])
    arguments.add_argument("--json", type=Path, help="file to write the figures to")
    given = arguments.parse_args()
    print("     sales" + "".join(f"{step:>28}" for step in _STEPS))
    found = []
    for sales in given.sales:
        peaks = _peaks(sales)
        found.append({"sales": sales} | peaks)
        print(f"{sales:10,}" + "".join(f"{peaks[step]:25.0f} MB" for step in _STEPS), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _peaks(sales: int) -> dict[str, float]:
    os.environ.update(data_set(clock_for(sales)))
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        os.environ["RETAIL_HOME"] = folder
        settings = load_stack_settings()
        with platform(Home(settings.retail_home).prepare(), settings, Talk(Console(quiet=True))) as endpoints:
            with connect(endpoints.database_url) as conn:
                prepare_schema(conn)
            return {step: _peak(step, os.environ | endpoints.connection()) for step in _STEPS}


def _peak(module: str, environment: dict[str, str]) -> float:
    """Megabytes that `python -m module` had resident at most."""
    process = subprocess.Popen(
        [sys.executable, "-m", module], env=environment, cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"{module} failed")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
