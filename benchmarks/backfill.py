"""The first load of a long history: `.venv/bin/python -m benchmarks.backfill [--sales 10000000] [--kill]`.

What the processors can do is measured first, on a sample, in seconds of all processors of the machine together:

- *bare*: the pages made, sent and thrown away, and `COPY` of the same rows into the same keyed tables. Nothing loads
  these sales with less. Divided by the processors, it is the time of a machine that waits for nothing;
- *ours*: the same for our own load of the sample, by the hour's own steps: what it would take without ever waiting.

Then `./retail backfill` as it ships loads the whole history into a home of its own, from the start of the command to
its end. With `--kill` everything it started is killed on the way by SIGKILL, and it is started again: both times count.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from rich.console import Console

from benchmarks.commands import environment
from benchmarks.comparison import loaded_world, measure
from benchmarks.engines.copy_limit import CopyLimit
from benchmarks.engines.floor import Floor
from benchmarks.engines.ours import Ours
from benchmarks.machine import describe
from benchmarks.world import clock_for, data_set, stage
from medallion.database import connect, transaction
from medallion.errors import RetailError
from medallion.settings import PROJECT_ROOT
from medallion.state.backfill_ranges import read_progress
from stack.host.console import Talk
from stack.host.home import Home
from stack.services.ports import any_free
from stack.services.warehouse import logins

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUIET = Talk(Console(quiet=True))
_KILLED_AT = 0.4  # of the ids


@dataclass
class Used:
    """Wall seconds, and seconds of all processors of the machine that were not idle."""

    seconds: float = 0.0
    processor_seconds: float = 0.0


@dataclass
class Figures:
    """Of a sample, by engine; of the whole: seconds until each end of the command, and its own account."""

    sales: int
    sample: int
    limits: dict[str, Used] = field(default_factory=dict)
    runs: list[Used] = field(default_factory=list)
    account: dict[str, float] = field(default_factory=dict)

    def shortest(self, *engines: str) -> float:
        """Seconds for all sales, if no processor ever waited."""
        spent = sum(self.limits[name].processor_seconds for name in engines)
        return spent * self.sales / self.sample / (os.cpu_count() or 1)


def main() -> None:
    """Print the limits, the backfill and their ratios, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="The first load of a long history, against the processors' limit.")
    arguments.add_argument("--sales", type=int, default=10_000_000)
    arguments.add_argument("--sample", type=int, default=1_000_000, help="sales by which the limits are measured")
    arguments.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="BACKFILL_JOBS")
    arguments.add_argument("--kill", action="store_true", help="kill it on the way, then resume it")
    arguments.add_argument("--json", type=Path, help="file to write the figures to")
    given = arguments.parse_args()
    machine = describe()
    print(machine.line())
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        figures = Figures(given.sales, given.sample)
        _measure_limits(Path(folder) / "limits", figures)
        _backfill(Home(Path(folder) / "home").prepare(), figures, jobs=given.jobs, kill=given.kill)
    _print(figures)
    if given.json:
        content = {"machine": asdict(machine), "jobs": given.jobs, **asdict(figures)}
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _print(figures: Figures) -> None:
    took = sum(run.seconds for run in figures.runs)
    busy = sum(run.processor_seconds for run in figures.runs)
    cores = os.cpu_count() or 1
    print(f"limits, by a sample of {figures.sample:,} sales: processor seconds")
    for name, used in figures.limits.items():
        print(f"  {name:8}{used.processor_seconds:8.1f}   in {used.seconds:6.1f} s")
    how = " + ".join(f"{run.seconds:.0f} s" for run in figures.runs)
    print(f"backfill of {figures.sales:,} sales: {took:.0f} s ({how}), {figures.sales / took:,.0f} sales/s")
    print(f"  of its command: {json.dumps(figures.account)}")
    print(f"  processors busy: {busy / took / cores:.0%}")
    for words, limit in (
        ("bare work on all processors", figures.shortest("floor", "copy")),
        ("our own work on all processors", figures.shortest("ours")),
    ):
        print(f"  {words:32}{limit:8.0f} s, ratio {limit / took:.2f}")


def _measure_limits(folder: Path, figures: Figures) -> None:
    with stage(folder, figures.sample, _QUIET) as shared, loaded_world(shared, _QUIET) as loaded:
        for engine in (Floor(), CopyLimit(), Ours()):
            engine.prepare(folder, shared, loaded)
            measure(shared, engine)  # it does load what the source holds; and warms what it needs
            used = Used()
            with shared.empty_world(engine.starts_from, f"run_{engine.name}") as world, _counted(used):
                engine.run(world)
            figures.limits[engine.name] = used


def _backfill(home: Home, figures: Figures, *, jobs: int, kill: bool) -> None:
    port = any_free()
    variables = {
        "RETAIL_HOME": str(home.path),
        "POSTGRES_PORT": str(port),
        "API_PORT": str(any_free()),
        "BACKFILL_JOBS": str(jobs),
        **data_set(clock_for(figures.sales)),
    }
    if kill:
        figures.runs.append(_killed(home, variables, port))
    used = Used()
    with _counted(used):
        command = [sys.executable, "-m", "stack", "backfill", "--json"]
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment(variables), check=True, stdout=subprocess.PIPE)
    figures.runs.append(used)
    figures.account = json.loads(done.stdout)


def _killed(home: Home, variables: dict[str, str], port: int) -> Used:
    """Let it come some way, then kill every process it started, Postgres and all."""
    used = Used()
    with _counted(used):
        process = subprocess.Popen(
            [sys.executable, "-m", "stack", "backfill"], cwd=PROJECT_ROOT, env=environment(variables)
        )
        try:
            while process.poll() is None and _share(home, port) < _KILLED_AT:
                time.sleep(0.5)
        finally:
            _kill_all(home)
            process.wait()
    return used


def _kill_all(home: Home) -> None:
    for one in psutil.process_iter():
        try:
            if one.environ().get("RETAIL_HOME") == str(home.path) or str(home.path) in " ".join(one.cmdline()):
                one.send_signal(signal.SIGKILL)
        except psutil.Error:
            continue


def _share(home: Home, port: int) -> float:
    try:
        with connect(logins(home)["retail"].url(port)) as conn, transaction(conn):
            progress = read_progress(conn, "sales")
            return progress.ids_done / progress.ids if progress else 0.0
    except (RetailError, OSError):
        return 0.0


@contextmanager
def _counted(used: Used) -> Iterator[None]:
    began, busy = time.perf_counter(), _busy()
    yield
    used.seconds, used.processor_seconds = time.perf_counter() - began, _busy() - busy


def _busy() -> float:
    """Seconds that the machine's processors have worked, whoever for."""
    times = psutil.cpu_times()
    return float(times.user + times.system + getattr(times, "irq", 0.0) + getattr(times, "softirq", 0.0))


if __name__ == "__main__":
    main()
