"""A source that never stops sending, and never says anything: one deadline ends every such request, from outside."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ingestion.api.client import SourceClient
from medallion.errors import SourceUnavailable
from medallion.settings import Settings
from tests.faults.conftest import Injection
from tests.raw_source import EMPTY_PAGE, HEADER, WHOLE, RawSource, raw_source, request_of

LIMIT_SECONDS = 1.0
PATIENCE_SECONDS = 5.0  # after which a request counts as stretched
CHUNKED = HEADER + b"Transfer-Encoding: chunked\r\n\r\n"
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # of deflate: stored, of length 0, and not the last
GZIP = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


STRETCHES: dict[str, Callable[[], Iterator[bytes]]] = {
    "nothing": lambda: itertools.repeat(b""),
    "header": lambda: itertools.chain([HEADER], (b"X-%d: x\r\n" % number for number in itertools.count())),
    "one header": lambda: itertools.chain([HEADER + b"X-Long: "], itertools.repeat(b"x")),
    "interim answers": lambda: itertools.repeat(b"HTTP/1.1 102 Processing\r\n\r\n"),
    "body": lambda: itertools.chain([HEADER + b"Content-Length: 9999999\r\n\r\n"], itertools.repeat(b" ")),
    "chunk extension": lambda: itertools.chain([CHUNKED + b"1;x="], itertools.repeat(b"x")),
    "chunks": lambda: itertools.chain([CHUNKED], itertools.repeat(chunk(b" "))),
    "trailer": lambda: itertools.chain(
        [CHUNKED + chunk(EMPTY_PAGE) + b"0\r\n"], (b"X-%d: x\r\n" % number for number in itertools.count())
    ),
    "empty gzip blocks": lambda: itertools.chain(
        [HEADER + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(GZIP)],
        itertools.repeat(chunk(EMPTY_BLOCK)),
    ),
}
ASKED: dict[str, Callable[[SourceClient], object]] = {
    "page": lambda client: client.page("sales", None),
    "pages": lambda client: list(client.pages("sales", None)),
    "totals": lambda client: client.sales_totals(0, 10),
}


def client_of(url: str, *, attempts: int = 1, seconds: float = LIMIT_SECONDS) -> SourceClient:
    """With `seconds` for all tries of a request; a wait between bytes that a drip never reaches."""
    return SourceClient(
        Settings(
            source_api_url=url,
            source_api_key="k",
            source_request_timeout_seconds=30,
            source_retry_seconds=seconds,
            source_retry_attempts=attempts,
        )
    )


def seconds_of(ask: Callable[[SourceClient], object], client: SourceClient) -> float:
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"did not end in time|ReadTimeout|ConnectTimeout"):
        ask(client)
    return time.monotonic() - began


def request_threads() -> int:
    return sum(one.name == "source-request" for one in threading.enumerate())


def wait_until(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 5
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_so()


def stretched_once(stretch: Callable[[], Iterator[bytes]]) -> Callable[[RawSource, socket.socket, int], None]:
    """The first connection is stretched, every other one is served well."""

    def serve(source: RawSource, connection: socket.socket, number: int) -> None:
        while request_of(connection):
            if number == 1:
                source.drip(connection, stretch())
                return
            connection.sendall(WHOLE)

    return serve


@pytest.mark.parametrize("stretch", STRETCHES)
def test_no_stretch_outlasts_the_deadline_and_the_next_request_works(stretch: str, injected: Injection) -> None:
    with raw_source(stretched_once(STRETCHES[stretch])) as source, client_of(source.url) as client:
        assert seconds_of(ASKED["page"], client) < PATIENCE_SECONDS
        injected(happened=source.connections == 1)
        assert client.page("sales", None).items == []
        assert source.connections == 2
        assert wait_until(lambda: request_threads() == 0)
        assert wait_until(lambda: len(source.open) == 1)


@pytest.mark.parametrize("asked", ASKED)
def test_the_deadline_holds_for_whatever_is_asked(asked: str, injected: Injection) -> None:
    with raw_source(stretched_once(STRETCHES["header"])) as source, client_of(source.url) as client:
        assert seconds_of(ASKED[asked], client) < PATIENCE_SECONDS
        injected(happened=source.connections == 1)


def test_a_kept_connection_that_is_stretched_later_is_cut_too(injected: Injection) -> None:
    def serve(source: RawSource, connection: socket.socket, number: int) -> None:
        for asked in itertools.count():
            if not request_of(connection):
                return
            if number == 1 and asked:
                source.drip(connection, STRETCHES["header"]())
            connection.sendall(WHOLE)

    with raw_source(serve) as source, client_of(source.url) as client:
        client.page("sales", None)
        assert seconds_of(ASKED["page"], client) < PATIENCE_SECONDS
        injected(happened=source.connections == 1)
        assert client.page("sales", None).items == []


def test_all_tries_together_take_no_longer_than_the_time_for_retries(injected: Injection) -> None:
    def serve(source: RawSource, connection: socket.socket, _number: int) -> None:
        request_of(connection)
        source.drip(connection, [HEADER, b"X-A: 1\r\n", b"X-B: 1\r\n"])  # then it hangs up

    seconds = 3.0  # the wait before the second try is drawn, and up to 1.1 s
    with raw_source(serve) as source, client_of(source.url, attempts=100, seconds=seconds) as client:
        began = time.monotonic()
        with pytest.raises(SourceUnavailable):
            client.page("sales", None)
        assert time.monotonic() - began < PATIENCE_SECONDS
        injected(happened=source.connections > 1)


def test_a_handshake_that_never_ends_is_given_up(injected: Injection) -> None:
    def serve(source: RawSource, connection: socket.socket, _number: int) -> None:
        connection.recv(65_536)
        source.drip(connection, itertools.chain([b"\x16\x03\x03\x40\x00"], itertools.repeat(b"\x00")))

    with raw_source(serve) as source, client_of(source.url.replace("http:", "https:")) as client:
        assert seconds_of(ASKED["page"], client) < PATIENCE_SECONDS
        injected(happened=source.connections == 1)
        assert wait_until(lambda: request_threads() == 0)
        assert wait_until(lambda: not source.open)


def test_a_name_that_is_looked_up_for_ever_holds_up_one_thread_and_nobody_else(
    injected: Injection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, found = list[object](), threading.Event()

    def look_up(*name: object, **_more: object) -> list[object]:
        asked.append(name)
        found.wait(20)
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with client_of("http://source.test") as client:
        for _ in range(2):
            assert seconds_of(ASKED["page"], client) < PATIENCE_SECONDS
        injected(happened=bool(asked))
        assert (len(asked), request_threads()) == (1, 1)
        found.set()
        assert wait_until(lambda: request_threads() == 0)


def test_a_connection_made_after_the_deadline_never_carries_the_key(
    injected: Injection, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up, is_over, heard = socket.getaddrinfo, threading.Event(), list[bytes]()

    def late(*name: object, **more: object) -> object:
        is_over.wait(20)
        return look_up(*name, **more)  # type: ignore[arg-type]

    def serve(_source: RawSource, connection: socket.socket, _number: int) -> None:
        heard.append(request_of(connection))

    monkeypatch.setattr(socket, "getaddrinfo", late)
    with raw_source(serve) as source, client_of(source.url) as client:
        seconds_of(ASKED["page"], client)
        is_over.set()
        assert wait_until(lambda: bool(heard))
        injected(happened=bool(heard))
    assert heard == [b""]


def test_a_client_that_is_closed_leaves_nothing_under_way(injected: Injection) -> None:
    def serve(source: RawSource, connection: socket.socket, number: int) -> None:
        request_of(connection)
        if number == 1:
            record = b'{"items":[{}],"count":1,"has_more":true,"next_cursor":"1"}'
            connection.sendall(HEADER + b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(record), record))
            return
        source.drip(connection, STRETCHES["header"]())

    with raw_source(serve) as source:
        with client_of(source.url, attempts=3) as client:
            assert next(client.pages("sales", None)).items == [b"{}"]
            assert wait_until(lambda: source.connections == 2)
        injected(happened=source.connections == 2)
        assert wait_until(lambda: not source.open)
        assert wait_until(lambda: request_threads() == 0)
        assert source.connections == 2
