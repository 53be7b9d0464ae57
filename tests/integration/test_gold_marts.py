"""Marts of any grain take what the fact moved, each at its own pace, and each ends as its own full refresh does."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection

from gold import build as gold
from medallion.database import connect, transaction
from medallion.errors import DataQualityError, GoldBuildFailed
from medallion.schema import prepare_schema
from medallion.settings import Settings
from tests.dbt_copies import project_copy
from tests.former_versions import BEFORE_8
from tests.integration.test_gold_rebuild import execute, sell
from tests.integration.test_histories import price
from tests.pipeline import build, build_untested
from tests.queries import rows

# Two marts that exist only here, each as short as another team would write one.
MART = """
{{{{ config(
    unique_key={grain}, incremental_strategy='delete+insert', contract={{'enforced': false}},
    meta={{'takes': ['gold.sales_item']}},
) }}}}

with touched as (

    {{{{ touched('sales_item', {grain}) }}}}

)

select
    touched.*,
    count(item.sales_item_id) as line_count,
    coalesce(sum(item.quantity), 0)::bigint as quantity,
    coalesce(sum(item.net_amount), 0)::numeric(38, 2) as net_amount,
    {{{{ gold_load_id() }}}} as _load_id
from touched
left join {{{{ ref('sales_item') }}}} as item using ({keys})
group by {keys}
"""
NEW = {
    "mart_by_product": ["product_id", "store_id"],
    "mart_by_channel": ["sold_date", "channel", "payment_method"],
}
GRAINS = {
    "mart_daily_kpis": ["sold_date", "currency"],
    "mart_sales_by_category": ["sold_date", "store_id", "channel", "category", "currency"],
    "mart_sales_by_customer": ["customer_id", "sold_date", "currency"],
    "mart_sales_by_hour": ["sold_hour", "store_id", "channel", "currency"],
    "mart_sales_by_product": ["sold_date", "product_id", "currency"],
    "mart_sales_by_store": ["sold_date", "store_id", "currency"],
    **NEW,
}
SILVER = """
    select {keys}, count(*), sum(quantity), sum(quantity * unit_price - discount)
    from (
        select
            *,
            (sold_at at time zone 'UTC')::date as sold_date,
            date_trunc('hour', sold_at, 'UTC') as sold_hour,
            coalesce(
                (
                    select category from silver.products_version as version
                    where version.product_id = sales_product.product_id
                    order by
                        updated_at <= sold_at desc,
                        case when updated_at <= sold_at then updated_at end desc,
                        updated_at
                    limit 1
                ),
                'Unknown'
            ) as category
        from silver.sales_customer inner join silver.sales_product using (sale_id)
    ) as item
    group by {keys} order by {keys}
"""
LOG = "select sale_id, customer_id, store_id, channel, sold_date::text from gold.sales_item_change order by _load_id, 1"


@pytest.fixture
def more_marts(settings: Settings, tmp_path: Path) -> Iterator[None]:
    """The dbt project in a copy that has two marts more."""
    with project_copy(settings, tmp_path) as copy:
        for mart, grain in NEW.items():
            text = MART.format(grain=grain, keys=", ".join(grain))
            (copy / "models" / "gold" / "marts" / f"{mart}.sql").write_text(text, encoding="utf-8")
        yield


def correct(conn: connection, table: str, sale_id: int, **changes: Any) -> None:
    """Rows of a sale change in Silver, as a load would have it."""
    with transaction(conn), conn.cursor() as cursor:
        cursor.execute(
            "insert into meta.load (run_id, layer, dataset, status, ended_at, rows_read, rows_updated) "
            "values ('corrected', 'silver', %s, 'SUCCESS', now(), 1, 1) returning load_id",
            [table],
        )
        ((load_id,),) = cursor.fetchall()
        for column, value in changes.items():
            statement = f"update silver.{table} set {column} = %s, _load_id = %s where sale_id = %s"
            cursor.execute(statement, (value, load_id, sale_id))


def core(conn: connection, settings: Settings) -> None:
    """The fact and its dimensions take what is new, without the tests of an hour."""
    take(conn, settings, "tag:core")


def take(conn: connection, settings: Settings, *models: str) -> None:
    """These models take what is new; the others do not."""
    gold._step(conn, settings, ["run", "--select", *models], "hour", "dbt_run_mart")


@contextmanager
def failing(conn: connection, mart: str) -> Iterator[None]:
    """A mart that can write nothing."""
    execute(conn, f"alter table gold.{mart} add constraint broken check (false) not valid")
    yield
    execute(conn, f"alter table gold.{mart} drop constraint broken")


def figures(conn: connection, mart: str) -> list[tuple[Any, ...]]:
    keys = ", ".join(GRAINS[mart])
    return rows(conn, f"select {keys}, line_count, quantity, net_amount from gold.{mart} order by {keys}")


def silver(conn: connection, mart: str) -> list[tuple[Any, ...]]:
    """What the mart must say, by one plain query."""
    return rows(conn, SILVER.format(keys=", ".join(GRAINS[mart])))


def check(conn: connection, *marts: str) -> None:
    for mart in marts:
        assert figures(conn, mart) == silver(conn, mart) != [], mart


def check_full_refresh(conn: connection, settings: Settings) -> None:
    before = {mart: figures(conn, mart) for mart in GRAINS}
    gold.build_mart(conn, settings, run_id="again", full_refresh=True)
    assert {mart: figures(conn, mart) for mart in GRAINS} == before


@pytest.mark.slow
def test_a_currency_that_is_not_known_yet_reaches_the_marts_with_a_warning(
    conn: connection, settings: Settings
) -> None:
    sell(conn, settings, 1, customer_id=1, currency="USD")
    gold.prepare(conn, settings, run_id="hour")
    found = gold.build_core(conn, settings, run_id="hour")
    assert [one for one in found.warnings if "currency" in one] != []
    gold.build_mart(conn, settings, run_id="hour")
    gold.check_gold(conn, settings, run_id="hour")
    assert rows(conn, "select currency, net_amount from gold.mart_daily_kpis") == [("USD", 10)]


@pytest.mark.slow
@pytest.mark.usefixtures("more_marts")
def test_a_mart_that_failed_for_hours_catches_up_alone(conn: connection, settings: Settings) -> None:
    late = "mart_by_channel"
    others = [mart for mart in GRAINS if mart != late]
    for sale_id in range(1, 7):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build_untested(conn, settings)
    check(conn, *GRAINS)
    hours: list[dict[str, Any]] = [
        {"channel": "app", "customer_id": 9, "store_id": 2},
        {"channel": "store", "customer_id": 5, "sold_at": "2026-01-05T10:00:00Z"},
        {"channel": "app", "customer_id": 1},
    ]
    with failing(conn, late):
        for number, changes in enumerate(hours):
            sell(conn, settings, 10 + number, customer_id=3)
            correct(conn, "sales_customer", 1, **changes)
            correct(conn, "sales_customer", 10 + number - 1, payment_method="cash", sold_at="2026-01-07T10:00:00Z")
            correct(conn, "sales_product", 2, product_id=20 + number, quantity=number + 2)
            core(conn, settings)
            with pytest.raises(GoldBuildFailed, match=f"could not build {late}"):
                gold.build_mart(conn, settings, run_id="hour")
            check(conn, *others)
            assert figures(conn, late) != silver(conn, late)
    take(conn, settings, late)
    check(conn, *GRAINS)
    build_untested(conn, settings)
    check(conn, *GRAINS)
    check_full_refresh(conn, settings)


@pytest.mark.slow
@pytest.mark.usefixtures("more_marts")
@pytest.mark.parametrize("seed", [1, 2])
def test_marts_that_take_at_any_pace_end_as_their_full_refresh_does(
    conn: connection, settings: Settings, seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - a sequence of moves that is the same each time
    for sale_id in range(1, 5):
        sell(conn, settings, sale_id, customer_id=1 + sale_id % 2)
    build_untested(conn, settings)
    for hour in range(7):
        sell(conn, settings, 10 + hour, customer_id=draw.randint(1, 2))
        for sale_id in [draw.choice([1, 2, 3, 4, 10 + hour, 9 + hour]) for _ in range(3)]:
            day = f"2026-01-0{draw.randint(1, 2)}T10:00:00Z"
            where = {"customer_id": draw.randint(1, 3), "store_id": draw.randint(1, 2), "sold_at": day}
            correct(conn, "sales_customer", sale_id, channel=draw.choice(["web", "app"]), **where)
            correct(conn, "sales_product", sale_id, product_id=draw.randint(7, 9), quantity=draw.randint(1, 3))
        core(conn, settings)
        for mart in GRAINS:
            if draw.random() < 0.4:
                take(conn, settings, mart)
                check(conn, mart)
    build_untested(conn, settings)
    check(conn, *GRAINS)
    check_full_refresh(conn, settings)


@pytest.mark.slow
@pytest.mark.usefixtures("more_marts")
def test_a_fact_that_is_built_again_has_every_mart_begin_from_the_beginning(
    conn: connection, settings: Settings
) -> None:
    for sale_id in (1, 2, 3):
        sell(conn, settings, sale_id, customer_id=sale_id)
    correct(conn, "sales_customer", 2, channel="store", store_id=5)  # a key of its own in every mart
    correct(conn, "sales_product", 2, product_id=22)
    build_untested(conn, settings)
    correct(conn, "sales_customer", 1, channel="app", customer_id=9)
    core(conn, settings)
    take(conn, settings, "mart_by_channel")
    execute(conn, "delete from silver.sales_product where sale_id = 2")  # no load says so: a line vanishes
    gold.build_core(conn, settings, run_id="again", full_refresh=True)
    correct(conn, "sales_customer", 3, store_id=4, sold_at="2026-01-05T10:00:00Z")
    core(conn, settings)
    for mart in GRAINS:
        take(conn, settings, mart)
        check(conn, mart)
    check_full_refresh(conn, settings)


@pytest.mark.slow
def test_a_category_that_is_corrected_takes_its_lines_along(conn: connection, settings: Settings) -> None:
    """The mart by category follows the version that the fact points at, and a key that is left has no row."""
    mart = "mart_sales_by_category"
    categories = f"select sold_date::text, store_id, category, line_count from gold.{mart} order by 1, 2, 3"
    for sale_id in (1, 2, 3):
        sell(conn, settings, sale_id, customer_id=sale_id)
    correct(conn, "sales_product", 3, product_id=9)
    build_untested(conn, settings)
    assert rows(conn, categories) == [("2026-01-01", 1, "Unknown", 3)]
    price(conn, settings, 1, "1.00", 8, category="Tea", updated_at="2025-12-01T00:00:00Z")
    build_untested(conn, settings)
    assert rows(conn, categories) == [("2026-01-01", 1, "Tea", 2), ("2026-01-01", 1, "Unknown", 1)]
    price(conn, settings, 1, "1.00", 8, category="Coffee", updated_at="2025-12-31T00:00:00Z")  # late, before the sales
    price(conn, settings, 1, "1.00", 8, category="Cocoa", updated_at="2026-02-01T00:00:00Z")  # after them
    correct(conn, "sales_customer", 2, store_id=2)
    build_untested(conn, settings)
    moved = [("2026-01-01", 1, "Coffee", 1), ("2026-01-01", 1, "Unknown", 1), ("2026-01-01", 2, "Coffee", 1)]
    assert rows(conn, categories) == moved
    correct(conn, "sales_customer", 2, store_id=1)
    build_untested(conn, settings)
    assert rows(conn, categories) == [("2026-01-01", 1, "Coffee", 2), ("2026-01-01", 1, "Unknown", 1)]
    check(conn, mart)
    gold.check_gold(conn, settings, run_id="hour")
    gold.check_all_gold(conn, settings, run_id="night")


@pytest.mark.slow
def test_the_log_holds_what_has_moved_until_every_reader_has_taken_it(conn: connection, settings: Settings) -> None:
    for sale_id in (1, 2, 3):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build_untested(conn, settings)
    assert rows(conn, LOG) == []  # new rows are in the fact
    was = (1, 1, 1, "web", "2026-01-01")
    correct(conn, "sales_customer", 1, customer_id=9)
    correct(conn, "sales_product", 2, quantity=5)  # amounts are no move
    core(conn, settings)
    assert rows(conn, LOG) == [was]
    correct(conn, "sales_customer", 1, channel="app")
    core(conn, settings)
    assert rows(conn, LOG) == [was, (1, 9, 1, "web", "2026-01-01")]
    take(conn, settings, "mart_sales_by_customer")
    sell(conn, settings, 4, customer_id=4)
    core(conn, settings)
    assert len(rows(conn, LOG)) == 2  # the tests have not passed
    build_untested(conn, settings)
    sell(conn, settings, 5, customer_id=5)
    core(conn, settings)
    assert rows(conn, LOG) == []


@pytest.mark.slow
def test_the_log_waits_for_no_mart_that_will_be_built_whole(conn: connection, settings: Settings) -> None:
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    never = "insert into meta.gold_state (model, source_table, load_id) values ('mart_{0}', 'gold.sales_item', {1})"
    execute(conn, never.format("unbuilt", 0))
    execute(conn, never.format("dropped", 1))
    correct(conn, "sales_customer", 1, customer_id=9)
    build_untested(conn, settings)
    sell(conn, settings, 2, customer_id=2)
    core(conn, settings)
    assert rows(conn, LOG) == []


@pytest.mark.slow
def test_the_log_keeps_what_a_build_under_way_may_need(conn: connection, settings: Settings, database_url: str) -> None:
    """A mart that is building has a watermark that no other session sees."""
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    correct(conn, "sales_customer", 1, customer_id=9)
    build_untested(conn, settings)
    assert len(rows(conn, LOG)) == 1
    sell(conn, settings, 2, customer_id=2)
    with connect(database_url) as other, other.cursor() as cursor:
        cursor.execute("select meta.open_gold('mart_new', '{gold.sales_item}', '{}', true, 'first build')")
        core(conn, settings)
        assert len(rows(conn, LOG)) == 1
        other.rollback()
    sell(conn, settings, 3, customer_id=3)
    core(conn, settings)
    assert rows(conn, LOG) == []


AS_BEFORE_THE_LOG = f"""
    alter table gold.sales_item add column _prior_customer_key uuid, add column _prior_sold_date date;
    update gold.sales_item as item
    set _prior_customer_key = was.customer_key, _prior_sold_date = was.sold_date
    from gold.sales_item_change as was
    where was.sales_item_id = item.sales_item_id and was._load_id = (
        select min(first._load_id) from gold.sales_item_change as first
        where first.sales_item_id = item.sales_item_id
    );
    {BEFORE_8}
"""


@pytest.mark.slow
def test_an_upgrade_loses_nothing_of_what_the_mart_had_not_taken(conn: connection, settings: Settings) -> None:
    """Of a warehouse in which the fact itself said, for the one mart, where it last counted a line."""
    mart = "mart_sales_by_customer"
    for sale_id in (1, 2, 3):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build_untested(conn, settings)
    for customer_id in (7, 9):  # moved twice since the mart has counted it
        correct(conn, "sales_customer", 1, customer_id=customer_id)
        core(conn, settings)
    correct(conn, "sales_customer", 2, sold_at="2026-01-05T10:00:00Z")
    core(conn, settings)
    execute(conn, AS_BEFORE_THE_LOG)
    for _ in range(2):
        prepare_schema(conn, even_if_unchanged=True)
    assert rows(conn, LOG) == []  # the fact has other columns by now, so it is built again, and so is the mart
    build(conn, settings)
    check(conn, mart)
    gold.check_all_gold(conn, settings, run_id="night")


def test_an_upgrade_of_a_warehouse_without_gold_makes_the_log(conn: connection, settings: Settings) -> None:
    execute(conn, BEFORE_8)
    prepare_schema(conn, even_if_unchanged=True)
    sell(conn, settings, 1, customer_id=1)
    build_untested(conn, settings)
    check(conn, "mart_sales_by_customer")


@pytest.mark.slow
@pytest.mark.parametrize("mart", sorted(set(GRAINS) - set(NEW) - {"mart_sales_by_customer"}))
def test_a_mart_that_no_longer_agrees_with_the_others_is_found(conn: connection, settings: Settings, mart: str) -> None:
    """By the nightly tests, which look at all history."""
    for sale_id in (1, 2):
        sell(conn, settings, sale_id, customer_id=sale_id)
    build_untested(conn, settings)
    gold.check_all_gold(conn, settings, run_id="night")
    execute(conn, f"update gold.{mart} set quantity = quantity + 1")
    with pytest.raises(DataQualityError, match="marts_agree"):
        gold.check_all_gold(conn, settings, run_id="night")
