"""Signals become one exception, and wait while a process is being noted down."""

from __future__ import annotations

import os
import signal

import pytest

from stack.host.interrupts import Interrupted, interruptible, raise_if_told, uninterrupted

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def tell(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_each_signal_is_raised_with_the_exit_code_of_a_shell(number: signal.Signals) -> None:
    with pytest.raises(Interrupted, match=number.name) as stopped, interruptible():
        tell(number)
    assert stopped.value.exit_code == 128 + number


def test_an_interruption_is_no_exception_that_a_clean_up_could_swallow() -> None:
    assert not issubclass(Interrupted, Exception)


def test_a_signal_waits_until_the_step_is_over() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            tell(signal.SIGTERM)
            done.append("step")
        done.append("after it")

    with interruptible(), pytest.raises(Interrupted):
        work()
    assert done == ["step"]


def test_a_signal_waits_for_the_outermost_step() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            with uninterrupted():
                tell(signal.SIGTERM)
            done.append("outer")

    with interruptible(), pytest.raises(Interrupted):
        work()
    assert done == ["outer"]


def test_several_signals_in_one_step_are_raised_once() -> None:
    def work() -> None:
        with uninterrupted():
            tell(signal.SIGINT)
            tell(signal.SIGTERM)

    with interruptible():
        with pytest.raises(Interrupted):
            work()
        with uninterrupted():
            pass


def test_a_signal_is_not_lost_when_the_step_itself_fails() -> None:
    def fail() -> None:
        with uninterrupted():
            tell(signal.SIGTERM)
            raise ValueError("broke")

    with interruptible():
        with pytest.raises(ValueError, match="broke"):
            fail()
        with pytest.raises(Interrupted), uninterrupted():
            pass


def test_the_handlers_of_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with interruptible():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_a_finalizer_swallowed_ends_the_next_wait() -> None:
    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    with interruptible():
        raise_if_told()
        Finalized()  # Python reports an exception of a finalizer, and goes on
        with pytest.raises(Interrupted):
            raise_if_told()
    with interruptible():
        raise_if_told()
