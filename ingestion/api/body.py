"""The body of an answer, decoded: bounded in memory, in size and in time, whatever the source sends.

httpx would decode every encoding that a header names, nested, and each chunk completely: a few kilobytes can expand to
gigabytes. So the bytes are taken as they come, in one encoding at most, and no more is decoded than may be kept.
"""

from __future__ import annotations

import io
import time
import zlib
from typing import TYPE_CHECKING, cast

from medallion.errors import AnswerNotWhole, SourceUnavailable, SourceViolation
from medallion.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import httpx

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")  # RFC 9110, section 8.4.1.3: one and the same
_WITH_GZIP_HEADER = 16 + zlib.MAX_WBITS
_STEP_BYTES = 1_000_000  # decoded at a time


def read_body(response: httpx.Response, subject: str, *, most: int, deadline: float) -> bytes:
    """The decoded body, of at most `most` bytes, which must end before `deadline` of the monotonic clock.

    Raises SourceViolation for a body that is too large or in another encoding than a single gzip, SourceUnavailable for
    a body that is incomplete or late, and what httpx raises for the connection.
    """
    gzip = _Gzip() if _is_gzip(response, subject) else None
    whole, came = io.BytesIO(), 0  # its value is the bytes themselves, not a copy
    for chunk in cast("httpx.SyncByteStream", response.stream):
        came += len(chunk)
        for piece in _decoded(gzip, chunk, subject):
            whole.write(piece)
            if whole.tell() > most:
                raise _too_large(subject, most)
        if came > most:  # though little or nothing of it may have been decoded
            raise _too_large(subject, most)
        if time.monotonic() > deadline:
            raise out_of_time(subject, f" ({came:,} bytes came)")
    if gzip and not gzip.is_whole:
        reason = "bytes follow the gzip stream" if gzip.more else "the gzip stream has no end"
        raise AnswerNotWhole(subject=subject, reason=reason)
    return whole.getvalue()


def out_of_time(subject: str, came: str = "") -> SourceUnavailable:
    """The error for an answer that takes too long."""
    return SourceUnavailable(
        f"{subject}: the answer did not end in time{came}",
        remedy="raise SOURCE_RETRY_SECONDS or lower SOURCE_PAGE_SIZE, or see what holds the source up",
    )


class _Gzip:
    """One gzip member. A body with a second member, or anything else after the first, is refused."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_WITH_GZIP_HEADER)
        self.more = False

    @property
    def is_whole(self) -> bool:
        """Whether the member ended with its checksum and nothing followed."""
        return self._stream.eof and not self.more

    def decode(self, chunk: bytes) -> Iterator[bytes]:
        """The chunk decoded, in pieces of bounded size. Raises zlib.error."""
        while not self._stream.eof:
            piece = self._stream.decompress(chunk, _STEP_BYTES)
            yield piece
            chunk = self._stream.unconsumed_tail
            if not chunk and len(piece) < _STEP_BYTES:
                break
        self.more = self.more or bool(self._stream.unused_data or chunk)


def _decoded(gzip: _Gzip | None, chunk: bytes, subject: str) -> Iterable[bytes]:
    return _unpacked(gzip, chunk, subject) if gzip else (chunk,)


def _unpacked(gzip: _Gzip, chunk: bytes, subject: str) -> Iterator[bytes]:
    try:
        yield from gzip.decode(chunk)
    except zlib.error as error:
        raise AnswerNotWhole(subject=subject, reason=f"gzip: {error}") from error


def _is_gzip(response: httpx.Response, subject: str) -> bool:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in _PLAIN or encoding in _GZIP:
        return encoding in _GZIP
    raise SourceViolation(
        f"{subject}: content encoding '{shown(encoding)}': only gzip, once, or none is taken",
        remedy="have the source, or the proxy before it, send the answer as it was asked for",
    )


def _too_large(subject: str, most: int) -> SourceViolation:
    return SourceViolation(
        f"{subject}: the answer is larger than {most:,} bytes",
        remedy="lower SOURCE_PAGE_SIZE, or have the source send smaller pages",
    )
