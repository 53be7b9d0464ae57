"""A value is read once for all who ask, and never by two at once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from unittest.mock import Mock

import pytest

from portal.shared import Shared


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_fifty_who_ask_at_once_cause_one_read() -> None:
    def read() -> str:
        time.sleep(0.05)
        return "value"

    slow = Mock(side_effect=read)
    shared = Shared(slow, "first", Clock())
    with ThreadPoolExecutor(50) as pool:
        found = set(pool.map(lambda _: shared.get(), range(50)))
    assert (found, slow.call_count) == ({"value"}, 1)


def test_a_value_is_read_again_after_a_second_and_not_before() -> None:
    clock, read = Clock(), Mock(side_effect=[1, 2])
    shared = Shared(read, 0, clock)
    assert shared.get() == 1
    clock.now += 0.99
    assert shared.get() == 1
    clock.now += 0.02
    assert shared.get() == 2


def test_who_asks_during_a_read_that_hangs_gets_the_value_before_it() -> None:
    clock, release = Clock(), Event()
    reads = iter([lambda: "old", lambda: release.wait(20) and "new"])

    def read() -> object:
        return next(reads)()

    shared = Shared(read, "first", clock, patience=0.05)
    assert shared.get() == "old"
    clock.now += 2
    assert shared.get() == "old"
    assert shared.get() == "old"  # a third read would raise StopIteration
    release.set()
    shared._reading.result(20)  # type: ignore[union-attr]
    assert shared.get() == "new"


def test_a_read_that_takes_long_is_made_for_a_tenth_of_the_time_at_most() -> None:
    clock = Clock()

    def read() -> float:
        clock.now += 3
        return clock.now

    shared = Shared(read, 0.0, clock)
    assert shared.get() == 103
    clock.now += 29
    assert shared.get() == 103
    clock.now += 1
    assert shared.get() == 136


def test_an_error_reaches_who_asks_and_the_next_read_is_made() -> None:
    clock, read = Clock(), Mock(side_effect=[ZeroDivisionError, "well"])
    shared = Shared(read, "first", clock)
    with pytest.raises(ZeroDivisionError):
        shared.get()
    clock.now += 1
    assert shared.get() == "well"
