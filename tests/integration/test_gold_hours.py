"""Gold after many hours in which sales and versions move is that of a full refresh, table by table, by hash."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import timedelta

import pytest
from psycopg2.extensions import connection

from backend.main import create_app
from backend.settings import SourceSettings
from loaders.load_customers import load_customers
from medallion.process.steps import CORE, MARTS
from medallion.settings import Settings
from quality.rebuild import _fingerprint
from tests.conftest import KEY, NOON, START, Source, serving
from tests.integration.test_gold_marts import core, correct, take
from tests.integration.test_histories import WRONG, price
from tests.listing_source import customer
from tests.pipeline import build, hour
from tests.property.warehouse import land
from tests.queries import rows

HOURS = int(os.environ.get("RETAIL_CHAOTIC_HOURS", "6"))  # `./retail test --deep hours`: 30
CHAOS = "late-commits:0.1,malformed:0.005"


@pytest.fixture
def source() -> Iterator[Source]:
    """A source with late and malformed sales, its clock at NOON."""
    shape = {"sales_per_hour": 10, "customers": 60, "products": 30}
    app = create_app(SourceSettings(seed=7, start=START, now=NOON, chaos=CHAOS, api_key=KEY, **shape))
    with serving(app) as url:
        yield Source(url, app.state.data)


def some_moment(draw: random.Random) -> str:
    """One of the last days, as the source writes it."""
    moment = NOON - timedelta(hours=draw.randint(0, 60), minutes=draw.randint(0, 59))
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def move_some(conn: connection, draw: random.Random) -> None:
    """A few sales change: where, when, to whom, what, and in which currency. Customers and products are known ones."""
    known = [sale_id for (sale_id,) in rows(conn, "select sale_id from silver.sales_customer order by 1")]
    for sale_id in draw.sample(known, 3):
        place = {"store_id": draw.randint(1, 4), "channel": draw.choice(["web", "app", "store"])}
        header = place | {"currency": draw.choice(["EUR", "CHF"]), "customer_id": draw.randint(1, 20)}
        correct(conn, "sales_customer", sale_id, sold_at=some_moment(draw), **header)
        correct(conn, "sales_product", sale_id, product_id=draw.randint(1, 20), quantity=draw.choice([-1, 1, 2]))


def change_some(conn: connection, settings: Settings, draw: random.Random) -> None:
    """Versions of a few customers and a product arrive: between those that are known, before, or after them."""
    for _ in range(3):
        city, key = draw.choice(["Lyon", "Nice", "Brest"]), draw.randint(1, 20)
        line = customer(key, some_moment(draw), city=city, is_deleted=draw.random() < 0.2)
        land(conn, settings, "customers", [json.dumps(line).encode()])
    load_customers(conn, settings, run_id="hour")
    cost = draw.choice(["1.00", "2.50"])
    price(conn, settings, 1, cost, draw.randint(1, 20), updated_at=some_moment(draw))


def fingerprints(conn: connection) -> dict[str, tuple[int, int]]:
    return {name: _fingerprint(conn, name) for name in (*CORE, *MARTS)}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_chaotic_hours_give_the_gold_of_a_full_refresh(conn: connection, settings: Settings, source: Source) -> None:
    draw = random.Random(11)  # noqa: S311 - a sequence of moves that is the same each time
    for number in range(HOURS):
        source.set_clock(NOON + timedelta(hours=number))
        hour(conn, settings)
        move_some(conn, draw)
        change_some(conn, settings, draw)
        if number % 5 == 0:
            build(conn, settings)
        else:  # each mart at its own pace
            core(conn, settings)
            take(conn, settings, *[mart.removeprefix("gold.") for mart in MARTS if draw.random() < 0.6], "sales_item")
    build(conn, settings)
    found = fingerprints(conn)
    assert all(count > 0 for count, _ in found.values())
    assert rows(conn, WRONG) == []
    superseded = "select count(*) > 0 from gold.{0} where not is_current"
    assert rows(conn, superseded.format("dim_customer_history")) == [(True,)]
    assert rows(conn, superseded.format("dim_product_history")) == [(True,)]
    build(conn, settings, full_refresh=True)
    assert fingerprints(conn) == found
