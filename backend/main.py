"""The source API: `uvicorn backend.main:app --port 4010`.

Paged resources, control totals, health. Every page costs what it holds, wherever it starts.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi_offline import FastAPIOffline

from backend.anomaly_ledger import report_anomalies
from backend.auth import require_key
from backend.chaos.dataset import misbehave
from backend.data import BadCursor, Changes, DataSet
from backend.dataset.other_listings import OTHERS
from backend.http.headers import SecurityHeaders
from backend.http.parameters import (  # noqa: TC001 - FastAPI reads them
    After,
    AfterId,
    Limit,
    ListingCursor,
    SalesCursor,
    UpdatedAfter,
    UpdatedUpTo,
    UpTo,
    UpToId,
)
from backend.http.problems import ERRORS, Problem, answer_problems
from backend.models import Customer, Health, ListingTotals, Page, Product, Sale, SalesTotals, Store
from backend.rate_limit import TokenBuckets, limit_rate
from backend.settings import DEVELOPMENT_KEY, load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from backend.data import Page as DataPage
    from backend.settings import SourceSettings

log = logging.getLogger("uvicorn.error")


def create_app(settings: SourceSettings | None = None) -> FastAPI:
    """The API over the data set of `settings`, by default those of the environment."""
    settings = settings or load_settings()
    app = FastAPIOffline(  # its pages need no script from elsewhere: they work without the internet
        title="Retail source API",
        version="1.0.0",
        description="Customers, products, stores and sales of a retailer. Follow `next_cursor` to read a resource; "
        "keep the last one, and resume from it in the next run.",
        lifespan=_warm,
        openapi_tags=[
            {"name": "data", "description": "What the retailer knows."},
            {"name": "health", "description": "No key needed."},
        ],
    )
    app.state.keys = settings.accepted_keys()
    app.state.data = DataSet(settings)
    _describe_errors(app)
    if settings.faults():
        misbehave(app, settings)
    if settings.is_planted():
        report_anomalies(app, app.state.data)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=1)
    app.add_middleware(SecurityHeaders, source_id=settings.source_id())
    answer_problems(app)
    _add_health(app)
    _add_resources(app, _guards(app, settings))
    return app


@asynccontextmanager
async def _warm(app: FastAPI) -> AsyncIterator[None]:
    """Make the listings before the first caller waits for them."""
    if app.state.keys == (DEVELOPMENT_KEY.encode(),):
        log.warning("SOURCE_API_KEY is not set: the development key is accepted")
    data: DataSet = app.state.data
    for resource in ("customers", "products", "stores"):
        data.listing_page(resource, None, 1)
    log.info("source holds %s sales", f"{data.last_sale_id():,}")
    yield


def _data(request: Request) -> DataSet:
    data: DataSet = request.app.state.data
    return data


Data = Annotated[DataSet, Depends(_data)]


def _add_health(app: FastAPI) -> None:
    @app.get("/livez", tags=["health"], summary="The process runs")
    def livez() -> Health:
        return Health()

    @app.get("/readyz", tags=["health"], summary="The data set can be read")
    def readyz(data: Data) -> Health:
        data.last_sale_id()
        return Health()


def _guards(app: FastAPI, settings: SourceSettings) -> list[Any]:
    """What a request of data has to pass: its key, and its rate if one is set."""
    if settings.rate_limit is None:
        return [Depends(require_key)]
    app.state.buckets = TokenBuckets(settings.rate_limit, settings.rate_burst)
    return [Depends(limit_rate)]


def _add_resources(app: FastAPI, guards: list[Any]) -> None:
    route: dict[str, Any] = {"tags": ["data"], "dependencies": guards}

    listings: dict[str, Any] = {"customers": Customer, "products": Product, "stores": Store}
    for resource in (*listings, *OTHERS):
        _add_listing(app, resource, listings.get(resource), route)
        _add_listing_totals(app, resource, route)

    @app.get("/sales", summary="Sales, ordered by sale_id", responses=_answers(Page[Sale]), **route)
    def sales(data: Data, cursor: SalesCursor = None, limit: Limit = 1000, up_to: UpTo = None) -> Response:
        return _respond(lambda: data.sales_page(cursor, limit, up_to))

    @app.get("/sales/totals", summary="Control totals of a range of sales", responses=ERRORS, **route)
    def sales_totals(
        data: Data,
        after: After = 0,
        up_to: UpTo = None,
    ) -> SalesTotals:
        totals = data.totals(after, up_to)
        return SalesTotals(
            sales=totals.sales, lines=totals.lines, net_amount=str(totals.net_amount), checksum=str(totals.checksum)
        )


def _add_listing(app: FastAPI, resource: str, model: Any, route: dict[str, Any]) -> None:
    """A resource in the order of its changes; `model` describes its records, if any does."""

    @app.get(
        f"/{resource}",
        summary=f"{resource.capitalize()}, ordered by (updated_at, id)",
        responses=_answers(Page[model]) if model else ERRORS,
        **route,
    )
    def listing(data: Data, cursor: ListingCursor = None, limit: Limit = 1000) -> Response:
        return _respond(lambda: data.listing_page(resource, cursor, limit))


def _add_listing_totals(app: FastAPI, resource: str, route: dict[str, Any]) -> None:
    @app.get(f"/{resource}/totals", summary=f"Control totals of {resource}", responses=ERRORS, **route)
    def listing_totals(
        data: Data,
        after: AfterId = 0,
        up_to: UpToId = None,
        updated_after: UpdatedAfter = None,
        updated_up_to: UpdatedUpTo = None,
    ) -> ListingTotals:
        totals = data.listing_totals(resource, Changes(after, up_to, updated_after, updated_up_to))
        return ListingTotals(count=totals.count, checksum=str(totals.checksum))


def _describe_errors(app: FastAPI) -> None:
    """Have the documentation say that errors come as problems only, not as plain JSON too."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        for path in described["paths"].values():
            for status in map(str, ERRORS):
                path["get"]["responses"].get(status, {}).get("content", {}).pop("application/json", None)
        return described

    app.openapi = openapi  # type: ignore[method-assign]


def _answers(model: Any) -> dict[int | str, dict[str, Any]]:
    return {200: {"model": model, "description": "A page."}} | ERRORS


def _respond(page: Any) -> Response:
    try:
        found: DataPage = page()
    except BadCursor as error:
        raise Problem(422, "Invalid parameter", f"cursor: {error} was not given out by this resource") from error
    return Response(found.body(), media_type="application/json")


app = create_app()
