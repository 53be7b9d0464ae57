"""SIGTERM and Ctrl-C while a step pulls, lands or copies: it ends soon with a message, and the next run resumes."""

from __future__ import annotations

import signal
import time

import pytest

from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.phases import PHASES, is_caught
from tests.faults.world import LOAD, World, ended_at_last, ending

LONGEST_STOP_SECONDS = 5.0  # container runtimes and schedulers kill after ten or more
CODES = {signal.SIGTERM: 143, signal.SIGINT: 130}


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("told", CODES, ids=lambda told: told.name)
def test_a_step_that_is_told_to_stop_ends_soon_and_the_next_run_goes_on(
    world: World, injected: Injection, phase: str, told: signal.Signals
) -> None:
    module, held_up = PHASES[phase]
    if module == LOAD:
        world.collect_in_peace()
    with held_up(world), ended_at_last(world.start(module)) as process:
        world.wait_until(lambda: is_caught(world))
        began = time.monotonic()
        process.send_signal(told)
        ended = ending(process)
        injected()
        assert time.monotonic() - began < LONGEST_STOP_SECONDS
    assert (ended.code, "stopped: " in ended.said, "Traceback" in ended.said) == (CODES[told], True, False), ended.said
    check_at_once(world)
    assert list(world.bronze.rglob("*.tmp")) == []
    world.run_clean()
    check_recovered(world)


@pytest.mark.parametrize("told", CODES, ids=lambda told: told.name)
def test_a_step_that_is_told_to_stop_while_it_starts_has_done_nothing(
    world: World, injected: Injection, told: signal.Signals
) -> None:
    with ended_at_last(world.start(LOAD)) as process:
        process.send_signal(told)
        ended = ending(process)
    injected(happened=ended.code != 0)
    check_at_once(world)
    world.run_clean()
    check_recovered(world)
