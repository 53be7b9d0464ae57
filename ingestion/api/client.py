"""The HTTP client of the source API: it returns complete pages only.

The source is not trusted. An answer counts when it is complete: status 200, JSON, every announced byte, as many
records as it says. Anything less is requested again, with backoff and jitter from stamina and the source's own
Retry-After, until the time for a page is spent; a wrong key or a broken contract stops at once. While a page is being
written, the next one is already being fetched.
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
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import stamina
import stamina.instrumentation

from ingestion.api.body import out_of_time, read_body
from ingestion.api.lane import Lanes, OutOfTime
from ingestion.api.pages import decode_page, decode_record_totals, decode_totals
from ingestion.record_ids import id_of, id_of_cursor, ids_of
from ingestion.source import Page, check_cursor
from medallion.errors import (
    AnswerNotWhole,
    ConfigurationError,
    KeyRefused,
    RequestRefused,
    ResourceNotOffered,
    RetailError,
    SourceRefused,
    SourceUnavailable,
    SourceViolation,
    TotalsWrong,
)
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType
    from typing import Any, TypeVar

    from stamina.instrumentation import RetryDetails

    from ingestion.api.lane import Lane
    from medallion.settings import Settings
    from medallion.state.reconciliation import RecordTotals, Totals, Window

    Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

MAX_PAGE_BYTES = 256_000_000
MAX_SOURCE_ID = 200
LONGEST_WAIT_SECONDS = 30.0
_LONGEST_RETRY_AFTER = 10**9  # seconds: longer than any run waits, and still printable
_ABSENT = (httpx.codes.NOT_FOUND, httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.GONE, httpx.codes.NOT_IMPLEMENTED)
_BUSY = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY)


class SourceClient:
    """Reads pages over one kept-alive connection. `transport` is the seam for a server that misbehaves."""

    def __init__(self, settings: Settings, *, transport: httpx.BaseTransport | None = None) -> None:
        self.base_url, key = settings.require_source()
        if not (key.isascii() and key.isprintable()):
            raise ConfigurationError(
                "SOURCE_API_KEY holds characters that no header may carry", remedy="set SOURCE_API_KEY to the key alone"
            )
        self.source_id: str | None = None  # as the last answer says in X-Source-Id
        self._settings = settings
        is_near = _is_loopback(self.base_url)
        is_plain = is_near and self.base_url.startswith("http:")  # without TLS no certificates are read
        options: dict[str, Any] = {
            "base_url": self.base_url,
            "headers": {
                "X-API-Key": key,
                "Accept": "application/json",
                "Accept-Encoding": _encoding(self.base_url),
            },
            "follow_redirects": False,
            "trust_env": not is_near,  # no proxy for this machine itself
            "verify": False if is_plain else httpx.create_ssl_context(trust_env=not is_near),
            "transport": transport,
        }
        self._lanes = Lanes(lambda: httpx.Client(cookies=_no_cookies(), **options))

    def __enter__(self) -> SourceClient:  # noqa: PYI034 - typing has Self from 3.11 on
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lanes.close()

    def pages(
        self, resource: str, cursor: str | None, *, up_to: int | None = None, id_key: str | None = None
    ) -> Iterator[Page]:
        """Every page after `cursor` that has records, in order, up to the source's end or the id `up_to`.

        `id_key` is the member that a listing by id is ordered by: its cursors are ids. Raises SourceUnavailable,
        SourceRefused or SourceViolation.
        """
        _check_cursor(resource, cursor, id_key)
        seen = {cursor}
        coming = self._page_ahead(resource, cursor, up_to)
        while (page := coming.result()).items:
            following = _cursor_after(resource, page, id_key)
            if following in seen and (page.has_more or following == page.next_cursor):
                raise _stuck(resource, following)
            seen.add(following)
            if page.has_more:
                coming = self._page_ahead(resource, following, up_to)
            yield page
            if not page.has_more:
                return

    @property
    def page_size(self) -> int:
        """Records asked for per page."""
        return self._settings.source_page_size

    def page(self, resource: str, cursor: str | None, up_to: int | None = None, *, limit: int | None = None) -> Page:
        """The page after `cursor` (None: the first), requested until it is complete. `limit`: page_size or less."""
        params = {"limit": str(limit or self.page_size)} | ({} if cursor is None else {"cursor": cursor})
        if up_to is not None:
            params["up_to"] = str(up_to)
        subject = f"GET {self.base_url}/{resource} (cursor {shown(cursor)})"
        return self._whole(f"/{resource}", params, subject, decode_page)

    def sales_totals(self, after: int, up_to: int) -> Totals:
        """The source's control totals of the sales above `after`, up to and including `up_to`.

        Raises NotOffered when the source has none, otherwise as `pages`.
        """
        return self.totals_with_lines("sales", after, up_to)

    def totals_with_lines(self, resource: str, after: int, up_to: int) -> Totals:
        """As `sales_totals`, for any resource whose records have lines with amounts."""
        params = {"after": str(after), "up_to": str(up_to)}
        subject = f"GET {self.base_url}/{resource}/totals ({after} to {up_to})"
        totals = self._whole(f"/{resource}/totals", params, subject, decode_totals)
        _check_count(subject, totals.sales, up_to - after)
        return totals

    def record_totals(self, resource: str, window: Window) -> RecordTotals:
        """The source's control totals of the records of the window. Raises as `sales_totals`."""
        params = window.params()
        subject = f"GET {self.base_url}/{resource}/totals ({params})"
        totals = self._whole(f"/{resource}/totals", params, subject, decode_record_totals)
        if window.up_to is not None:
            _check_count(subject, totals.count, window.up_to - window.after)
        return totals

    def _whole(self, path: str, params: dict[str, str], subject: str, decode: Callable[[bytes], Answer]) -> Answer:
        """The answer, decoded by `decode`, requested until it is complete or the time for it is spent."""
        deadline = time.monotonic() + self._settings.source_retry_seconds
        attempts = stamina.retry_context(
            on=lambda error: self._worth_another_try(error, deadline),
            attempts=self._settings.source_retry_attempts,
            timeout=self._settings.source_retry_seconds,
            wait_max=LONGEST_WAIT_SECONDS,
        )
        for attempt in attempts:
            with attempt:
                body = self._body(path, params, subject, deadline)
                try:
                    return decode(body)
                except (ValueError, ArithmeticError, RecursionError) as error:
                    raise AnswerNotWhole(subject=subject, reason=shown(error, 300)) from error
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _page_ahead(self, resource: str, cursor: str | None, up_to: int | None) -> Future[Page]:
        """A page being fetched, in a daemon thread that does not keep a stopped step alive.

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

    def _worth_another_try(self, error: Exception, deadline: float) -> bool | float:
        """Stamina's backoff hook: False to stop, True for its own backoff, or seconds to wait."""
        if not isinstance(error, SourceUnavailable) or self._lanes.is_closed:
            return False
        left = deadline - time.monotonic()
        if left <= 0 or (error.retry_after or 0) > left:
            return False
        return error.retry_after or True  # "at once" means stamina's own backoff

    def _body(self, path: str, params: dict[str, str], subject: str, deadline: float) -> bytes:
        """The body of one answer with status 200, in one attempt that ends at `deadline`."""

        def ask(lane: Lane) -> bytes:
            wait = min(self._settings.source_request_timeout_seconds, max(0.001, deadline - time.monotonic()))
            trace = {"trace": lane.on_event}
            with lane.http.stream("GET", path, params=params, timeout=wait, extensions=trace) as response:
                _check_status(response, subject)
                self.source_id = _source_id(response, subject)
                return read_body(response, subject, most=MAX_PAGE_BYTES, deadline=deadline)

        try:
            return self._lanes.run(ask, deadline)
        except OutOfTime as error:
            raise out_of_time(subject) from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise SourceUnavailable(
                f"{subject}: {type(error).__name__}: {shown(error, 200)}",
                remedy="check that the source API runs and is reachable at SOURCE_API_URL",
            ) from error


def _log_wait(details: RetryDetails) -> None:
    """Log once, with what went wrong, that a request is about to wait."""
    error = details.caused_by
    cause = error.message if isinstance(error, RetailError) else type(error).__name__
    log.warning("source: %s; attempt %d in %.1f s", cause, details.retry_num + 1, details.wait_for)


stamina.instrumentation.set_on_retry_hooks([_log_wait])


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header, a number or a date; None when unreadable.

    Source: RFC 9110, section 10.2.3.
    """
    if value is None:
        return None
    seconds = value.strip()
    if seconds.isascii() and seconds.isdecimal():
        return min(float(seconds), _LONGEST_RETRY_AFTER)
    with suppress(ValueError, TypeError, ArithmeticError, LookupError):
        at = parsedate_to_datetime(value)
        return max(0.0, (at.replace(tzinfo=at.tzinfo or timezone.utc) - now).total_seconds())
    return None


def _no_cookies() -> CookieJar:
    """A jar that neither stores nor sends cookies, as they are not part of the contract."""
    return CookieJar(DefaultCookiePolicy(netscape=False, rfc2965=False))


def _encoding(base_url: str) -> str:
    """The Accept-Encoding: compression pays on a network; on this machine it only costs processor time."""
    return "identity" if _is_loopback(base_url) else "gzip"


def _is_loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def _source_id(response: httpx.Response, subject: str) -> str | None:
    """The name that the source gives itself, or None."""
    name = response.headers.get("x-source-id")
    if name is not None and not (len(name) <= MAX_SOURCE_ID and name.isascii() and name.isprintable()):
        raise SourceViolation(
            f"{subject}: the header X-Source-Id is longer than {MAX_SOURCE_ID} characters, or not printable",
            remedy="have the source fixed; nothing of the answer was kept",
        )
    return name or None


def _check_status(response: httpx.Response, subject: str) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        content_type = response.headers.get("content-type", "")
        if not content_type.startswith("application/json"):
            raise SourceUnavailable(
                f"{subject}: content type '{shown(content_type) or 'missing'}' instead of application/json",
                remedy="check that SOURCE_API_URL is the source API, and not a login page or a proxy",
            )
        return
    if status in _BUSY or (response.is_server_error and status not in _ABSENT):
        wait = retry_after_seconds(response.headers.get("retry-after"), datetime.now(timezone.utc))
        raise SourceUnavailable(
            f"{subject}: status {status}{f', asks to wait {wait:.0f} s' if wait is not None else ''}",
            remedy="the source is overloaded or down; the next run resumes from the watermark",
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
        return KeyRefused(subject=subject, status=status)
    refusal = ResourceNotOffered if status in _ABSENT else RequestRefused
    return refusal(subject=subject, status=status)


def _check_count(subject: str, count: int, ids: int) -> None:
    """Raise unless at most one record is counted per id: with more, halving the range would never end."""
    if count > ids:
        raise TotalsWrong(f"{subject}: {count:,} records in {ids:,} ids")


def _check_cursor(resource: str, cursor: str | None, id_key: str | None) -> None:
    check_cursor(resource, cursor)
    if cursor is not None and id_key is not None:
        id_of_cursor(resource, cursor)


def _cursor_after(resource: str, page: Page, id_key: str | None) -> str | None:
    """The cursor of the next request: the source's own. Raises SourceViolation for one that is not a cursor.

    After a record without a readable id, that cursor may be made from the record and lead anywhere. Then the last
    readable id of the page is used instead, so that such records are listed again and none is passed over.
    """
    if id_key is not None and id_of(id_key, page.items[-1]) is None:
        readable = next((one for one in reversed(ids_of(id_key, page.items)) if one is not None), None)
        return page.next_cursor if readable is None else str(readable)
    _check_cursor(resource, page.next_cursor, id_key)
    return page.next_cursor


def _stuck(resource: str, cursor: str | None) -> SourceViolation:
    return SourceViolation(
        f"/{resource}: the cursor {shown(cursor)} came a second time, which is a pagination loop",
        remedy="what whole parts came before it is kept; have the source fixed, then run again",
    )
