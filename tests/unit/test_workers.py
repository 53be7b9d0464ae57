"""Tests that share what is expensive to make run on one worker, the others on whichever is free."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from medallion.settings import PROJECT_ROOT
from tests.workers import SHARING, missing_files

CONFTEST = """
from tests.workers import BySharedFixture

def pytest_xdist_make_scheduler(config, log):
    return BySharedFixture(config, log)
"""
# Each test leaves the name of its worker, and is slow enough for the other one to come by.
FILE = """
import os, pathlib, time, pytest

@pytest.mark.parametrize("number", range(6))
def test_(number):
    time.sleep(0.2)
    pathlib.Path(f"{__name__.split('.')[-1]}.{number}").write_text(os.environ["PYTEST_XDIST_WORKER"])
"""


def test_every_file_that_shares_a_worker_is_there() -> None:
    assert missing_files(PROJECT_ROOT) == set()


def test_a_file_that_shares_a_worker_is_run_by_one_and_another_by_all(tmp_path: Path) -> None:
    sharing, other = tmp_path / min(SHARING), tmp_path / "tests" / "integration" / "test_other.py"
    sharing.parent.mkdir(parents=True)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    for file in (sharing, other):
        file.write_text(FILE)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        ".",
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = str(PROJECT_ROOT)
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = {file.stem: {one.read_text() for one in tmp_path.glob(f"{file.stem}.*")} for file in (sharing, other)}
    assert len(workers[sharing.stem]) == 1
    assert len(workers[other.stem]) == 2
