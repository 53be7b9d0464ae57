"""From trigger to success, with the scheduler running: `.venv/bin/python -m benchmarks.orchestration [--cosmos]`.

The platform as `./retail up` starts it, in a home of its own, and a source whose clock is set forward by hand. In each
round an hour of 10,000 sales, then one that brings nothing. With `--cosmos` the same hours go in turn through a DAG
that has a task per model and one for its tests (astronomer-cosmos, local mode): the same steps up to Silver, the same
dbt project, the same tuned scheduler; the environment of everybody then is the one that has cosmos installed. In its
favour that DAG reports no incidents and reconciles nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks.commands import environment
from benchmarks.environments import python_of
from benchmarks.machine import describe
from benchmarks.world import clock_for, data_set
from gold.dbt_runner import PROJECT_DIR
from medallion.database import connect, transaction
from medallion.settings import PROJECT_ROOT
from medallion.state.gold_progress import close_gold_test, open_gold_test
from stack.host.home import Home
from stack.services.airflow.metadata import Metadata
from stack.services.airflow.service import DAG_ID, USER
from stack.services.ports import any_free
from stack.services.processes import await_ready, start, stop
from stack.services.source_api import NAME, source_service
from stack.services.warehouse import logins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.services.airflow.metadata import DagRun

COSMOS = "retail_cosmos_hourly"
_HISTORY = 100_000
_HOUR = 10_000
_KEY = "benchmark"
_POLL_SECONDS = 0.05
_LONGEST_SECONDS = 300


@dataclass
class Hours:
    """Seconds from trigger to success of a DAG's hours, and of the tasks that ran in them."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: {"10,000 sales": [], "nothing new": []})
    tasks: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, what: str, seconds: float, tasks: dict[str, float]) -> None:
        """Note one of them."""
        self.seconds[what].append(seconds)
        for name, took in tasks.items():
            self.tasks.setdefault(what, {}).setdefault(name, []).append(took)


def main() -> None:
    """Print a table, and write JSON if asked to."""
    arguments = argparse.ArgumentParser(description="Seconds from trigger to success of an hour, under a scheduler.")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--cosmos", action="store_true", help="compare with a task per dbt node")
    arguments.add_argument("--json", type=Path, help="file to write the figures to")
    given = arguments.parse_args()
    machine = describe()
    print(machine.line())
    measured = _measure(given.rounds, with_cosmos=given.cosmos)
    _print(measured)
    if given.json:
        content = {"machine": asdict(machine), "dags": {name: asdict(hours) for name, hours in measured.items()}}
        given.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _print(measured: dict[str, Hours]) -> None:
    print(f"{'trigger → success':24}{'':14}{'median s':>10}{'min s':>8}{'max s':>8}{'tasks':>7}{'by ours':>9}")
    for what in ("10,000 sales", "nothing new"):
        ours = statistics.median(measured[DAG_ID].seconds[what])
        for name, hours in measured.items():
            took = hours.seconds[what]
            median = statistics.median(took)
            count = len(hours.tasks[what])
            print(f"{name:24}{what:14}{median:10.2f}{min(took):8.2f}{max(took):8.2f}{count:7}{median / ours:9.2f}")
    for name, hours in measured.items():
        print(f"\n{name}, seconds of each task (median):")
        for task, took in hours.tasks["10,000 sales"].items():
            nothing = hours.tasks["nothing new"].get(task)
            print(
                f"  {task:50}{statistics.median(took):8.2f}" + (f"{statistics.median(nothing):8.2f}" if nothing else "")
            )


def _measure(rounds: int, *, with_cosmos: bool) -> dict[str, Hours]:
    measured = {name: Hours() for name in ([DAG_ID, COSMOS] if with_cosmos else [DAG_ID])}
    with tempfile.TemporaryDirectory(prefix="retail-bench-") as folder:
        Path(folder).chmod(0o755)  # as root, Postgres runs under an account of its own
        python = python_of(Path.home() / ".cache" / "retail-bench", "cosmos") if with_cosmos else Path(sys.executable)
        source = _Source(Home(Path(folder) / "source").prepare())
        with source.serving(), _platform(Path(folder) / "platform", python, source, with_cosmos=with_cosmos) as up:
            for number in range(rounds + 1):
                for name, hours in measured.items():
                    source.go_on()
                    for what in hours.seconds:
                        seconds, tasks = up.hour(name)
                        if number:  # the first round warms what every later hour finds warm
                            hours.add(what, seconds, tasks)
                        print(f"round {number} {name} {what}: {seconds:.2f} s", file=sys.stderr, flush=True)
    return measured


class _Source:
    """The source API as it ships, with a clock that is set forward from outside."""

    def __init__(self, home: Home) -> None:
        self._home, self._port, self._sales = home, any_free(), _HISTORY
        self.url = f"http://127.0.0.1:{self._port}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        try:
            self._start()
            yield
        finally:
            stop(self._home, [NAME])

    def go_on(self) -> None:
        """Have another hour's sales happen."""
        self._sales += _HOUR
        stop(self._home, [NAME])
        self._start()

    def _start(self) -> None:
        os.environ.update(data_set(clock_for(self._sales)))
        service = source_service(self._home, self._port, _KEY)
        await_ready(self._home, service, start(self._home, service))


class _Platform:
    """A platform that is up."""

    def __init__(self, home: Home, postgres_port: int, airflow_port: int) -> None:
        roles = logins(home)
        self._warehouse = roles["retail"].url(postgres_port)
        self._metadata = Metadata(roles["airflow"].url(postgres_port))
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{airflow_port}", timeout=60, trust_env=False)
        login = {"username": USER, "password": home.secret("airflow_admin_password")}
        token = self._http.post("/auth/token", json=login).raise_for_status().json()["access_token"]
        self._http.headers["Authorization"] = f"Bearer {token}"

    def hour(self, dag_id: str) -> tuple[float, dict[str, float]]:
        """Trigger the DAG: seconds until it has succeeded, and those of each task that ran."""
        self.await_rest()
        moment = datetime.now(timezone.utc).replace(microsecond=0)
        began = time.perf_counter()
        answer = self._http.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": moment.isoformat()})
        answer.raise_for_status()
        run = self._ended(dag_id, moment)
        seconds = time.perf_counter() - began
        if run.state != "success":
            raise SystemExit(f"{dag_id} {run.run_id}: {run.state}")
        tasks = {one.task_id: one.seconds for one in self._metadata.tasks(dag_id, run.run_id) if one.state == "success"}
        if dag_id == COSMOS:  # what it has tested, the next hour need not test again
            with connect(self._warehouse) as conn, transaction(conn):
                open_gold_test(conn)
                close_gold_test(conn)
        return seconds, tasks

    def await_rest(self) -> None:
        """Until nothing runs, and no hour is about to be scheduled."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while self._busy() or datetime.now(timezone.utc).minute == 59:  # noqa: PLR2004 - the last minute of an hour
            if time.monotonic() > deadline:
                raise SystemExit("the platform does not come to rest")
            time.sleep(_POLL_SECONDS)

    def _busy(self) -> bool:
        found = self._http.get("/api/v2/dags/~/dagRuns", params={"state": ["running", "queued"], "limit": 1})
        return bool(found.raise_for_status().json()["total_entries"])

    def _ended(self, dag_id: str, moment: datetime) -> DagRun:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while time.monotonic() < deadline:
            run = self._metadata.find_run(dag_id, logical_date=moment)
            if run is not None and run.state in ("success", "failed"):
                return run
            time.sleep(_POLL_SECONDS)
        raise SystemExit(f"{dag_id} did not end within {_LONGEST_SECONDS} s")


@contextmanager
def _platform(folder: Path, python: Path, source: _Source, *, with_cosmos: bool) -> Iterator[_Platform]:
    """`up`, with what its first hours bring behind it."""
    home = Home(folder).prepare()
    postgres_port, airflow_port = any_free(), any_free()
    variables: dict[str, str] = {
        "RETAIL_HOME": str(home.path),
        "POSTGRES_PORT": str(postgres_port),
        "AIRFLOW_PORT": str(airflow_port),
        "SOURCE_API_URL": source.url,
        "SOURCE_API_KEY": _KEY,
    }
    if with_cosmos:
        variables |= _cosmos(home, python)
    log = folder.parent / "up.log"
    with log.open("wb") as words:
        process = subprocess.Popen(
            [str(python), "-m", "stack", "up"], cwd=PROJECT_ROOT, env=environment(variables), stdout=words, stderr=words
        )
        try:
            _await_ready(process, log)
            up = _Platform(home, postgres_port, airflow_port)
            up.await_rest()
            yield up
        finally:
            process.terminate()
            process.wait(120)


def _await_ready(process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while "ready. Ctrl-C" not in log.read_text(encoding="utf-8"):
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the platform did not start:\n{log.read_text(encoding='utf-8')}")
        time.sleep(_POLL_SECONDS)


def _cosmos(home: Home, python: Path) -> dict[str, str]:
    """A second folder of DAGs, and dbt's manifest and packages, which cosmos wants made beforehand."""
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in (
            ("dags-folder", PROJECT_ROOT / "airflow" / "dags"),
            ("cosmos", PROJECT_ROOT / "benchmarks" / "cosmos_dags"),
        )
    ]
    state = {
        "RETAIL_DBT_PACKAGES_PATH": str(home.path / "cosmos" / "packages"),
        "DBT_TARGET_PATH": str(home.path / "cosmos" / "target"),
        "DBT_LOG_PATH": str(home.path / "cosmos" / "logs"),
    }
    nobody = dict.fromkeys(("RETAIL_PG_HOST", "RETAIL_PG_USER", "RETAIL_PG_PASSWORD", "RETAIL_PG_DATABASE"), "none")
    dbt = [str(python), "-m", "dbt.cli.main"]
    place = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
    for command in ("deps", "parse"):
        subprocess.run([*dbt, command, *place], env=environment(state | nobody), check=True, stdout=subprocess.DEVNULL)
    return {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "RETAIL_PROJECT": str(PROJECT_ROOT),
        "RETAIL_MANIFEST": str(home.path / "cosmos" / "target" / "manifest.json"),
        "RETAIL_DBT_PACKAGES_PATH": state["RETAIL_DBT_PACKAGES_PATH"],
    }


if __name__ == "__main__":
    main()
