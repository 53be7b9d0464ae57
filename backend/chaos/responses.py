"""What becomes of an answer on its way: the faults of servers, networks and pagers, between app and caller.

Whether request number n to a path is struck, by what and how, is a draw from the seed, the path and n. The
count is kept per path, so that collectors at work side by side do not change each other's fate.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fastapi.responses import HTMLResponse, JSONResponse, Response

from backend.http.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATHS = ("/customers", "/products", "/stores", "/sales", "/sales/totals")
IN_TRANSIT = ("rate-limits", "errors", "slow", "truncated", "duplicate-pages", "reordered")
LONGEST_PAUSE_SECONDS = 3.0
_LONGEST_RETRY_AFTER = 2  # seconds
_PIECES = 4

log = logging.getLogger("uvicorn.error")


@dataclass(frozen=True)
class Strike:
    """A fault that strikes a request; `bits` decide how."""

    fault: str
    bits: int


def strike(faults: Mapping[str, float], seed: int, path: str, number: int) -> Strike | None:
    """What strikes request `number` to `path`, if anything: the first of the faults in their fixed order."""
    for fault in IN_TRANSIT:
        drawn = hashlib.blake2b(f"{seed} {fault} {path} {number}".encode(), digest_size=16).digest()
        if int.from_bytes(drawn[:8], "big") < faults.get(fault, 0.0) * 2**64:
            return Strike(fault, int.from_bytes(drawn[8:], "big"))
    return None


@dataclass(frozen=True)
class _Answer:
    """A whole answer of the app."""

    start: Message
    body: bytes

    @property
    def is_page(self) -> bool:
        return self.start["status"] == 200 and self.body.startswith(b'{"items":')  # noqa: PLR2004 - OK

    def with_body(self, body: bytes) -> _Answer:
        headers = [(name, value) for name, value in self.start["headers"] if name != b"content-length"]
        start = {**self.start, "headers": [*headers, (b"content-length", str(len(body)).encode())]}
        return replace(self, start=start, body=body)

    async def send(self, send: Send) -> None:
        await send(self.start)
        await send({"type": "http.response.body", "body": self.body})


class Misbehaviour:
    """Middleware that strikes the share of requests that `faults` asks for, and counts in `struck` what it did."""

    def __init__(self, app: ASGIApp, *, faults: Mapping[str, float], seed: int, struck: Counter[str]) -> None:
        self._app, self._faults, self._seed, self._struck = app, faults, seed, struck
        self._requests: Counter[str] = Counter()
        self._pages: dict[str, _Answer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of data by its fate; any other as ever."""
        path = scope.get("path", "")
        if scope["type"] != "http" or path not in PATHS:
            await self._app(scope, receive, send)
            return
        self._requests[path] += 1
        number = self._requests[path]
        struck = strike(self._faults, self._seed, path, number)
        if struck is None:
            await (await self._answer(scope, receive)).send(send)
            return
        self._struck[struck.fault] += 1
        log.info("chaos: request %d of %s: %s", number, path, struck.fault)
        await self._misbehave(struck, scope, receive, send)

    async def _misbehave(self, struck: Strike, scope: Scope, receive: Receive, send: Send) -> None:
        if struck.fault == "rate-limits":
            await _too_many(struck.bits, scope["path"])(scope, receive, send)
        elif struck.fault == "errors":
            await _unwell(struck.bits, scope["path"])(scope, receive, send)
        else:
            before = self._pages.get(scope["path"])
            answer = await self._answer(scope, receive)
            if struck.fault == "slow":
                await _drip(answer, struck.bits, send)
            elif struck.fault == "truncated":
                await _cut(answer, struck.bits, send)
            elif struck.fault == "duplicate-pages":
                await (before or answer).send(send)
            else:
                await _reordered(answer, struck.bits).send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        """What the app answers, whole; a page is kept, to be sent a second time."""
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._app(scope, receive, keep)
        answer = _Answer(messages[0], b"".join(message.get("body", b"") for message in messages[1:]))
        if answer.is_page and "duplicate-pages" in self._faults:
            self._pages[scope["path"]] = answer
        return answer


def _problem(path: str, status: int, title: str, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "detail": "On demand.", "instance": path}
    return JSONResponse(body, status, headers, media_type=MEDIA_TYPE)


def _too_many(bits: int, path: str) -> Response:
    """429, as often without a Retry-After as with each of its values."""
    wait = bits % (_LONGEST_RETRY_AFTER + 2)
    headers = {"Retry-After": str(wait)} if wait <= _LONGEST_RETRY_AFTER else None
    return _problem(path, 429, "Too Many Requests", headers)


def _unwell(bits: int, path: str) -> Response:
    """A server error; a gateway's comes as HTML, as gateways do."""
    status = (500, 502, 503, 504)[bits % 4]
    if status in (502, 504):
        return HTMLResponse("<html><body><h1>Bad Gateway</h1></body></html>", status)
    return _problem(path, status, "Service Unavailable", {"Retry-After": "1"} if status == 503 else None)  # noqa: PLR2004


async def _drip(answer: _Answer, bits: int, send: Send) -> None:
    """The answer in pieces, with a pause before each."""
    pause = LONGEST_PAUSE_SECONDS * (50 + bits % 51) / 100 / _PIECES
    size = len(answer.body) // _PIECES + 1
    await send(answer.start)
    for place in range(_PIECES):
        await asyncio.sleep(pause)
        piece = answer.body[place * size : (place + 1) * size]
        await send({"type": "http.response.body", "body": piece, "more_body": place < _PIECES - 1})


async def _cut(answer: _Answer, bits: int, send: Send) -> None:
    """The answer cut: on the wire, before it is measured, or of a record that its count still counts."""
    part = answer.body[: len(answer.body) * (1 + bits // 3 % 98) // 100]
    if bits % 3 == 0:
        await send(answer.start)  # it announces all the bytes; the server hangs up after these
        await send({"type": "http.response.body", "body": part, "more_body": True})
    elif bits % 3 == 1 or not answer.is_page:
        await answer.with_body(part).send(send)
    else:
        page = json.loads(answer.body)
        await answer.with_body(_json(page | {"items": page["items"][:-1]})).send(send)


def _reordered(answer: _Answer, bits: int) -> _Answer:
    if not answer.is_page:
        return answer
    page = json.loads(answer.body)
    random.Random(bits).shuffle(page["items"])  # noqa: S311 - seeded on purpose
    return answer.with_body(_json(page))


def _json(page: object) -> bytes:
    return json.dumps(page, separators=(",", ":")).encode()
