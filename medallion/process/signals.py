"""Stop signals: SIGTERM and Ctrl-C end a step by an exception, so that it can clean up and report it.

Python runs a handler between two of its own instructions, but psycopg2 waits for the server inside C: a step that waits
there for another session's lock would not notice the signal until the lock is free. So the signal also wakes a thread,
which has the server cancel the step's statement.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from psycopg2.extensions import connection

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_END = b"\0"  # no signal has this number
_GRACE_SECONDS = 0.3  # for a step that runs Python and stops by itself
_PATIENCE = 7  # this many of them until it is signaled again


class Stopped(KeyboardInterrupt):
    """The process received a stop signal. `exit_code` is the shell's for that signal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


@contextmanager
def stoppable(conn: connection) -> Iterator[None]:
    """Raise Stopped in the main thread on SIGTERM or SIGINT, even while it waits for the server of `conn`."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    received = list[int]()
    watcher = threading.Thread(target=_watch, args=(read, conn, received), name="stopping", daemon=True)
    watcher.start()

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        if not _is_decoding(frame):
            raise Stopped(number)

    handlers = {number: signal.signal(number, stop) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(write)
    try:
        yield
    except Exception as error:
        if received:
            raise Stopped(received[0]) from error
        raise
    finally:
        os.write(write, _END)
        watcher.join()
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _is_decoding(frame: FrameType | None) -> bool:
    """Whether psycopg2 is reading a message of the server, most likely of the canceled statement.

    psycopg2 prints and drops what is raised there. The statement's own error is about to come.
    """
    return frame is not None and frame.f_globals.get("__name__") == "encodings.utf_8"


def _watch(read: int, conn: connection, received: list[int]) -> None:
    """After a signal, cancel the step's statement on the server, repeatedly until the step has ended.

    A step may continue because the exception was raised in a finalizer or a driver's callback, which drops it. Then it
    is signaled again; nothing that it may be doing by then can be harmed by that.
    """
    if os.read(read, 1) == _END:
        return
    waited = 0
    while not _has_ended(read):
        waited += 1
        if conn.info.transaction_status == TRANSACTION_STATUS_ACTIVE:
            with suppress(psycopg2.Error):
                conn.cancel()
        if received and waited % _PATIENCE == 0:
            signal.pthread_kill(threading.main_thread().ident or 0, received[0])


def _has_ended(read: int) -> bool:
    """Wait a little for the end of the step."""
    ready, _, _ = select.select([read], [], [], _GRACE_SECONDS)
    return bool(ready) and _END in os.read(read, 64)
