"""Tests that share what is expensive to make run on one worker, the others on whichever is free."""

from __future__ import annotations

import pytest

from medallion.settings import PROJECT_ROOT
from tests.workers import SHARING, missing_files, unit_of_work


def test_every_file_that_shares_a_worker_is_there() -> None:
    assert missing_files(PROJECT_ROOT) == set()


def test_a_file_that_shares_a_worker_is_one_unit_of_work_and_another_is_as_many_as_its_tests() -> None:
    assert {unit_of_work(f"{file}::test_{number}[a]") for file in SHARING for number in range(3)} == SHARING
    assert len({unit_of_work(f"tests/integration/test_gold.py::test_{number}") for number in range(3)}) == 3


def test_the_suite_is_given_out_by_these_units(pytestconfig: pytest.Config) -> None:
    """Else every worker that meets a test of such a file would make what they share once more."""
    found = pytestconfig.pluginmanager.hook.pytest_xdist_make_scheduler.get_hookimpls()
    assert "BySharedFixture" in {name for one in found for name in one.function.__code__.co_names}
