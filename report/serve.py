"""Serves the page over HTTP on this machine, and makes it from the warehouse on request.

Run by `./retail up` as `uvicorn --factory report.serve:make_app`, with `REPORT_DATABASE_URL` and `REPORT_FOLDER` set.
It keeps a page for a few seconds, so that many readers cost as much as one.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from medallion.errors import RetailError
from report.write import make_page, save_page

_KEPT_SECONDS = 10.0
_HOSTS = ["127.0.0.1", "localhost"]  # refuses a page elsewhere whose name points to this machine


class _Page:
    """The page, written at most every few seconds."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self._database_url, self._folder = database_url, folder
        self._lock, self._written_at, self._html = Lock(), float("-inf"), ""

    def html(self) -> str:
        with self._lock:
            if time.monotonic() - self._written_at > _KEPT_SECONDS:
                self._html = make_page(self._database_url, datetime.now(timezone.utc))
                self._written_at = time.monotonic()
                with suppress(OSError):  # a folder that takes no file is no reason to refuse the page
                    save_page(self._html, self._folder)
            return self._html


def make_app() -> FastAPI:
    """The application: the page at `/`, and `/livez`."""
    page = _Page(os.environ["REPORT_DATABASE_URL"], Path(os.environ["REPORT_FOLDER"]))
    app = FastAPI(title="Sales report", openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_HOSTS)

    @app.get("/livez")
    def livez() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/")
    def report() -> Response:
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
        try:
            return HTMLResponse(page.html(), headers=headers)
        except RetailError as error:
            what, why = error.what_and_why()
            lines = f"error: {what}\n  why: {why}\n   do: {error.remedy}\n"
            return PlainTextResponse(lines, status_code=503, headers=headers)

    return app
