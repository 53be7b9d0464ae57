"""An optional entity: a source without it is served as before, and one that has lost it is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial

import pytest
from fastapi import FastAPI, HTTPException
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from ingestion.collector import collect
from ingestion.customers import CUSTOMERS
from ingestion.listing import collect_listing
from medallion.database import transaction
from medallion.errors import NothingToDo, ResourceNotOffered
from medallion.process.steps import HOURLY, functions_of
from medallion.settings import Settings
from medallion.state.receipts import has_landed
from quality.reconcile import reconcile_all
from tests.conftest import KEY, NOON, START, serving
from tests.queries import rows

pull_stores = partial(collect_listing, subject="stores", run_id="hour")
STORES = "select count(*), count(*) filter (where is_inferred), count(distinct country) from gold.dim_store"


def source_app() -> FastAPI:
    shape = {"sales_per_hour": 20, "customers": 200, "products": 60}
    return create_app(SourceSettings(seed=7, start=START, now=NOON, api_key=KEY, **shape))


def without(resource: str) -> FastAPI:
    """The source API before it had a resource."""
    app = source_app()
    app.router.routes[:] = [one for one in app.router.routes if not getattr(one, "path", "").startswith(f"/{resource}")]
    return app


@pytest.fixture
def bare(settings: Settings) -> Iterator[Settings]:
    """Settings that lead to a source without stores."""
    with serving(without("stores")) as url:
        yield settings.model_copy(update={"source_api_url": url})


def whole_hour(conn: connection, settings: Settings) -> list[str]:
    """Every step of an hour. Returns those that had nothing to do."""
    idle = []
    for step in HOURLY:
        clock = {"now": NOON} if step.takes_clock else {}
        for call in functions_of(step):
            try:
                call(conn, settings, run_id="hour", **clock)
            except NothingToDo:
                idle.append(step.id)
    return idle


@pytest.mark.slow
def test_a_source_without_stores_is_passed_over_with_a_warning(
    conn: connection, bare: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(NothingToDo, match=r"stores: .* not offer them \(status 404\)"),
    ):
        pull_stores(conn, bare)
    assert [one.message for one in caplog.records] == [
        "stores: the source does not offer them (status 404); nothing is pulled"
    ]
    assert rows(conn, "select status, rows_read from meta.load where dataset = 'stores'") == [("SUCCESS", 0)]


@pytest.mark.slow
def test_a_source_without_stores_fills_gold_and_its_stores_come_when_it_lists_them(
    conn: connection, bare: Settings, settings: Settings
) -> None:
    assert whole_hour(conn, bare) == ["bronze_stores"]
    ((named, inferred, countries),) = rows(conn, STORES)
    assert (named, countries) == (inferred, 1)
    assert named > 5
    reconcile_all(conn, bare, run_id="night")
    checked = "select status, count(*) from meta.reconciliation where dataset {} 'stores' group by 1"
    assert rows(conn, checked.format("=")) == []
    assert [status for status, _ in rows(conn, checked.format("<>"))] == ["BALANCED"]

    assert whole_hour(conn, settings) == []
    ((known, inferred, countries),) = rows(conn, STORES)
    assert (known >= named, inferred) == (True, 0)
    assert countries > 1
    assert [status for status, _ in rows(conn, checked.format("="))] == ["BALANCED"]


def test_stores_that_have_landed_and_are_gone_are_an_error(
    conn: connection, settings: Settings, bare: Settings
) -> None:
    pull_stores(conn, settings)
    with pytest.raises(ResourceNotOffered):
        pull_stores(conn, bare)


def test_stores_that_have_landed_without_moving_the_watermark_are_an_error_too(
    conn: connection, settings: Settings, bare: Settings
) -> None:
    pull_stores(conn, settings)
    with conn, conn.cursor() as cursor:
        cursor.execute("update meta.ingestion_state set cursor_value = null where entity = 'stores'")
    with pytest.raises(ResourceNotOffered):
        pull_stores(conn, bare)


def test_a_listing_that_breaks_off_before_anything_landed_is_an_error(conn: connection, settings: Settings) -> None:
    app = source_app()
    listed = app.state.data.listing_page

    def first_page_only(resource: str, cursor: str | None, limit: int) -> object:
        if cursor is not None:
            raise HTTPException(404)
        return listed(resource, cursor, limit)

    app.state.data.listing_page = first_page_only
    with serving(app) as url, pytest.raises(ResourceNotOffered):
        pull_stores(conn, settings.model_copy(update={"source_api_url": url, "source_page_size": 5}))
    with transaction(conn):
        assert not has_landed(conn, ["stores"])


def test_an_entity_that_is_not_optional_has_to_be_offered(conn: connection, settings: Settings) -> None:
    with serving(without("customers")) as url, pytest.raises(ResourceNotOffered):
        collect(CUSTOMERS, conn, settings.model_copy(update={"source_api_url": url}), run_id="hour")
