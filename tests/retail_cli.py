"""`python -m stack` as a user runs it: a RETAIL_HOME and ports of its own, little data, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from medallion.settings import PROJECT_ROOT
from stack.host.home import Home
from stack.host.settings import StackSettings
from tests.homes import open_folder
from tests.ports import free_port
from tests.process_table import command_lines, eventually, kill_all, living

SECONDS = 240.0
HISTORY = timedelta(days=60)


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed, which must be JSON and nothing else."""
        assert self.code == 0, self.err
        return json.loads(self.out)


@dataclass
class Running:
    """A command in the foreground of somebody's terminal: it leads a process group, as under a shell."""

    process: subprocess.Popen[bytes]
    log: Path

    def says(self, words: str, seconds: float = 180) -> None:
        """Wait until it has said that."""
        eventually(lambda: words in self.said() or self.process.poll() is not None, seconds)
        assert words in self.said(), f"never said {words!r}:\n{self.said()}"

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def press_ctrl_c(self) -> int:
        """What a terminal does: the signal goes to the whole group. Returns the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(60)


@dataclass(frozen=True)
class Retail:
    """One RETAIL_HOME and the settings to use it with."""

    home: Home
    environment: dict[str, str] = field(repr=False)
    folder: Path = PROJECT_ROOT  # of the version that is called

    def __call__(self, *arguments: str, seconds: float = SECONDS, **variables: str) -> Ended:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "stack", *arguments],
            cwd=self.folder,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @contextmanager
    def start(self, *arguments: str, **variables: str) -> Iterator[Running]:
        """A command that runs on; killed at the end if it still does."""
        log = self.home.path.parent / f"{arguments[0]}.said"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "stack", *arguments],
                cwd=self.folder,
                env=self.environment | variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        is_left = True
        try:
            yield Running(process, log)
            is_left = process.poll() is None
        finally:
            if is_left:  # what a test started must not fail the next one too
                process.kill()
                kill_all(str(self.home.path))
            process.wait()

    def processes(self) -> list[str]:
        """What runs for this RETAIL_HOME, by command line."""
        return command_lines(str(self.home.path))

    def port(self, variable: str) -> int:
        return int(self.environment[variable])

    def logs(self) -> dict[Path, str]:
        """Every log under this RETAIL_HOME."""
        found = (file for folder in (self.home.logs, self.home.airflow / "logs") for file in folder.rglob("*"))
        return {file: file.read_text(encoding="utf-8", errors="replace") for file in found if file.is_file()}


@contextmanager
def retail(**variables: str) -> Iterator[Retail]:
    """A command line for tests. Whatever a failed test left running is ended with it."""
    ours = {name.upper() for name in StackSettings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("AIRFLOW_")}
    ports = {name: str(free_port()) for name in ("API_PORT", "POSTGRES_PORT", "AIRFLOW_PORT", "DOCS_PORT")}
    start = (datetime.now(timezone.utc) - HISTORY).replace(hour=0, minute=0, second=0, microsecond=0)
    little = {"SOURCE_SALES_PER_HOUR": "3", "SOURCE_CUSTOMERS": "50", "SOURCE_PRODUCTS": "20"}
    little["SOURCE_START"] = start.isoformat()  # a first run in seconds; by default it has fourteen months to load
    with open_folder() as folder:
        home = Home(folder / "home")
        try:
            yield Retail(home, kept | ports | little | {"RETAIL_HOME": str(home.path), "NO_COLOR": "1"} | variables)
        finally:
            kill_all(str(home.path))
            assert eventually(lambda: not living(str(home.path)))
