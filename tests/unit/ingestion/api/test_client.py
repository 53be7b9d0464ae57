"""The client takes whole answers only, asks again where that can help, and keeps the key to itself."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

import httpx
import pytest
import stamina

from ingestion.api.client import SourceClient, retry_after_seconds
from medallion.errors import (
    ConfigurationError,
    NotOffered,
    SourceError,
    SourceRefused,
    SourceUnavailable,
    SourceViolation,
)
from medallion.settings import Settings

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


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(405),
        httpx.Response(501),
        httpx.Response(200, headers=JSON, content=body(1, 3, has_more=False)),
    ],
    ids=["404", "405", "501", "a page"],
)
def test_totals_that_a_source_does_not_offer_are_told_apart_from_a_refusal(answer: httpx.Response) -> None:
    handler = in_turn(answer)
    with pytest.raises(NotOffered):
        client(handler).sales_totals(0, 10)
    assert handler.asked == 1  # type: ignore[attr-defined]


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

    with pytest.raises(SourceUnavailable, match="the answer is incomplete"):
        client(cut).page("sales", None)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(body(1, 3, has_more=False))[:-8], "no end"),
        (gzip.compress(body(1, 3, has_more=False))[:-1], "no end"),
        (gzip.compress(body(1, 3, has_more=False)) + b"\0", "bytes follow"),
        (gzip.compress(body(1, 3, has_more=False)) + gzip.compress(b" "), "bytes follow"),
        (gzip.compress(body(1, 3, has_more=False))[:-8] + b"\0" * 8, "incorrect data check"),
        (b"", "no end"),
        (body(1, 3, has_more=False), "incorrect header"),
    ],
    ids=["no trailer", "cut trailer", "a byte more", "a second member", "wrong checksum", "empty", "not packed"],
)
def test_gzip_that_is_not_one_whole_member_is_asked_for_again(content: bytes, why: str) -> None:
    handler = streaming("gzip", content)
    with pytest.raises(SourceUnavailable, match=f"incomplete: .*{why}"):
        client(handler).page("sales", None)
    assert handler.asked == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZip"])
def test_gzip_is_decoded_however_it_is_cut_on_the_way(encoding: str, size: int) -> None:
    content = gzip.compress(body(1, 2_000, has_more=False))
    pieces = [content[at : at + size] for at in range(0, len(content), size)]
    assert len(client(streaming(encoding, *pieces)).page("sales", None).items) == 2_000


@pytest.mark.parametrize(
    "encoding",
    ["gzip, gzip", "gzip,identity", "identity, gzip", "br", "deflate", "zstd", "compress", "\x1b[2J", "gzip;"],
)
def test_any_other_encoding_is_refused_before_the_body_is_read(encoding: str) -> None:
    read = list[bytes]()

    class Unread(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            read.append(b"")
            yield b""

    def handle(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=JSON | {"content-encoding": encoding}, stream=Unread())

    with pytest.raises(SourceViolation, match="content encoding") as raised:
        client(handle).page("sales", None)
    assert read == []
    assert raised.value.message.isprintable()


def streaming(encoding: str, *pieces: bytes) -> Handler:
    def handle(_request: httpx.Request) -> httpx.Response:
        handle.asked += 1  # type: ignore[attr-defined]
        return httpx.Response(200, headers=JSON | {"content-encoding": encoding}, stream=_Stream(*pieces))

    handle.asked = 0  # type: ignore[attr-defined]
    return handle


class _Stream(httpx.SyncByteStream):
    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces


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
    monkeypatch.setattr("ingestion.api.client.MAX_PAGE_BYTES", 1_000)
    with pytest.raises(SourceViolation, match="larger than 1,000 bytes"):
        client(in_turn(httpx.Response(200, headers=JSON, content=b" " * 2_000))).page("sales", None)


def test_a_pagination_loop_is_stopped() -> None:
    def looping(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("cursor", "0"))
        first = after % 6 + 1
        return httpx.Response(200, headers=JSON, content=body(first, first + 2, has_more=True))

    with pytest.raises(SourceViolation, match="pagination loop"):
        list(client(looping).pages("sales", None))


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
        ("\u00b2", None),
        ("\u0661\u0662", None),
        ("1e9", None),
        ("", None),
        (" ", None),
        ("9" * 400, 1e9),
        ("Fri, 31 Dec 9999 23:59:59 -2359", 251607131939.0),
        ("Mon, 01 Jan 0001 00:00:00 +2359", 0.0),
        ("Sat, 21 Nov 99999 10:01:00 GMT", None),
        ("Sat, 21 Nov 2026 10:01:00 +9999999999", None),
        ("Sat, 21 Nov 2026 99:99:99 GMT", None),
        (",", None),
        ("\x00", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: float | None) -> None:
    now = datetime(2026, 11, 21, 10, 0, tzinfo=timezone.utc)
    assert retry_after_seconds(header, now) == seconds


@pytest.mark.parametrize("wait", ["\u00b2", "-1", "1e9", "", "soon", "Sat, 21 Nov 99999 10:01:00 GMT"])
def test_an_unreadable_wait_leaves_the_retry_to_our_own_backoff(wait: str) -> None:
    unwell = httpx.Response(503, headers=[(b"retry-after", wait.encode("latin-1"))])
    handler = in_turn(unwell, ok())
    assert len(client(handler).page("sales", None).items) == 3
    assert handler.asked == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("cursor", ["", "x" * 70_000, "a\nb", "\x1b[2J", "\x00", "\ud800", "\u202e", "é", "\x7f"])
def test_a_stored_cursor_that_is_none_is_named_with_the_remedy_and_nothing_is_asked(cursor: str) -> None:
    handler = in_turn(ok())
    with pytest.raises(SourceViolation, match=r"customers: the cursor .* is none") as raised:
        list(client(handler).pages("customers", cursor))
    assert "meta.ingestion_state" in raised.value.remedy
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 300
    assert handler.asked == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("cursor", ["x", "9" * 900, "9223372036854775808", "-1"])
def test_a_cursor_of_sales_that_is_no_id_is_refused_whether_stored_or_told(cursor: str) -> None:
    told = b'{"items":[{"sale_id":1}],"count":1,"has_more":true,"next_cursor":"%s"}' % cursor.encode()
    handler = in_turn(httpx.Response(200, headers=JSON, content=told))
    for start, asked in ((cursor, 0), (None, 1)):
        with pytest.raises(SourceViolation, match="is no id"):
            list(client(handler).pages("sales", start, id_key="sale_id"))
        assert handler.asked == asked  # type: ignore[attr-defined]


@pytest.mark.parametrize("asked", ["page", "sales_totals"])
@pytest.mark.parametrize("value", [b"[" * 200_000, b"9" * 5_000, b"1e" + b"9" * 30, b'"\\ud800"', b'"\xff"', b"\xff"])
def test_an_answer_of_strange_values_ends_in_an_error_of_the_source(asked: str, value: bytes) -> None:
    told = b'{"more":%s,"sales":%s,"lines":1,"net_amount":%s,"count":%s}' % (value, value, value, value)
    handler = in_turn(httpx.Response(200, headers=JSON, content=told))
    with pytest.raises(SourceError):
        getattr(client(handler), asked)(*(("sales", None) if asked == "page" else (0, 10)))


HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "a\r\nforged: line", "\x00", "\u2028", "\u202eevil", "x" * 70_000, "\ud800"]


@pytest.mark.parametrize("word", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("asked", ["page", "sales_totals"])
def test_a_hostile_word_of_the_source_is_in_no_message_and_no_line_of_a_log(
    word: str, asked: str, caplog: pytest.LogCaptureFixture
) -> None:
    raw = word.encode("utf-8", errors="surrogatepass")
    told = json.dumps(word).encode()
    answers = [
        httpx.Response(200, headers=[(b"content-type", raw)]),
        httpx.Response(200, headers=[(b"content-type", b"application/json"), (b"content-encoding", b"x" + raw[:100])]),
        httpx.Response(503, headers=[(b"retry-after", raw)]),
        httpx.Response(302, headers=[(b"location", raw)]),
        httpx.Response(200, headers=JSON, content=b'{"items":[{}],"count":1,"has_more":true,"next_cursor":%s}' % told),
        httpx.Response(200, headers=JSON, content=b'{%s:1,"items":[{}],"count":%s}' % (told, told)),
        httpx.Response(200, headers=JSON, content=b'{"sales":%s,"lines":1,"net_amount":%s}' % (told, told)),
        httpx.Response(200, headers=JSON, content=raw),
    ]
    for answer in answers if word != "\ud800" else answers[4:]:
        with pytest.raises(SourceError) as raised:
            getattr(client(in_turn(answer)), asked)(*(("sales", None) if asked == "page" else (0, 10)))
        said = [raised.value.message, raised.value.remedy, *(one.getMessage() for one in caplog.records)]
        assert [text for text in said if not text.isprintable() or len(text) > 2_100] == []


@pytest.mark.parametrize("key", ["a\nb", "clé", "\x00"])
def test_a_key_that_no_header_may_carry_is_a_configuration_error_that_does_not_show_it(key: str) -> None:
    with pytest.raises(ConfigurationError, match="SOURCE_API_KEY") as raised:
        SourceClient(Settings(source_api_url="http://source.test", source_api_key=key))
    assert key not in str(raised.value)


def test_no_cookie_of_the_source_is_kept() -> None:
    seen = list[httpx.Headers]()

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, headers=JSON | {"set-cookie": "a=b; Path=/"}, content=ok().content)

    with client(handle) as one:
        one.page("sales", None)
        one.page("sales", None)
    assert ["cookie" in headers for headers in seen] == [False, False]


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
