"""The only HTTP of the pipeline: pages of the source API, and nothing half-read.

The source is not trusted. An answer counts when it is whole: status 200, JSON, every byte announced, as
many records as it says. Anything less is asked for again, with backoff and jitter from stamina and the
source's own Retry-After, until the time for retries is spent; a wrong key or a broken contract stops at
once. While a page is being written the next one is already on its way.
"""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import stamina
import stamina.instrumentation

from ingestion.pages import Page, decode_page, decode_totals
from loaders.errors import SourceRefused, SourceUnavailable, SourceViolation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import TypeVar

    from loaders.config import Settings
    from loaders.reconciliation import Totals

    Answer = TypeVar("Answer")

log = logging.getLogger(__name__)
stamina.instrumentation.set_on_retry_hooks([])  # each retry is logged once, below, with what went wrong

MAX_PAGE_BYTES = 256_000_000
LONGEST_WAIT_SECONDS = 30.0
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY)


class SourceClient:
    """Reads pages over one kept-alive connection. `transport` is the seam for a server that misbehaves."""

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url, key = settings.require_source()
        is_near = _is_loopback(self.base_url)
        self._settings = settings
        self._http = httpx.Client(
            base_url=self.base_url,
            headers={
                "X-API-Key": key,
                "Accept": "application/json",
                "Accept-Encoding": _encoding(self.base_url),
            },
            timeout=settings.source_request_timeout_seconds,
            follow_redirects=False,
            trust_env=not is_near,  # no proxy stands before this very machine
            verify=not (is_near and self.base_url.startswith("http:")),  # where no TLS is, certificates need no reading
            transport=transport,
        )

    def __enter__(self) -> SourceClient:  # noqa: PYI034 - typing has Self from 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def pages(self, resource: str, cursor: str | None, *, up_to: int | None = None) -> Iterator[Page]:
        """Every page behind `cursor` that has records, in order, up to the source's end or the id `up_to`.

        Raises SourceUnavailable, SourceRefused or SourceViolation.
        """
        seen = {cursor}
        coming = self._page_ahead(resource, cursor, up_to)
        while (page := coming.result()).items:
            if page.next_cursor in seen:
                raise _stuck(resource, page.next_cursor)
            seen.add(page.next_cursor)
            if page.has_more:
                coming = self._page_ahead(resource, page.next_cursor, up_to)
            yield page
            if not page.has_more:
                return

    @property
    def page_size(self) -> int:
        """Records asked for per page."""
        return self._settings.source_page_size

    def page(self, resource: str, cursor: str | None, up_to: int | None = None, *, limit: int | None = None) -> Page:
        """The page behind `cursor` (None: the first), asked for again until it is whole. `limit`: page_size or less."""
        params = {"limit": str(limit or self.page_size)} | ({"cursor": cursor} if cursor else {})
        if up_to is not None:
            params["up_to"] = str(up_to)
        subject = f"GET {self.base_url}/{resource} (cursor {cursor})"
        return self._whole(f"/{resource}", params, subject, decode_page)

    def sales_totals(self, after: int, up_to: int) -> Totals:
        """The source's control totals of the sales above `after`, up to and including `up_to`."""
        params = {"after": str(after), "up_to": str(up_to)}
        subject = f"GET {self.base_url}/sales/totals ({after} to {up_to})"
        return self._whole("/sales/totals", params, subject, decode_totals)

    def _whole(self, path: str, params: dict[str, str], subject: str, decode: Callable[[bytes], Answer]) -> Answer:
        """What `decode` makes of the answer, asked for again until it is whole."""
        attempts = stamina.retry_context(
            on=self._worth_another_try,
            attempts=self._settings.source_retry_attempts,
            timeout=self._settings.source_retry_seconds,
            wait_max=LONGEST_WAIT_SECONDS,
        )
        for attempt in attempts:
            with attempt:
                body = self._body(path, params, subject)
                try:
                    return decode(body)
                except ValueError as error:
                    raise SourceUnavailable(
                        f"{subject}: the answer is not whole: {error}",
                        remedy="nothing of it was kept; see the source's own log for that request",
                    ) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _page_ahead(self, resource: str, cursor: str | None, up_to: int | None) -> Future[Page]:
        """A page on its way, in a thread that is no reason to go on when the step is told to stop.

        An executor's threads are joined at the end, so a source that hangs would keep the process alive.
        """
        coming: Future[Page] = Future()

        def fetch() -> None:
            try:
                coming.set_result(self.page(resource, cursor, up_to))
            except BaseException as error:  # noqa: BLE001 - raised again where the page is asked for
                coming.set_exception(error)

        threading.Thread(target=fetch, name=f"pages-{resource}", daemon=True).start()
        return coming

    def _worth_another_try(self, error: Exception) -> bool | float:
        """Stamina's backoff hook: False to stop, True for its own backoff, or seconds to wait."""
        if not isinstance(error, SourceUnavailable):
            return False
        log.warning("source: %s; trying again", error.message)
        if error.retry_after is None:
            return True
        if error.retry_after > self._settings.source_retry_seconds:
            return False
        return error.retry_after or True  # "at once" leaves it to our own backoff

    def _body(self, path: str, params: dict[str, str], subject: str) -> bytes:
        """The body of one answer with status 200, in one attempt."""
        deadline = time.monotonic() + self._settings.source_retry_seconds
        try:
            with self._http.stream("GET", path, params=params) as response:
                _check_status(response, subject)
                return _read_whole(response, subject, deadline)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise SourceUnavailable(
                f"{subject}: {type(error).__name__}: {error}",
                remedy="check that the source API runs and is reachable at SOURCE_API_URL",
            ) from error


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, a number or a date; None when unreadable.

    Source: RFC 9110, section 10.2.3.
    """
    if value is None:
        return None
    if value.strip().isdigit():
        return float(value)
    with suppress(ValueError):
        at = parsedate_to_datetime(value)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or timezone.utc) - now).total_seconds())
    return None


def _encoding(base_url: str) -> str:
    """Compression pays on a network; on this very machine it only costs processor time."""
    return "identity" if _is_loopback(base_url) else "gzip"


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _check_status(response: httpx.Response, subject: str) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("application/json"):
            raise SourceUnavailable(
                f"{subject}: content type {content_type or 'missing'!r} instead of application/json",
                remedy="check that SOURCE_API_URL is the source API and no login page or proxy",
            )
        return
    if status in _BUSY or response.is_server_error:
        wait = retry_after_seconds(response.headers.get("retry-after"), datetime.now(timezone.utc))
        raise SourceUnavailable(
            f"{subject}: status {status}{f', asks to wait {wait:.0f} s' if wait is not None else ''}",
            remedy="the source is overloaded or down; the next run carries on from the watermark",
            retry_after=wait,
        )
    if response.is_redirect:
        raise SourceViolation(
            f"{subject}: redirected, which is refused: the key goes to no other address",
            remedy="set SOURCE_API_URL to the final address of the source API",
        )
    raise _refused(status, subject)


def _refused(status: int, subject: str) -> SourceRefused:
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return SourceRefused(
            f"{subject}: status {status}: the key is missing, wrong or revoked", remedy="set SOURCE_API_KEY"
        )
    return SourceRefused(
        f"{subject}: status {status}: the source refuses the request",
        remedy="check SOURCE_API_URL and the stored cursor (./retail status)",
    )


def _read_whole(response: httpx.Response, subject: str, deadline: float) -> bytes:
    """The decoded body; bounded in size, so that it cannot fill memory, and in time, against a slow drip."""
    chunks, size = [], 0
    for chunk in response.iter_bytes():
        size += len(chunk)
        if size > MAX_PAGE_BYTES:
            raise SourceViolation(
                f"{subject}: the answer is larger than {MAX_PAGE_BYTES:,} bytes",
                remedy="lower SOURCE_PAGE_SIZE, or have the source send smaller pages",
            )
        if time.monotonic() > deadline:
            raise SourceUnavailable(
                f"{subject}: the answer did not end in time ({size:,} bytes came)",
                remedy="raise SOURCE_RETRY_SECONDS or lower SOURCE_PAGE_SIZE",
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _stuck(resource: str, cursor: str | None) -> SourceViolation:
    return SourceViolation(
        f"/{resource}: the cursor {cursor} came a second time: the pages run in a circle",
        remedy="what whole parts came before it is kept; have the source mended, then run again",
    )
