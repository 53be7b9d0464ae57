"""Ctrl-C, SIGTERM and a closed terminal, as one exception that unwinds through every `finally`.

A signal between the start of a process and the record of it would lose that process. Such moments are marked
`uninterrupted`: the signal waits until they are over. A block of signals in the kernel would be inherited by the
started process, which then could not be stopped by a signal.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_depth = 0
_pending: int | None = None
_told: int | None = None


class Interrupted(BaseException):
    """A stop signal was received. Not an Exception, so that only clean-up code handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within the block, each of the signals raises Interrupted in the main thread."""
    global _told  # noqa: PLW0603 - the signal handler has no other way to report
    before = {number: signal.signal(number, _on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _told = None


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold signals until the end of the block, where they are raised. For short steps and for clean-up."""
    global _depth  # noqa: PLW0603 - the signal handler has no other way to know
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
    _raise_pending()


def raise_if_told() -> None:
    """Raise Interrupted again, in loops that wait: the first one may have been lost in a finalizer."""
    if _told is not None:
        raise Interrupted(_told)


def _on_signal(number: int, _frame: FrameType | None) -> None:
    global _pending, _told  # noqa: PLW0603 - same
    _pending = _told = number
    _raise_pending()


def _raise_pending() -> None:
    global _pending
    if _depth == 0 and _pending is not None:
        number, _pending = _pending, None
        raise Interrupted(number)
