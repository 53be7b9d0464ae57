"""A wish for a rebuild is closed by the run that fulfilled it, and a core rebuilt alone leaves no wrong mart."""

from __future__ import annotations

import json
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from gold import dbt_runner
from loaders.load_all_silver import load_all_silver
from medallion.errors import DataQualityError
from medallion.schema import prepare_schema
from medallion.settings import Settings
from medallion.state.gold_progress import gold_rebuild_wanted, want_gold_rebuild
from tests.former_versions import BEFORE_NUMBERS
from tests.integration.test_quarantine import HEADER, LINE
from tests.integration.test_silver import land
from tests.pipeline import build
from tests.queries import execute, rows

MART = "select customer_id, sold_date::text, net_amount::text from gold.mart_sales_by_customer order by 1, 2"


def sell(conn: connection, settings: Settings, sale_id: int, customer_id: int, **changes: Any) -> None:
    """A sale of one line over 10.00."""
    header = HEADER | {"sale_id": sale_id, "customer_id": customer_id} | changes
    land(conn, settings, [json.dumps(header).encode()], "sales_customer")
    line = LINE | {"sale_id": sale_id, "unit_price": "10.00"}
    land(conn, settings, [json.dumps(line).encode()], "sales_product")
    load_all_silver(conn, settings, run_id="load")


def move(conn: connection, sale_id: int, **changes: Any) -> None:
    """The header of a sale changes in Silver, as a load would have it."""
    with conn, conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_updated) "
            "values ('moved', 'silver', 'sales_customer', 'SUCCESS', now(), 1, 1) returning load_id"
        )
        ((load_id,),) = cursor.fetchall()
        for column, value in changes.items():
            cursor.execute(
                f"update silver.sales_customer set {column} = %s, _load_id = %s where sale_id = %s",
                (value, load_id, sale_id),
            )


def wanted(conn: connection) -> bool:
    with conn:
        return gold_rebuild_wanted(conn)


def want(conn: connection) -> None:
    with conn:
        want_gold_rebuild(conn)


def moved(conn: connection, settings: Settings) -> None:
    """The core has taken a sale that moved from customer 1 to 9, and another that moved a day; the mart has not."""
    for sale_id, customer_id in ((1, 1), (2, 2), (3, 3)):
        sell(conn, settings, sale_id, customer_id)
    build(conn, settings)
    move(conn, 1, customer_id=9)
    move(conn, 3, sold_at="2026-01-05T10:00:00Z")
    gold.build_core(conn, settings, run_id="hour")


def build_by_hand(conn: connection, settings: Settings, *what: str, **passed: str) -> None:
    dbt_runner.invoke(conn, settings, ["build", "--indirect-selection", "cautious", *what], "by hand", passed)


RIGHT = [(2, "2026-01-01", "10.00"), (3, "2026-01-05", "10.00"), (9, "2026-01-01", "10.00")]


@pytest.mark.slow
def test_a_core_rebuilt_alone_leaves_no_wrong_mart(conn: connection, settings: Settings) -> None:
    """Whoever has built it: all of it, the fact alone, or a dimension, which then lacks whom no sale names any more."""
    moved(conn, settings)
    build_by_hand(conn, settings, "--full-refresh", "--select", "tag:core")
    assert gold.gold_due(conn) != []
    with pytest.raises(DataQualityError, match="mart_balances_with_sales_item"):
        gold.check_gold(conn, settings, run_id="tests of that hour")
    build(conn, settings)
    assert rows(conn, MART) == RIGHT
    for customer, models in ((10, "sales_item"), (11, "dim_customer"), (12, "sales_item dim_customer")):
        move(conn, 1, customer_id=customer)
        gold.build_core(conn, settings, run_id="hour")
        build_by_hand(conn, settings, "--full-refresh", "--select", *models.split())
        build(conn, settings)
        assert rows(conn, MART) == [*RIGHT[:2], (customer, *RIGHT[2][1:])]
    gold.check_all_gold(conn, settings, run_id="night")


@pytest.mark.slow
def test_a_mart_that_is_built_by_hand_after_its_core_is_right(conn: connection, settings: Settings) -> None:
    moved(conn, settings)
    build_by_hand(conn, settings, "--full-refresh", "--select", "tag:core")
    dbt_runner.invoke(conn, settings, ["run", "--select", "mart_sales_by_customer"], "by hand")
    assert rows(conn, MART) == RIGHT


DAMAGES = [
    "delete from gold.mart_sales_by_customer where customer_id = 9",
    "update gold.mart_sales_by_customer set quantity = quantity + 1 where customer_id = 9",
    "update gold.mart_sales_by_customer set sale_count = 0, return_count = 1 where customer_id = 9",
    "update gold.mart_sales_by_customer set gross_amount = 11, discount_amount = 1 where customer_id = 9",
    # where a sale has left
    """
    insert into gold.mart_sales_by_customer
    select '2026-01-01', customer_key, customer_id, 'EUR', 1, 0, 1, 1, 0, 10, 0, 10, 0, 0, 0, 0, 1, now()
    from gold.dim_customer where customer_id = 1
    """,
]


@pytest.mark.slow
def test_the_tests_of_the_hour_look_at_what_its_sales_came_to_and_left(conn: connection, settings: Settings) -> None:
    moved(conn, settings)
    gold.build_mart(conn, settings, run_id="hour")
    execute(conn, "update gold.mart_sales_by_customer set _load_id = 1")  # as if the hour had not worked out any of it
    execute(conn, "create table public.kept as select * from gold.mart_sales_by_customer")
    for damage in DAMAGES:
        execute(conn, damage)
        with pytest.raises(DataQualityError, match="mart_balances_with_sales_item"):
            gold.check_gold(conn, settings, run_id="hour")
        execute(conn, "truncate gold.mart_sales_by_customer")
        execute(conn, "insert into gold.mart_sales_by_customer select * from public.kept")
    gold.check_gold(conn, settings, run_id="hour")


@pytest.fixture
def without_dbt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes of a wish does not depend on what dbt builds, only on whether it does."""
    monkeypatch.setattr(gold, "invoke", lambda *_: [])


@pytest.mark.usefixtures("without_dbt")
def test_a_wish_is_fulfilled_by_core_and_mart(conn: connection, settings: Settings) -> None:
    build(conn, settings, full_refresh=True)
    assert not wanted(conn)


@pytest.mark.usefixtures("without_dbt")
def test_a_wish_asked_between_core_and_mart_stays(conn: connection, settings: Settings) -> None:
    gold.prepare(conn, settings, run_id="a", full_refresh=True)
    gold.build_core(conn, settings, run_id="a", full_refresh=True)
    want(conn)
    gold.build_mart(conn, settings, run_id="a", full_refresh=True)
    assert wanted(conn)
    build(conn, settings)
    assert not wanted(conn)


@pytest.mark.parametrize("during", ["build_core", "build_mart"])
def test_a_wish_asked_during_a_build_stays(
    conn: connection, settings: Settings, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    def meanwhile(_conn: connection, _settings: Settings, _command: list[str], run_id: str, *_: Any) -> list[Any]:
        if run_id == during:
            want(conn)
        return []

    monkeypatch.setattr(gold, "invoke", meanwhile)
    gold.prepare(conn, settings, run_id="a", full_refresh=True)
    gold.build_core(conn, settings, run_id="build_core", full_refresh=True)
    gold.build_mart(conn, settings, run_id="build_mart", full_refresh=True)
    assert wanted(conn)
    build(conn, settings)
    assert not wanted(conn)


@pytest.mark.usefixtures("without_dbt")
def test_a_wish_is_not_fulfilled_by_a_mart_alone(conn: connection, settings: Settings) -> None:
    want(conn)
    gold.build_mart(conn, settings, run_id="alone", full_refresh=True)
    assert wanted(conn)
    build(conn, settings)
    assert not wanted(conn)


def test_an_older_wish_survives_the_upgrade(conn: connection) -> None:
    execute(
        conn,
        f"{BEFORE_NUMBERS} alter table meta.gold_rebuild drop column token, drop column core_token",
    )
    execute(conn, "insert into meta.gold_rebuild default values")
    prepare_schema(conn, even_if_unchanged=True)
    assert wanted(conn)


@pytest.mark.slow
def test_a_first_build_asks_for_no_rebuild(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, 1)
    build(conn, settings)
    assert not wanted(conn)
    assert gold.gold_due(conn) == []
