"""What the source API can give: `.venv/bin/python -m benchmarks.source_limit`.

A pipeline's figure means nothing when the source is what it waits for, so this is the limit of our own: pages of sales
made and sent, at the beginning of the data set and behind ten million sales. Both must cost the same: a page costs what
it holds, not what stands before it.
"""

from __future__ import annotations

import statistics
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import httpx
import uvicorn
from pydantic import SecretStr

from backend.main import create_app
from backend.settings import SourceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = "benchmark"
_PAGE = 5_000
_PAGES = 15
_DEEP = 10_000_000
_SALES_PER_HOUR = 20_000


def main() -> None:
    """Print seconds per page near the start and deep in the data, and their ratio."""
    now = datetime(2026, 11, 1, tzinfo=timezone.utc)
    start = now - timedelta(hours=_DEEP * 1.2 / _SALES_PER_HOUR)
    settings = SourceSettings(start=start, now=now, sales_per_hour=_SALES_PER_HOUR, api_key=SecretStr(_KEY))
    with _serving(settings) as url, httpx.Client(base_url=url, headers=_headers(), timeout=120) as client:
        client.get("/sales", params={"limit": "1", "cursor": str(_DEEP)}).raise_for_status()  # knows its timeline now
        near, deep = _pages(client, 0), _pages(client, _DEEP)
    print(f"near the start:             {near * 1000:6.1f} ms a page of {_PAGE:,}, {_PAGE / near:,.0f} sales/s")
    print(f"behind {_DEEP:,} sales:    {deep * 1000:6.1f} ms a page of {_PAGE:,}, {_PAGE / deep:,.0f} sales/s")
    print(f"ratio deep / near:          {deep / near:6.2f}")


def _headers() -> dict[str, str]:
    return {"X-API-Key": _KEY, "Accept-Encoding": "identity"}


def _pages(client: httpx.Client, cursor: int) -> float:
    """Median seconds of a page, of several in a row."""
    seconds = []
    for number in range(_PAGES):
        began = time.perf_counter()
        query = {"limit": str(_PAGE), "cursor": str(cursor + number * _PAGE)}
        client.get("/sales", params=query).raise_for_status()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


@contextmanager
def _serving(settings: SourceSettings) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(settings), port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main()
