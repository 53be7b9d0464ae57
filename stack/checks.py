"""`./retail test`: what CI runs, in the same order. It checks and never repairs. And `./retail bench`, beside it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from loaders.config import PROJECT_ROOT

if TYPE_CHECKING:
    from stack.talk import Talk

_PYTHON = (sys.executable, "-m")
# More workers than there are cores: half of what the tests do is to wait for a service. Tests that share an expensive
# fixture name a group, which one worker takes whole.
_PARALLEL = ("-n", "3", "--dist", "loadgroup")
_WITHOUT_SLOW = ("-m", "not slow")


@dataclass(frozen=True)
class Check:
    """One command of the suite."""

    name: str
    command: tuple[str, ...]


def checks(pytest_arguments: list[str], *, fast: bool = False, everything: bool = False) -> list[Check]:
    """The suite. `fast` leaves out what starts processes or a database; `everything` has the slow tests too."""
    folders = ("tests/unit", "tests/architecture") if fast else ("tests",)
    suite = folders if everything else (*folders, *_WITHOUT_SLOW)
    chosen = () if any(_is_path(one) for one in pytest_arguments) else suite
    return [
        Check("ruff check", (*_PYTHON, "ruff", "check", ".")),
        Check("ruff format", (*_PYTHON, "ruff", "format", "--check", ".")),
        Check("mypy", (*_PYTHON, "mypy")),
        Check("sqlfluff", (*_PYTHON, "sqlfluff", "lint", "sql", "dbt")),
        Check("pytest", (*_PYTHON, "pytest", "-q", *_PARALLEL, *chosen, *pytest_arguments)),
    ]


def run_checks(talk: Talk, pytest_arguments: list[str], *, fast: bool = False, everything: bool = False) -> int:
    """Run all of them, go on after a failure, and end with a summary. Returns 0 or 1."""
    failed = []
    for check in checks(pytest_arguments, fast=fast, everything=everything):
        began = time.monotonic()
        done = subprocess.run(check.command, cwd=PROJECT_ROOT, env=_environment(), check=False)
        seconds = time.monotonic() - began
        if done.returncode == 0:
            talk.done(check.name, seconds)
        else:
            failed.append(check.name)
            talk.failed(check.name, seconds, f"exit code {done.returncode}")
    talk.say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def run_benchmarks(arguments: list[str]) -> NoReturn:
    """Become `python -m benchmarks`: a signal then meets the one process that ends what the comparison started."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    os.chdir(PROJECT_ROOT)
    os.execve(sys.executable, [*_PYTHON, "benchmarks", *arguments], environment)  # noqa: S606 - no shell is wanted


def configures(name: str) -> bool:
    """Whether an environment variable would point the tests to a real warehouse, source or Airflow."""
    ours = ("DATABASE_URL", "BRONZE_URL", "RETAIL_HOME", "RETAIL_TASK_RETRIES", "RETAIL_FAIL_AT_ONCE")
    return name in ours or name.startswith(("SOURCE_", "AIRFLOW_"))


def _is_path(argument: str) -> bool:
    """Whether it names tests to run; anything else is an option or the value of one, as in `-k watermark`."""
    file = argument.partition("::")[0]
    return bool(file) and (PROJECT_ROOT / file).exists()


def _environment() -> dict[str, str]:
    """Ours, without what the user has configured."""
    kept = {name: value for name, value in os.environ.items() if not configures(name)}
    return {**kept, "PYTHONPATH": str(PROJECT_ROOT)}
