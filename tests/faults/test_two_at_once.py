"""Two runs for one entity, and a run that sleeps through the loss of its lock: one advances, the other says so."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.conftest import Injection
from tests.faults.oracle import check_at_once, check_recovered
from tests.faults.phases import PHASES, is_caught, pulling
from tests.faults.world import BACKFILL, COLLECT, LOAD, World, ended_at_last, ending


@pytest.mark.parametrize("module", [COLLECT, LOAD])
def test_of_two_started_together_each_works_or_says_who_does(world: World, injected: Injection, module: str) -> None:
    if module == LOAD:
        world.collect_in_peace()
    with ended_at_last(world.start(module)) as one, ended_at_last(world.start(module)) as other:
        injected()
        both = [ending(one), ending(other)]
    assert sorted({0, 5} | {ended.code for ended in both}) == [0, 5], both
    assert any(ended.code == 0 for ended in both)
    assert all("is being worked on by another run" in ended.said for ended in both if ended.code == 5)
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


def test_two_processes_of_a_backfill_share_the_ranges_and_leave_none(world: World, injected: Injection) -> None:
    world.cut_second_hour()
    with ended_at_last(world.start(BACKFILL)) as one, ended_at_last(world.start(BACKFILL)) as other:
        injected()
        both = [ending(one), ending(other)]
    assert [ended.code for ended in both] == [0, 0], both
    assert world.ask("select from_id from meta.sales_backfill") == []
    check_at_once(world)
    world.run_clean()
    check_recovered(world)


@pytest.mark.parametrize("phase", PHASES)
def test_a_second_run_beside_one_at_work_names_it_and_changes_nothing(
    world: World, injected: Injection, phase: str
) -> None:
    module, held_up = PHASES[phase]
    if module == LOAD:
        world.collect_in_peace()
    with ended_at_last(world.start(module)) as first:
        with held_up(world):
            world.wait_until(lambda: is_caught(world))
            second = world.run(module)
            injected()
        assert (second.code, "by another run\n  why: pid " in second.said) == (5, True), second.said
        assert ending(first).code == 0
    world.run_clean()
    check_recovered(world)


@pytest.mark.slow
def test_a_paused_run_that_wakes_without_its_lock_leaves_the_rest_to_the_newer_one(
    world: World, injected: Injection
) -> None:
    with pulling(world), ended_at_last(world.start(COLLECT)) as first:
        world.wait_until(lambda: is_caught(world))
        os.kill(first.pid, signal.SIGSTOP)
        assert world.end_other_connections() == 1
        world.ledger.release()
        second = world.run(COLLECT)
        assert second.code == 0, second.said
        watermark = world.ask("select cursor_value, epoch from meta.ingestion_state where entity = 'sales'")
        os.kill(first.pid, signal.SIGCONT)
        ended = ending(first)
        injected()
    assert ended.code == 5, ended.said
    assert "Traceback" not in ended.said
    assert world.ask("select cursor_value, epoch from meta.ingestion_state where entity = 'sales'") == watermark
    check_at_once(world)
    world.run_clean()
    check_recovered(world)
