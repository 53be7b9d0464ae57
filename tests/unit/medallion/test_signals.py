"""A step that is told to stop, and did not hear of it the first time, is told again."""

from __future__ import annotations

import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from medallion.process.signals import Stopped, stoppable

IDLE: Any = SimpleNamespace(info=SimpleNamespace(transaction_status=TRANSACTION_STATUS_IDLE))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_that_a_finalizer_swallowed_is_heard_within_seconds() -> None:
    class Finalized:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def work() -> None:
        Finalized()  # Python reports an exception of a finalizer, and goes on
        time.sleep(20)

    with pytest.raises(Stopped) as stopped, stoppable(IDLE):
        work()
    assert stopped.value.exit_code == 143


def test_an_error_that_the_signal_caused_is_a_stop() -> None:
    def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except Stopped:
            raise ValueError from None

    with pytest.raises(Stopped), stoppable(IDLE):
        work()


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    with pytest.raises(ValueError, match="ours"), stoppable(IDLE):
        raise ValueError("ours")
