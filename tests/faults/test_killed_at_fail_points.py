"""SIGKILL at each named step of landing a part and of loading a file: one clean run later nothing is amiss."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from medallion.process.fail_points import POINTS, VARIABLE
from medallion.settings import PROJECT_ROOT
from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.world import BACKFILL, COLLECT, LOAD, World
from tests.product_files import product_files

LOADING = [point for point in POINTS if point.startswith("silver.")]
FINISHING = [point for point in POINTS if point.startswith("range.")]
# of a table that keeps versions: tests/integration/test_silver_versions.py
OF_VERSIONS = [point for point in POINTS if point.startswith("versions.")]
LANDING = [point for point in POINTS if point not in LOADING + FINISHING + OF_VERSIONS]
# the first time lies in a part of late sales, or in a merge; the fourth in a part of new ones, or in a plain copy
TIMES = (1, pytest.param(4, marks=pytest.mark.slow))


def kill(world: World, injected: Injection, module: str, fail_point: str) -> None:
    ended = world.run(module, **{VARIABLE: fail_point})
    assert ended.code == -signal.SIGKILL, ended.said
    injected()


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", LANDING)
def test_collector_killed_at_a_point_loses_nothing(world: World, injected: Injection, point: str, times: int) -> None:
    kill(world, injected, COLLECT, f"{point}:{times}")
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


# in the first range, and in the second or at the end of the first
@pytest.mark.parametrize("times", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("point", [*LANDING, *FINISHING])
def test_backfill_killed_at_a_point_loses_nothing(world: World, injected: Injection, point: str, times: int) -> None:
    world.cut_second_hour()
    kill(world, injected, BACKFILL, f"{point}:{times}")
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


@pytest.mark.parametrize("times", TIMES)
@pytest.mark.parametrize("point", LOADING)
def test_loader_killed_at_a_point_loses_nothing(world: World, injected: Injection, point: str, times: int) -> None:
    world.collect_in_peace()
    if point == "silver.merged":  # what is there already is merged
        world.load_in_peace()
        world.collect_in_peace(full_refresh=True)
    kill(world, injected, LOAD, f"{point}:{times}")
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


@pytest.mark.slow
def test_killed_in_every_run_it_still_ends_where_one_run_would(world: World, injected: Injection) -> None:
    for point in LANDING[::2]:
        world.run(COLLECT, **{VARIABLE: point})
    for point in LOADING[::2]:
        world.run(LOAD, **{VARIABLE: point})
    injected()
    assert (world.run(COLLECT).code, world.run(LOAD).code) == (0, 0)
    check_recovered(world)


def called_points(file: Path) -> list[str]:
    return [
        node.args[0].value
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "fail_point"
        if isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    ]


def test_each_point_stands_in_the_code_exactly_once() -> None:
    files = product_files("ingestion", "loaders", "medallion", "quality", "gold")
    assert sorted(point for file in files for point in called_points(file)) == sorted(POINTS)


@pytest.mark.parametrize("setting", ["nowhere", "part.durable:0", "part.durable:-1", "part.durable:x", ":1"])
def test_a_fail_point_that_does_not_exist_is_refused_and_not_silently_survived(setting: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import medallion.process.fail_points"],
        cwd=PROJECT_ROOT,
        env=os.environ | {VARIABLE: setting},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"{VARIABLE}={setting!r} is no point of" in done.stderr
