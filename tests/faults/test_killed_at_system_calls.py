"""SIGKILL at the n-th call of a kind, wherever in the program that is: between our named points too."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.tracing import NEEDS_STRACE, TRACED
from tests.faults.world import COLLECT, LOAD, World

# "after": the call is made and is the last; "before": the process dies in place of it. Every other kill is a slow test.
AFTER, BEFORE = "signal=KILL", "error=EINTR:signal=KILL"
COLLECTING = [
    ("fsync", 1, AFTER), ("fsync", 8, BEFORE), ("fsync", 14, AFTER),
    ("/^rename", 1, AFTER), ("/^rename", 6, BEFORE),
    ("write", 3, AFTER), ("write", 9, BEFORE),
    ("sendto", 12, AFTER), ("sendto", 22, BEFORE), ("sendto", 35, AFTER), ("sendto", 50, AFTER),
]  # fmt: skip
LOADING = [("sendto", number, AFTER) for number in (10, 17, 40, 80)]


def every_other_slow(kills: list[tuple[str, int, str]]) -> list[Any]:
    """These kills, every other one of them for slow tests."""
    return [pytest.param(*one, marks=[pytest.mark.slow] if number % 2 else []) for number, one in enumerate(kills)]


def kill(world: World, injected: Injection, module: str, call: str, number: int, how: str) -> None:
    ended = world.run(module, *TRACED, "-e", f"trace={call}", "-e", f"inject={call}:{how}:when={number}")
    injected(happened=ended.code == -signal.SIGKILL)
    check_at_once(world)


@NEEDS_STRACE
@pytest.mark.parametrize(("call", "number", "how"), every_other_slow(COLLECTING))
def test_a_collector_killed_at_a_system_call_loses_nothing(
    world: World, injected: Injection, call: str, number: int, how: str
) -> None:
    kill(world, injected, COLLECT, call, number, how)
    world.run_clean()
    check_recovered(world)


@NEEDS_STRACE
@pytest.mark.parametrize(("call", "number", "how"), every_other_slow(LOADING))
def test_a_loader_killed_at_a_system_call_loses_nothing(
    world: World, injected: Injection, call: str, number: int, how: str
) -> None:
    world.collect_in_peace()
    kill(world, injected, LOAD, call, number, how)
    world.run_clean()
    check_recovered(world)
