"""Tests that share what is expensive to make run on one worker, the others on whichever is free."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from xdist.remote import Producer

from medallion.settings import PROJECT_ROOT
from tests.product_files import product_files
from tests.workers import SHARING, BySharedFixture, missing_files, unit_of_work

# What starts a server or a platform.
EXPENSIVE = {"platform", "retail", "running_server", "warehouse"}


def test_every_file_that_shares_a_worker_is_there() -> None:
    assert missing_files(PROJECT_ROOT) == set()


def test_every_file_whose_tests_share_a_server_or_a_platform_shares_a_worker() -> None:
    found = {str(file.relative_to(PROJECT_ROOT)) for file in product_files("tests") if shares_something(file)}
    assert found != set()
    assert found <= SHARING


def shares_something(file: Path) -> bool:
    """Whether a fixture of the module's own scope starts something expensive."""
    functions = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)]
    shared = [node for node in functions if any("scope='module'" in ast.unparse(one) for one in node.decorator_list)]
    calls = [call.func for node in shared for call in ast.walk(node) if isinstance(call, ast.Call)]
    return bool({ast.unparse(one) for one in calls} & EXPENSIVE)


def test_a_file_that_shares_a_worker_is_one_unit_of_work_and_another_is_as_many_as_its_tests() -> None:
    assert {unit_of_work(f"{file}::test_{number}[a]") for file in SHARING for number in range(3)} == SHARING
    assert len({unit_of_work(f"tests/integration/test_gold.py::test_{number}") for number in range(3)}) == 3


def test_the_suite_is_given_out_by_these_units(pytestconfig: pytest.Config) -> None:
    """Else every worker that meets a test of such a file would make what they share once more."""
    config = SimpleNamespace(getvalue=lambda _: ["popen"])  # all that the scheduler asks before it has work
    given = pytestconfig.pluginmanager.hook.pytest_xdist_make_scheduler(config=config, log=Producer("of a test"))
    assert isinstance(given, BySharedFixture)


CRASHING = """
import os, time, pytest
@pytest.mark.parametrize("number", range({tests}))
def test_one(number):
    time.sleep(0.01)
    if number in {crashes}:
        os._exit(1)
"""


@pytest.mark.parametrize(
    ("tests", "crashes", "ends"),
    [(40, [17, 39], "2 failed, 38 passed"), (2, [], "2 passed"), (1, [0], "1 failed")],
)
def test_a_worker_that_crashes_fails_one_test_and_the_others_run(
    tmp_path: Path, tests: int, crashes: list[int], ends: str
) -> None:
    """pytest-xdist's own scheduler never ends here."""
    (tmp_path / "test_of_a_crash.py").write_text(CRASHING.format(tests=tests, crashes=crashes), encoding="utf-8")
    (tmp_path / "conftest.py").write_text(
        "from tests.workers import BySharedFixture\n"
        "def pytest_xdist_make_scheduler(config, log):\n    return BySharedFixture(config, log)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider", f"--rootdir={tmp_path}"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ends in done.stdout
    assert done.returncode == (1 if crashes else 0)
