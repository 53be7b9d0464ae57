"""A value that many ask for and that is read once for all of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

T = TypeVar("T")
SECONDS = 1.0
PATIENCE_SECONDS = 2.0
_COST = 10  # a read that takes long is made less often: it works for a tenth of the time at most


class Shared(Generic[T]):
    """What `read` returned last, read again for the first who asks after `seconds`.

    One read is under way at most. An asker waits `patience` seconds for it, then gets the value before it, which is
    `first` until a read has ended. An error of `read` is raised for each asker.
    """

    def __init__(
        self,
        read: Callable[[], T],
        first: T,
        clock: Callable[[], float],
        *,
        seconds: float = SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._read, self._clock, self._seconds, self._patience = read, clock, seconds, patience
        self._lock, self._pool = Lock(), ThreadPoolExecutor(1, thread_name_prefix="shared")
        self._value, self._due = first, float("-inf")
        self._reading: Future[None] | None = None

    def get(self) -> T:
        """The value, at most `seconds` old when someone asks all the time."""
        with self._lock:
            if self._clock() >= self._due and (self._reading is None or self._reading.done()):
                self._reading = self._pool.submit(self._refresh)
            reading = self._reading
        if reading is not None:
            wait([reading], self._patience)
            if reading.done():
                reading.result()
        return self._value

    def _refresh(self) -> None:
        began = self._clock()
        try:
            self._value = self._read()
        finally:
            ended = self._clock()
            self._due = max(began + self._seconds, ended + _COST * (ended - began))
