"""A source on a bare socket: what it sends, and when, is a script's to say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

HEADER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
EMPTY_PAGE = b'{"items":[],"count":0,"has_more":false,"next_cursor":null}'
WHOLE = HEADER + b"Content-Length: %d\r\n\r\n%s" % (len(EMPTY_PAGE), EMPTY_PAGE)

Script = Callable[[socket.socket], None]


@dataclass
class RawSource:
    """`url` leads to it. `open` are the connections that neither side has closed."""

    url: str
    open: set[socket.socket] = field(default_factory=set)
    connections: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    def drip(self, connection: socket.socket, bits: Iterator[bytes] | list[bytes], seconds: float = 0.1) -> None:
        """Send a bit now and then, until the other side hangs up or the source ends."""
        for bit in bits:
            connection.sendall(bit)
            if self.ended.wait(seconds) or _has_hung_up(connection):
                return


def _has_hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


@contextmanager
def raw_source(serve: Callable[[RawSource, socket.socket, int], None]) -> Iterator[RawSource]:
    """`serve` is given the source, each connection, in a thread of its own, and its number from 1 on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        source = RawSource(f"http://127.0.0.1:{listening.getsockname()[1]}")
        threads = [threading.Thread(target=_accept, args=(source, listening, serve), daemon=True)]
        threads[0].start()
        try:
            yield source
        finally:
            source.ended.set()
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            for connection in list(source.open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _accept(
    source: RawSource, listening: socket.socket, serve: Callable[[RawSource, socket.socket, int], None]
) -> None:
    while not source.ended.is_set():
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        source.connections += 1
        threading.Thread(target=_serve, args=(source, connection, serve, source.connections), daemon=True).start()


def _serve(
    source: RawSource,
    connection: socket.socket,
    serve: Callable[[RawSource, socket.socket, int], None],
    number: int,
) -> None:
    source.open.add(connection)
    with connection, suppress(OSError):
        serve(source, connection, number)
    source.open.discard(connection)


def request_of(connection: socket.socket) -> bytes:
    """What was asked, to the end of its header; empty when the other side has hung up."""
    asked = b""
    while not asked.endswith(b"\r\n\r\n"):
        piece = connection.recv(65_536)
        if not piece:
            return b""
        asked += piece
    return asked
