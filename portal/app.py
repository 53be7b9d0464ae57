"""The server of the start page: `/`, the sales report at `/report`, `/metrics` for Prometheus, and `/livez`.

`/airflow` is the start page for a frame within Airflow; Airflow alone may show it, and the report, in one.

Run by `./retail up` as `uvicorn --factory portal.app:make_app`. It reads the warehouse in transactions that only read,
and has no other secret than that login. Its environment:

- `PORTAL_DATABASE_URL`: the warehouse, as its reader.
- `PORTAL_FOLDER`: where the page of the report is written to.
- `PORTAL_HOME`: the RETAIL_HOME of the services, on one machine. `PORTAL_ELSEWHERE`: names of services, separated by
  commas, that are the user's own and so not shown.
- `PORTAL_ADDRESSES`: in containers, a JSON object. For the name of a service it has two addresses: where the service
  answers, and where a person opens it.
- `PORTAL_HOSTS`: further names under which the page may be asked for, separated by commas.
"""

from __future__ import annotations

import json
import os
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from medallion.errors import RetailError
from portal.metrics import CONTENT_TYPE, write_metrics
from portal.page import content_security_policy, frame_ancestors, render_start_page
from portal.places import ByAddress, OnOneMachine
from portal.report_page import ReportPage
from portal.shared import Shared
from portal.standing import Known, Reader
from portal.states import Places, State, Watch, airflow_pages, in_order, of_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_HOSTS = ("127.0.0.1", "localhost")  # refuses a page elsewhere whose name points to this machine
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Portal:
    """What the pages show: the states of the services and what is known of the warehouse, each read once for all."""

    def __init__(
        self, places: Places, database_url: str, now: Callable[[], datetime], clock: Callable[[], float]
    ) -> None:
        watch, reader = Watch(places, clock), Reader(database_url, now)
        first: tuple[State, ...] = ()
        self._states = Shared(watch.look, first, clock)
        self._known = Shared(reader.read, Known(), clock)
        self._places, self._now = places, now

    def look(self) -> tuple[tuple[State, ...], Known, datetime]:
        """The states of all services, what is known of the warehouse, and the moment."""
        states, known = self._states.get(), self._known.get()
        return in_order((*states, of_warehouse(known))), known, self._now()

    def airflow(self) -> tuple[str, ...]:
        """The pages of Airflow, which may show ours in a frame."""
        return airflow_pages(self._places)


def make_app(now: Callable[[], datetime] | None = None, clock: Callable[[], float] = time.monotonic) -> FastAPI:
    """The application. `now` is the time of the pages, `clock` measures how old they are."""
    moment = now or _now
    database_url = os.environ["PORTAL_DATABASE_URL"]
    portal = Portal(_places(os.environ), database_url, moment, clock)
    report = ReportPage(database_url, Path(os.environ["PORTAL_FOLDER"]), moment, clock)
    app = FastAPI(title="Retail platform", openapi_url=None)
    further = [name for name in os.environ.get("PORTAL_HOSTS", "").split(",") if name]
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[*_HOSTS, *further], www_redirect=False)

    @app.get("/livez")
    def livez() -> Response:
        return PlainTextResponse("ok\n")

    @app.get("/")
    def start() -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": content_security_policy()}
        return HTMLResponse(render_start_page(*portal.look()), headers=headers)

    @app.get("/airflow")
    def within_airflow() -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": content_security_policy(portal.airflow())}
        return HTMLResponse(render_start_page(*portal.look(), is_framed=True), headers=headers)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(write_metrics(*portal.look()), headers=_HEADERS, media_type=CONTENT_TYPE)

    @app.get("/report")
    def sales_report() -> Response:
        headers = {**_HEADERS, "Content-Security-Policy": frame_ancestors(portal.airflow())}
        try:
            return HTMLResponse(report.html(), headers=headers)
        except RetailError as error:
            what, why = error.what_and_why()
            lines = f"error: {what}\n  why: {why}\n   do: {error.remedy}\n"
            return PlainTextResponse(lines, status_code=503, headers=headers)

    return app


def _places(environment: Mapping[str, str]) -> Places:
    """Where the services are: those of a RETAIL_HOME, or those of a list of addresses."""
    if home := environment.get("PORTAL_HOME"):
        return OnOneMachine(Path(home), frozenset(environment.get("PORTAL_ELSEWHERE", "").split(",")))
    addresses: dict[str, tuple[str, str]] = json.loads(environment.get("PORTAL_ADDRESSES") or "{}")
    return ByAddress(addresses)


def _now() -> datetime:
    return datetime.now(timezone.utc)
