"""The client takes whole answers only, asks again where that can help, and keeps the key to itself."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import httpx
import pytest
import stamina

from ingestion.client import SourceClient, retry_after_seconds
from loaders.config import Settings
from loaders.errors import ConfigurationError, SourceRefused, SourceUnavailable, SourceViolation

JSON = {"content-type": "application/json"}
KEY = "a-secret-key"
Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """Retries as often as in production, without the waits between them."""
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


def client(handler: Handler, *, url: str = "http://source.test", **settings: object) -> SourceClient:
    values = {"source_api_url": url, "source_api_key": KEY} | settings
    return SourceClient(Settings(**values), transport=httpx.MockTransport(handler))


def body(first: int, last: int, *, has_more: bool) -> bytes:
    items = b",".join(b'{"sale_id":%d}' % number for number in range(first, last + 1))
    return b'{"items":[%s],"count":%d,"has_more":%s,"next_cursor":"%d"}' % (
        items,
        last - first + 1,
        b"true" if has_more else b"false",
        last,
    )


def ten_by_three(request: httpx.Request) -> httpx.Response:
    after = int(request.url.params.get("cursor", "0"))
    last = min(after + 3, 10)
    if after >= 10:
        return httpx.Response(200, headers=JSON, content=b'{"items":[],"count":0,"has_more":false,"next_cursor":null}')
    return httpx.Response(200, headers=JSON, content=body(after + 1, last, has_more=last < 10))


def in_turn(*answers: httpx.Response | Exception) -> Handler:
    """Gives each answer once, the last one for ever; counts in `.asked`."""
    left = list(answers)

    def handle(_request: httpx.Request) -> httpx.Response:
        handle.asked += 1  # type: ignore[attr-defined]
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    handle.asked = 0  # type: ignore[attr-defined]
    return handle


def ok() -> httpx.Response:
    return httpx.Response(200, headers=JSON, content=body(1, 3, has_more=False))


def test_pages_are_followed_to_the_end() -> None:
    pages = list(client(ten_by_three).pages("sales", None))
    assert [len(page.items) for page in pages] == [3, 3, 3, 1]
    assert [page.next_cursor for page in pages] == ["3", "6", "9", "10"]


def test_nothing_behind_the_cursor_gives_no_page() -> None:
    assert list(client(ten_by_three).pages("sales", "10")) == []


def test_the_key_travels_in_its_header_and_never_in_the_address() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return ok()

    client(handle).page("sales", None)
    assert seen[0].headers["x-api-key"] == KEY
    assert KEY not in str(seen[0].url)


@pytest.mark.parametrize(
    "bad",
    [
        httpx.Response(503),
        httpx.Response(429, headers={"retry-after": "0"}),
        httpx.Response(200, headers={"content-type": "text/html"}, content=b"<html></html>"),
        httpx.Response(200, headers=JSON, content=b""),
        httpx.Response(200, headers=JSON, content=body(1, 3, has_more=False)[:-5]),
        httpx.Response(200, headers=JSON, content=b'{"items":[],"count":1,"has_more":false,"next_cursor":null}'),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection"),
    ],
    ids=str,
)
def test_an_answer_that_is_not_whole_is_asked_for_again(bad: httpx.Response | Exception) -> None:
    handler = in_turn(bad, ok())
    assert len(client(handler).page("sales", None).items) == 3
    assert handler.asked == 2  # type: ignore[attr-defined]


def test_a_source_that_stays_unwell_ends_in_a_clear_error() -> None:
    handler = in_turn(httpx.Response(503))
    with pytest.raises(SourceUnavailable, match=r"GET http://source.test/sales .* status 503"):
        client(handler).page("sales", None)
    assert handler.asked == 3  # type: ignore[attr-defined]


def test_a_truncated_gzip_body_is_not_taken_for_whole() -> None:
    packed = gzip.compress(body(1, 3, has_more=False))

    def cut(_request: httpx.Request) -> httpx.Response:
        headers = JSON | {"content-encoding": "gzip"}
        return httpx.Response(200, headers=headers, stream=_Stream(packed[:-12]))

    with pytest.raises(SourceUnavailable, match="the answer is not whole"):
        client(cut).page("sales", None)


class _Stream(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not_asked_for_again(status: int) -> None:
    handler = in_turn(httpx.Response(status))
    with pytest.raises(SourceRefused, match=f"status {status}"):
        client(handler).page("sales", None)
    assert handler.asked == 1  # type: ignore[attr-defined]


def test_a_redirect_is_refused_and_not_followed() -> None:
    handler = in_turn(httpx.Response(307, headers={"location": "http://elsewhere.test/sales"}))
    with pytest.raises(SourceViolation, match="redirected"):
        client(handler).page("sales", None)
    assert handler.asked == 1  # type: ignore[attr-defined]


def test_an_answer_without_end_stops_at_the_size_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion.client.MAX_PAGE_BYTES", 1_000)
    with pytest.raises(SourceViolation, match="larger than 1,000 bytes"):
        client(in_turn(httpx.Response(200, headers=JSON, content=b" " * 2_000))).page("sales", None)


def test_pages_that_run_in_a_circle_are_stopped() -> None:
    def circle(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("cursor", "0"))
        first = after % 6 + 1
        return httpx.Response(200, headers=JSON, content=body(first, first + 2, has_more=True))

    with pytest.raises(SourceViolation, match="circle"):
        list(client(circle).pages("sales", None))


def test_a_wait_longer_than_the_time_for_retries_is_not_waited() -> None:
    handler = in_turn(httpx.Response(429, headers={"retry-after": "3600"}))
    with pytest.raises(SourceUnavailable, match="asks to wait 3600 s"):
        client(handler).page("sales", None)
    assert handler.asked == 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("Sat, 21 Nov 2026 10:01:00 GMT", 60.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    now = datetime(2026, 11, 21, 10, 0, tzinfo=timezone.utc)
    assert retry_after_seconds(header, now) == seconds


@pytest.mark.parametrize(
    ("url", "encoding"),
    [
        ("http://127.0.0.1:4010", "identity"),
        ("http://localhost", "identity"),
        ("https://source.test", "gzip"),
    ],
)
def test_compression_is_asked_for_on_a_network_only(url: str, encoding: str) -> None:
    seen: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["accept-encoding"])
        return ok()

    client(handle, url=url).page("sales", None)
    assert seen == [encoding]


def test_a_missing_address_or_key_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="SOURCE_API_URL is not set"):
        SourceClient(Settings(source_api_key="k"))
    with pytest.raises(ConfigurationError, match="SOURCE_API_KEY is not set"):
        SourceClient(Settings(source_api_url="http://source.test"))
