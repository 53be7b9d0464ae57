"""How many requests a key may make: a bucket of tokens per key, in the memory of this process."""

from __future__ import annotations

import math
import time
from threading import Lock
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from backend.auth import require_key
from backend.http.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable


class TokenBuckets:
    """Each bucket holds up to `burst` tokens, is full at first and gains `per_second`; a request takes one."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens, and when there were so many
        self._lock = Lock()

    def take(self, owner: str) -> float:
        """Take a token of `owner`: 0.0 if there was one, else the seconds until there is, and nothing is taken."""
        with self._lock:
            now = self._clock()
            tokens, since = self._buckets.get(owner, (float(self._burst), now))
            tokens = min(self._burst, tokens + (now - since) * self._per_second)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / self._per_second
            self._buckets[owner] = (tokens if wait else tokens - 1, now)
            return wait


async def limit_rate(request: Request, key: Annotated[str, Depends(require_key)]) -> None:
    """Refuse a request beyond the rate of its key, by 429. Comes after the key: a wrong one has no bucket."""
    buckets: TokenBuckets = request.app.state.buckets
    wait = buckets.take(key)
    if wait:
        seconds = math.ceil(wait)
        raise Problem(
            429,
            "Too many requests",
            f"The key has used up its rate; there is room for it again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )
