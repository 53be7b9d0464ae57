"""Requests whose deadline holds whatever the source does: each runs in its own thread and is cut off from outside.

httpx bounds the wait for the next bytes, so a source that drips them can stretch a header, a chunk extension or an
empty block for as long as it likes. A name lookup has no limit at all. So the caller waits for a thread, and when the
time is over it shuts down the thread's connection, which ends the thread too. A thread that cannot be ended this way,
during a name lookup or a handshake, is waited for before the next request begins: such threads do not pile up.
"""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet  # not the built-in one before Python 3.11
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    import httpx

    Answer = TypeVar("Answer")

_CONNECTED = (".connect_tcp.complete", ".start_tls.complete")


class OutOfTime(Exception):
    """The request was cut off at its deadline."""


class Lane:
    """A client with one connection, for one request at a time. Thrown away once it is cut."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self._socket: socket.socket | None = None
        self._is_cut = False
        self._is_busy = False
        self._lock = threading.Lock()

    def on_event(self, event: str, info: dict[str, Any]) -> None:
        """Trace hook of httpcore: remembers the socket, and stops a connection that begins after the cut."""
        if event.endswith(_CONNECTED):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._is_cut:
                self._shut()
                raise OutOfTime

    def begin(self) -> None:
        """A thread is about to use the lane."""
        self._is_busy = True

    def end(self) -> None:
        """The thread is done with the lane."""
        with self._lock:
            self._is_busy = False
            if self._is_cut:
                self.http.close()

    def cut(self) -> None:
        """End whatever waits for the source. The connection is closed by the thread that uses it, or at once."""
        with self._lock:
            self._is_cut = True
            self._shut()
            if not self._is_busy:
                self.http.close()

    def _shut(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # of TLS too: its own shutdown would wait


class Lanes:
    """Runs requests, each with a deadline, and reuses the connection. `open_client` makes a client."""

    def __init__(self, open_client: Callable[[], httpx.Client]) -> None:
        self._open_client = open_client
        self._lock = threading.Lock()
        self._idle: list[Lane] = []
        self._busy: list[Lane] = []
        self._left_behind: list[threading.Thread] = []
        self.is_closed = False

    def run(self, ask: Callable[[Lane], Answer], deadline: float) -> Answer:
        """Return or raise what `ask` does. Raises OutOfTime at `deadline` of the monotonic clock, at the latest."""
        self._wait_for_those_left_behind(deadline)
        lane = self._take()
        answer: Future[Answer] = Future()
        thread = threading.Thread(target=_carry_out, args=(ask, lane, answer), name="source-request", daemon=True)
        thread.start()
        try:
            return answer.result(timeout=max(0.0, deadline - time.monotonic()))
        except NotYet as error:
            raise OutOfTime from error
        finally:
            self._give_back(lane, thread, is_done=answer.done())

    def close(self) -> None:
        """Cut requests under way and close every connection; no request is sent after it."""
        with self._lock:
            self.is_closed = True
            lanes, self._idle = [*self._busy, *self._idle], []
        for lane in lanes:
            lane.cut()

    def _wait_for_those_left_behind(self, deadline: float) -> None:
        with self._lock:
            alive = self._left_behind = [one for one in self._left_behind if one.is_alive()]
        for thread in alive:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                raise OutOfTime

    def _take(self) -> Lane:
        with self._lock:
            if self.is_closed:
                raise OutOfTime
            lane = self._idle.pop() if self._idle else Lane(self._open_client())
            self._busy.append(lane)
        lane.begin()
        return lane

    def _give_back(self, lane: Lane, thread: threading.Thread, *, is_done: bool) -> None:
        with self._lock:
            self._busy.remove(lane)
            is_kept = is_done and not self.is_closed
            if is_kept:
                self._idle.append(lane)
            elif not is_done:
                self._left_behind.append(thread)
        if not is_kept:
            lane.cut()


def _carry_out(ask: Callable[[Lane], Answer], lane: Lane, answer: Future[Answer]) -> None:
    try:
        found = ask(lane)
    except BaseException as error:  # noqa: BLE001 - raised again where the answer is waited for
        lane.end()
        answer.set_exception(error)
    else:
        lane.end()
        answer.set_result(found)
